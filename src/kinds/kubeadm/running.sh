# shellcheck shell=sh
# Ends with 0 when no kubeadm runs on this host.
for comm in /proc/[0-9]*/comm; do
    name=''
    { IFS= read -r name <"$comm"; } 2>/dev/null || continue
    [ "$name" = kubeadm ] || continue
    pid=${comm%/comm}
    echo "kubeadm still runs (process ${pid#/proc/})"
    exit 1
done
