# shellcheck shell=sh disable=SC2154
here || exit 75
found=$(api get node "$NODE" --ignore-not-found -o name) || unanswered $?
[ -n "$found" ] && exit 0
echo "the kubelet has not registered node $NODE"
exit 1
