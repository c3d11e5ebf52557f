# shellcheck shell=sh disable=SC2154
# `none`, `begun init` or `begun join` (unfinished, by mainstay), `begun` (its destruction was interrupted), `done ROLE`, or
# `foreign ROLE ENDPOINT` for a node that mainstay did not create. A control plane adds the version of its
# API server.
# A stopped kubelet or an unreachable API server must not make a node look unfinished.
noted
present=''
for file in $files; do
    [ ! -e "$file" ] || present="$present $file"
done
role=worker
version=''
if [ -e "$m/kube-apiserver.yaml" ]; then
    role=control-plane
    version=$(sed -n 's,^ *image: .*/kube-apiserver:v\([^ "@]*\).*,\1,p' "$m/kube-apiserver.yaml" | head -n 1)
fi
case $note in
*' done')
    lost=''
    while IFS= read -r file; do
        [ "$file" = "$note" ] || [ "$file" = "$movable" ] || [ -e "$file" ] || lost="$lost $file"
    done <"$marker"
    if [ -n "$lost" ]; then
        echo "kubeadm finished here, but files are missing:$lost; restore them from a backup or with the phase of" \
            "kubeadm init that writes it (kubeadm init phase --help)" >&2
        exit 1
    fi
    echo "done $role${version:+ $version}"
    exit 0
    ;;
'init begun' | 'join begun')
    echo "begun ${note%% *}"
    exit 0
    ;;
*' begun' | *' leaving')
    echo begun
    exit 0
    ;;
esac
if [ -z "$present" ]; then
    echo none
    exit 0
fi
conf=$k/kubelet.conf
[ $role = worker ] || conf=$k/admin.conf
if [ -e "$k/bootstrap-kubelet.conf" ] || ! [ -e "$k/kubelet.conf" ] || ! [ -e "$k/pki/ca.crt" ] || ! [ -e "$conf" ]; then
    echo "left by a kubeadm that mainstay did not run:$present; run kubeadm reset on this host" >&2
    exit 1
fi
# The name of its node: the hostname, unless kubelet has --hostname-override.
own=$(sed -n 's/.*--hostname-override[= ]\([^ "]*\).*/\1/p' /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet \
    /etc/sysconfig/kubelet 2>/dev/null | tail -n 1)
[ -n "$own" ] || own=$(uname -n | tr '[:upper:]' '[:lower:]')
if [ "$own" != "$NODE" ]; then
    echo "this host's node is $own, not $NODE: write \`nodeName: $own\` under the host in cluster.yaml" >&2
    exit 1
fi
endpoint=''
while read -r key value; do
    [ "$key" != server: ] || endpoint=$value
done <"$conf"
if [ $role = control-plane ]; then
    here || exit 1
    if ! labels=$(node_labels); then
        echo "it is unknown whether kubeadm finished here: mainstay did not run it, and the API server does not answer" >&2
        exit 1
    fi
    if ! printf '%s\n' "$labels" | grep -qx node-role.kubernetes.io/control-plane; then
        echo "a kubeadm that mainstay did not run has not finished here:$present; run kubeadm reset on this host" >&2
        exit 1
    fi
fi
echo "foreign $role $endpoint${version:+ $version}"
