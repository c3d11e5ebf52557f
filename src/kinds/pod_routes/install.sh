# shellcheck shell=sh disable=SC2154
# Installs the routes of FILE, then deletes those that it does not list, so that there is never none. Of several
# errors the others are still installed.
said=$(grep -vF " $RANGE via " "$FILE" | ip -4 -force -batch - 2>&1) || {
    status=$?
    printf '%s\n' "$said" | tail -n 20 >&2
    exit "$status"
}
surplus=$({
    cat -- "$FILE" "$FILE"
    ip -4 route show root "$SUBNET" proto "$PROTOCOL" |
        sed "s/^\([^ ]*\) via \([^ ]*\) .*/route replace \1 via \2 proto $PROTOCOL/" | sort -u
} | sort | uniq -u)
printf '%s\n' "$surplus" |
    sed -e 's/^route replace /route del /' -e t -e "s/^\([^ ]\{1,\}\) .*/route del \1 proto $PROTOCOL/" |
    ip -4 -force -batch -
