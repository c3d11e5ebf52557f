# shellcheck shell=sh disable=SC2154,SC2153
# Ends with 0 when no Ready node has the name $NODE.
[ "$STANDING" = mainstay-bare ] || exit 0
here || exit 75
node=$(by_path get "/api/v1/nodes/$NODE") || unanswered $?
case $node in
'' | *'"kind":"Node"'*) ;;
*)
    # Without this check, a running node could be removed.
    echo "the API server returned something unexpected for node $NODE"
    exit 1
    ;;
esac
case $(printf '%s\n' "$node" | tr '{' '\n' | grep '"type":"Ready"') in
*'"status":"True"'*) ;;
*) exit 0 ;;
esac
echo "a node named $NODE is Ready. A stopped kubelet shows after 40 s; if it is another machine, rename one of the two."
exit 1
