# shellcheck shell=sh disable=SC2154
[ "$STANDING" = mainstay-bare ] || exit 0
note_down 'join begun'
set -- join --config /dev/stdin
[ -z "$IGNORE" ] || set -- "$@" "--ignore-preflight-errors=$IGNORE"
[ -z "$SKIP" ] || set -- "$@" "--skip-phases=$SKIP"
# Early kubeadms give the mark of a control plane up at the first connection that breaks, though all else is there by then;
# a member that has joined etcd is no reason to begin anew.
tries=0
until run_kubeadm "$@"; do
    case $failed in *mark-control-plane) ;; *) exit "$status" ;; esac
    tries=$((tries + 1))
    [ $tries -le 5 ] || exit "$status"
    sleep 2
    set -- join phase control-plane-join mark-control-plane --config /dev/stdin
done
finish join
