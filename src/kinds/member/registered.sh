# shellcheck shell=sh disable=SC2154
here || exit 75
found=$(by_path get "/api/v1/nodes/$NODE") || unanswered $?
[ -n "$found" ] && exit 0
echo "the kubelet has not registered node $NODE"
exit 1
