# shellcheck shell=sh disable=SC2154
# Before the table is first written: stops where a route to a pod range has another next hop, because others made it.
# Routes of others with the right next hop are noted, to be put back in the end.
if [ ! -e "$FILE" ]; then
    # `route replace TO via GATEWAY proto PROTOCOL`, or `route replace TO here` where there is no next hop.
    live=$(ip -4 -details route show root "$SUBNET" | sed -n \
        -e 's/^unicast \([0-9./]*\) via \([^ ]*\) .*proto \([^ ]*\) .*/route replace \1 via \2 proto \3/p' -e t \
        -e 's/^[a-z]* \([0-9./]*\) .*/route replace \1 here/p' | sort -u)
    differ=$({
        printf '%s%s' "$TABLE" "$TABLE"
        printf '%s\n' "$live" | sed "s/ proto .*/ proto $PROTOCOL/"
    } | sort | uniq -u)
    printf '%s\n' "$differ" | while read -r _ _ to _ via _; do
        case $TABLE in
        *" $to via "*)
            if [ "$to" != "$RANGE" ]; then
                printf 'there is a route to pods of another node that mainstay did not make, %s%s: %s\n' \
                    "$to" "${via:+ via $via}" 'delete it, or choose another kubernetes.podSubnet' >&2
                exit 1
            fi
            ;;
        esac
    done

    # What an earlier version of mainstay made is listed in its unit.
    earlier=$(if [ -e "$UNIT" ]; then sed -n 's#^ExecStart=/sbin/ip \(route replace .* proto static\)$#\1#p' "$UNIT"; fi)
    prior=$(for theirs in $(printf '%s\n' "$live" | sed -n 's/.* proto //p' | sort -u); do
        { printf '%s' "$TABLE" | sed "s/ proto .*/ proto $theirs/" && printf '%s\n' "$live"; } | sort | uniq -d
    done)
    prior=$(printf '%s\n' "$prior" "$earlier" "$earlier" | sort | uniq -u)
    if [ -n "$prior" ]; then
        dir=${FILE%/*}
        if [ ! -d "$dir" ]; then mkdir -p -- "$MADE/$dir/.made" && mkdir -m 755 -- "$dir"; fi
        printf '%s\n' "$prior" >"$FILE.mainstay-prior"
        sync -- "$FILE.mainstay-prior"
    fi
fi
