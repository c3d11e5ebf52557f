# shellcheck shell=sh disable=SC2154
# Comments the swap lines of fstab, takes every swap out of use, and masks the systemd units that
# would bring back those that fstab does not know (zram, GPT partitions).
if [ -e "$FSTAB" ]; then
    tmp=$(mktemp "$FSTAB.XXXXXX")
    trap 'rm -f "$tmp"' EXIT
    cp -p "$FSTAB" "$tmp"
    sed -e '/^[[:space:]]*#/b' \
        -e 's/^[[:space:]]*[^[:space:]]\{1,\}[[:space:]]\{1,\}[^[:space:]]\{1,\}[[:space:]]\{1,\}swap\([[:space:]].*\)\{0,1\}$/#mainstay# &/' \
        "$FSTAB" >"$tmp"
    if ! cmp -s "$tmp" "$FSTAB"; then
        sync "$tmp"
        mv -f "$tmp" "$FSTAB"
    fi
fi
if [ ! -e "$SWAPS" ]; then exit 0; fi
sed -n '1!s/^\([^[:space:]]*\).*/\1/p' "$SWAPS" | while read -r name; do
    name=$(printf '%b' "$name")
    if [ -d "$SYSTEMD" ]; then
        unit=$(systemd-escape -p --suffix=swap "$name")
        source=$(systemctl show -p SourcePath --value "$unit")
        if [ "$source" != /etc/fstab ] && systemctl mask --quiet "$unit"; then printf '@@keep masked.%s=yes\n' "$unit"; fi
    fi
    swapoff "$name"
done
if [ -d "$SYSTEMD" ]; then systemctl daemon-reload; fi
