# shellcheck shell=sh disable=SC2154
here || exit 0
echo "the cluster already runs here: kubeadm init on $NODE would begin a second one behind the same address" >&2
exit 1
