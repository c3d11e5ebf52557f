# shellcheck shell=sh disable=SC2154
# The cluster's configuration as kubeadm keeps it, or nothing where the cluster has none.
here || exit 75
read_api get configmap -n kube-system kubeadm-config --ignore-not-found \
    -o go-template='{{.data.ClusterConfiguration}}{{"\n"}}' || unanswered $?
