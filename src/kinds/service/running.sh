# shellcheck shell=sh disable=SC2154
state=$(systemctl show -p ActiveState --value -- "$UNIT")
if [ "$state" = active ]; then
    if [ "$UNIT" != containerd.service ] || ! command -v ctr >/dev/null; then exit 0; fi
    # kubelet needs its CRI plugin, without which containerd starts as well.
    plugins=$(ctr plugins ls 2>&1) || {
        printf '%s\n' "$plugins" | tail -n 1
        exit 1
    }
    cri=$(printf '%s\n' "$plugins" | awk '$2 == "cri" { print $NF }')
    if [ "$cri" = ok ]; then exit 0; fi
    echo "containerd runs, and its CRI plugin does not: ${cri:-it is disabled}"
    exit 1
fi
printf '%s is %s; its journal ends with:\n' "$UNIT" "$state" >&2
journalctl -u "$UNIT" -n 5 --no-pager -o cat >&2 || :
exit 1
