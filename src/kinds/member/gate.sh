# shellcheck shell=sh disable=SC2154
# Ends with 0 when this control plane is whole: apiserver ready, node registered, every etcd member voting.
here || {
    echo 'no control plane here yet'
    exit 1
}
ready || {
    echo "the API server on $address:$port is not ready"
    kubelet_error
    exit 1
}
[ -n "$(by_path get "/api/v1/nodes/$NODE" 2>/dev/null)" ] || {
    echo "the kubelet has not registered node $NODE"
    kubelet_error
    exit 1
}
[ -e /etc/kubernetes/manifests/etcd.yaml ] || exit 0
healthy=$(etcd get --raw /health 2>/dev/null) || healthy=''
case $healthy in
*'"health":"true"'*) ;;
*)
    echo 'the etcd member of this host is not healthy'
    exit 1
    ;;
esac
list=$(members 2>/dev/null) || {
    echo 'the etcd member of this host does not answer'
    exit 1
}
case $list in
*"\"name\":\"$NODE\""*) ;;
*)
    echo "$NODE is not among the etcd members"
    exit 1
    ;;
esac
printf '%s\n' "$list" | while IFS= read -r member; do
    case $member in
    *'"isLearner":true'*)
        echo 'an etcd member does not vote yet'
        exit 1
        ;;
    *'"name":'*) ;;
    *)
        echo 'an etcd member has not started yet'
        exit 1
        ;;
    esac
done
