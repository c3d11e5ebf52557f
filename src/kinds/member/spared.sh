# shellcheck shell=sh disable=SC2154
# Whether etcd can spare this host's member, whose id is in `own` where others are there to go on: 1 when it would lose its
# majority, 2 when it does not say who its members are, so that there is no majority left to lose.
spared() {
    own=''
    [ "$ROLE" = control-plane ] || return 0
    [ -e "$m/etcd.yaml" ] || return 0
    list=$(members 2>/dev/null) || return 2
    states=$(printf '%s\n' "$list" | while IFS= read -r member; do
        case $member in
        *'"isLearner":true'*) continue ;;
        *"\"https://$ADDRESS:2380\""*)
            id=${member#*'"ID":"'}
            echo "own ${id%%'"'*}"
            continue
            ;;
        esac
        url=${member#*'"clientURLs":["'}
        healthy=$(etcd --server "${url%%'"'*}" get --raw /health 2>/dev/null) || healthy=''
        case $healthy in *'"health":"true"'*) echo runs ;; *) echo silent ;; esac
    done)
    runs=$(printf '%s\n' "$states" | grep -c runs) || :
    silent=$(printf '%s\n' "$states" | grep -c silent) || :
    # A learner, one that was taken out already, and the last one are missed by nobody.
    [ $((runs + silent)) -gt 0 ] || return 0
    own=$(printf '%s\n' "$states" | sed -n 's/^own //p')
    if [ -z "$own" ] || [ "$runs" -gt "$silent" ]; then
        return 0
    fi
    echo "of $((runs + silent)) other etcd members $runs run: without this member etcd would lose its majority; bring the" \
        "others back first" >&2
    return 1
}

# Whether the cluster answers at its endpoint, where kubeadm asks it.
answers() {
    kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir /run/mainstay/kubectl --request-timeout=10s \
        get --raw /readyz >/dev/null 2>&1
}
