# shellcheck shell=sh disable=SC2154
run_kubeadm config images pull --config /dev/stdin
