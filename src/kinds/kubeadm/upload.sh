# shellcheck shell=sh disable=SC2154
# Lays the cluster's certificates into a secret, encrypted with a key that only this run knows.
[ "$STANDING" = mainstay-bare ] || exit 0
run_kubeadm init phase upload-certs --upload-certs --skip-certificate-key-print --config /dev/stdin
