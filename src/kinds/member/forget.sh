# shellcheck shell=sh disable=SC2154
# Removes a node that was reset from the cluster: its etcd member and its Node object, nothing else.
[ "$STANDING" = mainstay-bare ] || exit 0
here || exit 75
if [ -n "$LEAVING" ]; then
    # Without quorum, no member can be removed; such a cluster must still be destroyable.
    tries=0
    until ready; do
        tries=$((tries + 1))
        if [ $tries -ge 15 ]; then
            echo "the cluster is unreachable, so its etcd member and Node object of $NODE are not deleted" >&2
            exit 0
        fi
        sleep 2
    done
fi
if [ "$ROLE" = control-plane ] && [ -e /etc/kubernetes/manifests/etcd.yaml ]; then
    list=$(members)
    printf '%s\n' "$list" | while IFS= read -r member; do
        case $member in
        *"\"name\":\"$NODE\""* | *"\"https://$ADDRESS:2380\""*) ;;
        *) continue ;;
        esac
        id=${member#*'"ID":"'}
        id=${id%%'"'*}
        etcd get --raw /health >/dev/null
        printf '{"ID":"%s"}\n' "$id" | etcd create --raw /v3/cluster/member/remove -f - >/dev/null
    done
fi
by_path delete "/api/v1/nodes/$NODE" >/dev/null
