# shellcheck shell=sh disable=SC3013
# Ends with 0 when no kubeadm runs on this host; those of containers do not count.
for comm in /proc/[0-9]*/comm; do
    name=''
    { IFS= read -r name <"$comm"; } 2>/dev/null || continue
    [ "$name" = kubeadm ] || continue
    pid=${comm%/comm}
    [ "$pid/ns/pid" -ef /proc/self/ns/pid ] || continue
    echo "kubeadm still runs (process ${pid#/proc/})"
    exit 1
done
