# shellcheck shell=sh disable=SC2154
# `swap`, then `live NAME` a swap in use and `fstab LINE` a line that would bring one back at boot.
echo swap
if [ -e "$SWAPS" ]; then sed -n '1!s/^\([^[:space:]]*\).*/live \1/p' "$SWAPS"; fi
if [ -e "$FSTAB" ]; then
    sed -n -e '/^[[:space:]]*#/d' \
        -e 's/^[[:space:]]*[^[:space:]]\{1,\}[[:space:]]\{1,\}[^[:space:]]\{1,\}[[:space:]]\{1,\}swap\([[:space:]].*\)\{0,1\}$/fstab &/p' \
        "$FSTAB"
fi
