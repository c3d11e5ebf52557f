# shellcheck shell=sh disable=SC2154
[ "$STANDING" = mainstay-bare ] || exit 0
note_down 'join begun'
set -- join --config /dev/stdin
[ -z "$IGNORE" ] || set -- "$@" "--ignore-preflight-errors=$IGNORE"
[ -z "$SKIP" ] || set -- "$@" "--skip-phases=$SKIP"
run_kubeadm "$@"
finish join
