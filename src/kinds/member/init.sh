# shellcheck shell=sh disable=SC2154
noted
[ "$note" != 'init done' ] || exit 0
note_down 'init begun'
set -- init --config /dev/stdin --skip-token-print --skip-certificate-key-print
[ -z "$IGNORE" ] || set -- "$@" "--ignore-preflight-errors=$IGNORE"
[ -z "$SKIP" ] || set -- "$@" "--skip-phases=$SKIP"
run_kubeadm "$@"
finish init
