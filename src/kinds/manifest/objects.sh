# shellcheck shell=sh disable=SC2154
# Which objects of the manifest exist, one name a line. Of a kind that the cluster does not know there are none.
objects() {
    while :; do
        status=0
        answer=$(printf '%s\n' "$CONTENT" | api get -f - --ignore-not-found -o name 2>&1) || status=$?
        if [ "$status" = 0 ] || ! election "$answer"; then break; fi
    done
    names=$(printf '%s\n' "$answer" | grep -E '^[a-z0-9.-]+/[^ ]+$') || :
    if [ "$status" -ne 0 ]; then
        unknown='no matches for kind|have a resource type|could not find the requested resource'
        other=$(printf '%s\n' "$answer" | grep -vE "^[a-z0-9.-]+/[^ ]+\$|$unknown|^ensure CRDs are installed first\$|^Warning: |^[WI][0-9]{4} |^\$") || :
        if [ -n "$other" ] || ! printf '%s\n' "$answer" | grep -qE "$unknown"; then
            printf '%s\n' "$answer" >&2
            return "$status"
        fi
    fi
    [ -z "$names" ] || printf '%s\n' "$names"
}
