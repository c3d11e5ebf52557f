# shellcheck shell=sh
# Asks the apiserver and the etcd member of this host, and no others.
apiserver=/etc/kubernetes/manifests/kube-apiserver.yaml
pki=/etc/kubernetes/pki
unset https_proxy HTTPS_PROXY

# Whether this host is a control plane; finds out where its apiserver listens.
here() {
    [ -e /etc/kubernetes/admin.conf ] && [ -e "$apiserver" ] || return 1
    address='' port=6443
    while read -r _ flag; do
        case $flag in
        --advertise-address=*) address=${flag#*=} ;;
        --secure-port=*) port=${flag#*=} ;;
        esac
    done <"$apiserver"
    [ -n "$address" ]
}

# The cache lies in /run, so that looking writes nothing that stays.
api() {
    kubectl --kubeconfig /etc/kubernetes/admin.conf --server "https://$address:$port" \
        --cache-dir /run/mainstay/kubectl --request-timeout=10s "$@"
}

# Whether a read that failed with the text $1 is worth repeating: etcd elects a leader when a member joins or leaves.
# Steps are repeated by the engine.
retries=3
election() {
    case $1 in
    *'etcdserver: leader changed'* | *'etcdserver: request timed out'*) ;;
    *) return 1 ;;
    esac
    retries=$((retries - 1))
    [ "$retries" -ge 0 ] && sleep 0.5
}

# As `api`, for reads without standard input.
read_api() {
    while :; do
        status=0
        { errors=$(api "$@" 2>&1 >&3) || status=$?; } 3>&1
        if [ "$status" = 0 ]; then return 0; fi
        election "$errors" || break
    done
    printf '%s\n' "$errors" >&2
    return "$status"
}

# by_path get|delete PATH: what the API server answers, or nothing where there is no such object. By path, because for words
# like `node` kubectl first asks the API server what it serves at all, which takes longer than the answer.
by_path() {
    status=0
    said=$(api "$1" --raw "$2" 2>&1) || status=$?
    case $status,$said in
    0,*) printf '%s\n' "$said" ;;
    *'(NotFound)'*) ;;
    *)
        printf '%s\n' "$said" >&2
        return "$status"
        ;;
    esac
}

ready() { api get --raw /readyz >/dev/null 2>&1; }

# Ends a look or step whose kubectl failed with status $1.
unanswered() {
    ready || exit 76
    exit "$1"
}

# etcd's own JSON interface. kubectl is the TLS client, because a host need not have curl, and because an etcdctl
# in the member's container is only reached through a kubelet that works.
etcd() {
    kubectl --kubeconfig /dev/null --cache-dir /run/mainstay/kubectl --request-timeout=10s \
        --server https://127.0.0.1:2379 --certificate-authority "$pki/etcd/ca.crt" \
        --client-certificate "$pki/etcd/healthcheck-client.crt" \
        --client-key "$pki/etcd/healthcheck-client.key" "$@"
}

# A line a member: "ID":"1","name":"cp1","peerURLs":["https://..:2380"],"clientURLs":[..],"isLearner":true
members() {
    all=$(echo '{}' | etcd create --raw /v3/cluster/member/list -f -) || return 1
    printf '%s\n' "$all" | tr '{' '\n' | grep '"ID":'
}
