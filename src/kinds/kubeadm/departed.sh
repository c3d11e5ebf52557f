# shellcheck shell=sh disable=SC2154
# Ends with 0 when no Ready node bears this host's name.
[ "$STANDING" = mainstay-bare ] || exit 0
here || exit 75
template='{{range .status.conditions}}{{if eq .type "Ready"}}{{.status}}{{end}}{{end}}'
state=$(api get node "$NODE" --ignore-not-found -o go-template="$template") || unanswered $?
[ "$state" = True ] || exit 0
echo "a node named $NODE is Ready: a kubelet that was stopped is noticed after 40 s, another machine's is not"
exit 1
