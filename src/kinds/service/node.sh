# shellcheck shell=sh disable=SC2154,SC2153
# The node that this host is, as the API knows it: a control plane asks its own API server, a worker the endpoint, both with
# kubelet's own credentials, which may read this node and its lease.
kubelet_conf=/etc/kubernetes/kubelet.conf

of_node() {
    server=''
    if here; then server=https://$address:$port; fi
    kubectl --kubeconfig "$kubelet_conf" ${server:+--server "$server"} --cache-dir /run/mainstay/kubectl \
        --request-timeout=10s get --raw "$1"
}

is_ready() {
    node=$(of_node "/api/v1/nodes/$NODE" 2>&1) || {
        printf '%s\n' "$node" | tail -n 1
        return 1
    }
    case $node in
    *'"type":"Ready","status":"True"'*) return 0 ;;
    esac
    why=$(printf '%s\n' "$node" | sed -n 's/.*"type":"Ready",[^}]*"message":"\([^"]*\)".*/\1/p')
    echo "node $NODE is not Ready: ${why:-kubelet does not say why}"
    return 1
}
