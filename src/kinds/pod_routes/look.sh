# shellcheck shell=sh disable=SC2154
# Prints what the table at FILE says (range of this node, nodes, SHA-256), and how many routes are installed and the
# SHA-256 of the table that they amount to together with the node's own line.
live=$(ip -4 route show root "$SUBNET" proto "$PROTOCOL")
own='' nodes=0 table=-
if [ -L "$FILE" ] || { [ -e "$FILE" ] && [ ! -f "$FILE" ]; }; then
    printf '%s is not a regular file\n' "$FILE" >&2
    exit 1
elif [ -e "$FILE" ]; then
    own=$(sed -n '$s/^# own //p' "$FILE")
    nodes=$(sed '$d' "$FILE" | wc -l)
    table=$(sed '$d' "$FILE" | sha256sum)
elif [ -z "$live" ]; then
    echo absent
    exit 0
fi
installed=$({
    printf '%s\n' "$live" | sed -e '/^$/d' -e "s/^\([^ ]*\) via \([^ ]*\) .*/route replace \1 via \2 proto $PROTOCOL/"
    if [ -n "$own" ]; then sed '$d' "$FILE" | grep -F " $own via " || :; fi
} | sort | sha256sum)
routes=$(printf '%s\n' "$live" | sed '/^$/d' | wc -l)
printf '%s %s %s %s %s\n' "${own:--}" "$((nodes))" "${table%% *}" "$((routes))" "${installed%% *}"
