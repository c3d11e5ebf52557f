# shellcheck shell=sh disable=SC2154,SC2034
# Runs `diff` or `apply` over the manifest, on the server's side. Servers before v1.22 refuse there what they
# accept otherwise (a number as a quantity, a port without protocol); only then the client does the work.
by_server() {
    status=0
    # An account that may only look can write in /tmp alone.
    room=/run
    [ -w /run ] || room=/tmp
    said=$(printf '%s\n' "$CONTENT" |
        TMPDIR=$room api "$1" --server-side --force-conflicts --field-manager=mainstay -f - 2>&1) || status=$?
    case $said in
    *'failed to create typed patch object'*)
        status=0
        said=$(printf '%s\n' "$CONTENT" | TMPDIR=$room api "$1" --field-manager=mainstay -f - 2>&1) || status=$?
        ;;
    esac
}
