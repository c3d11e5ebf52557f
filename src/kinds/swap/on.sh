# shellcheck shell=sh disable=SC2154
# Puts the lines of fstab, the systemd units and the swaps back that were there.
if [ -e "$FSTAB" ] && grep -q '^#mainstay# ' "$FSTAB"; then
    tmp=$(mktemp "$FSTAB.XXXXXX")
    trap 'rm -f "$tmp"' EXIT
    cp -p "$FSTAB" "$tmp"
    sed 's/^#mainstay# //' "$FSTAB" >"$tmp"
    sync "$tmp"
    mv -f "$tmp" "$FSTAB"
fi
set -f
# A run that was cut off while swapoff took its minutes has masked units that no record names.
if [ -d "$SYSTEMD" ]; then
    for name in $LIVE; do
        unit=$(systemd-escape -p --suffix=swap "$(printf '%b' "$name")")
        if [ "$(systemctl show -p LoadState --value "$unit")" = masked ]; then MASKED="$MASKED $unit"; fi
    done
fi
# shellcheck disable=SC2086 # words: unit names hold no blanks
if [ -n "$MASKED" ]; then systemctl unmask --quiet $MASKED; fi
if [ -d "$SYSTEMD" ]; then systemctl daemon-reload; fi
if [ -n "$LIVE" ]; then swapon -a || :; fi
for name in $LIVE; do
    if grep -q -s -F -e "$name " -e "$name	" "$SWAPS"; then continue; fi
    name=$(printf '%b' "$name")
    case $name in
    /dev/zram*)
        unit=$(systemd-escape -p --suffix=swap "$name")
        systemctl start "$unit" || printf '%s comes back with the next boot\n' "$name"
        ;;
    *) swapon "$name" ;;
    esac
done
