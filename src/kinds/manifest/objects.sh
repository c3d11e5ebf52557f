# shellcheck shell=sh disable=SC2154
# Which objects of the manifest exist, one name a line. A kind that the cluster does not know has no objects.
objects() {
    status=0
    answer=$(printf '%s\n' "$CONTENT" | api get -f - --ignore-not-found -o name 2>&1) || status=$?
    if [ $status -ne 0 ] && printf '%s\n' "$answer" | grep 'rror' | grep -qv 'no matches for kind'; then
        printf '%s\n' "$answer" >&2
        return "$status"
    fi
    printf '%s\n' "$answer" | grep -E '^[a-z0-9.-]+/[^ ]+$' || :
}
