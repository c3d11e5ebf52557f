# shellcheck shell=sh disable=SC2154,SC2153
# Ends with 0 when no Ready node bears this host's name.
[ "$STANDING" = mainstay-bare ] || exit 0
here || exit 75
node=$(by_path get "/api/v1/nodes/$NODE") || unanswered $?
case $node in
'' | *'"kind":"Node"'*) ;;
*)
    # Read wrongly, a node that lives would be taken out.
    echo "the API server told something odd of node $NODE"
    exit 1
    ;;
esac
case $(printf '%s\n' "$node" | tr '{' '\n' | grep '"type":"Ready"') in
*'"status":"True"'*) ;;
*) exit 0 ;;
esac
echo "a node named $NODE is Ready: a kubelet that was stopped is noticed after 40 s, another machine's is not"
exit 1
