# shellcheck shell=sh disable=SC2154
# Uploads the cluster's certificates as a secret, encrypted with a key that only this run knows.
[ "$STANDING" = mainstay-bare ] || exit 0
here || exit 75
# The document describes the joining host. Since 1.36, kubeadm connects to the API server at the address in it.
CONFIG=$(printf '%s\n' "$CONFIG" |
    sed "1,/^---/{s/^\( *advertiseAddress:\) .*/\1 $address/;s/^\( *bindPort:\) .*/\1 $port/;}")
run_kubeadm init phase upload-certs --upload-certs --skip-certificate-key-print --config /dev/stdin
