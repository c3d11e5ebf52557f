# shellcheck shell=sh disable=SC2154
# Puts CONTENT at FILE: whole, checked, and in one rename. Directories that are made on the way are
# noted under MADE on the host itself, so that whichever file leaves such a directory last can
# remove it, even when the run that made it was cut off.
dir=${FILE%/*}
if [ "$dir" = "$FILE" ]; then dir=.; fi
dir=${dir:-/}
if [ -L "$FILE" ] || { [ -e "$FILE" ] && [ ! -f "$FILE" ]; }; then
    printf '%s is not a regular file\n' "$FILE" >&2
    exit 1
fi

make_parents() {
    if [ -d "$1" ]; then return 0; fi
    case $1 in ?*/*) make_parents "${1%/*}" ;; esac
    mkdir -p -- "$MADE/$1/.made"
    mkdir -m 755 -- "$1" || [ -d "$1" ]
}
make_parents "$dir"

trap 'exit 1' HUP INT TERM PIPE
tmp=$(mktemp -- "$dir/.mainstay.XXXXXX")
trap 'rm -f -- "$tmp"' EXIT
printf '%s' "$CONTENT" >"$tmp"
arrived=$(sha256sum <"$tmp")
if [ "${arrived%% *}" != "$SHA256" ]; then
    echo 'the written file differs from the sent content; check whether the disk is full' >&2
    exit 1
fi
chown -- "$OWNER" "$tmp"
chmod -- "$MODE" "$tmp"

case $CHECK in
haproxy)
    # Without -q, which would keep the reason to itself.
    haproxy -c -f "$tmp" >/dev/null
    ;;
keepalived)
    # Not every version ends with a status for every fault, but each one says something.
    said=$(keepalived -t -f "$tmp" 2>&1) || { status=$?; printf '%s\n' "$said" >&2; exit "$status"; }
    if [ -n "$said" ]; then
        printf '%s\n' "$said" >&2
        exit 5
    fi
    ;;
containerd)
    if command -v containerd >/dev/null; then containerd --config "$tmp" config dump >/dev/null; fi
    ;;
esac

there=''
if [ -f "$FILE" ]; then there=$(sha256sum <"$FILE"); fi
# One that is there already is the last that its reader did well with.
if [ "$PREVIOUS" = keep ] && [ -n "$there" ] && [ "$there" != "$arrived" ] && [ ! -e "$FILE.mainstay-previous" ]; then
    cp -p -- "$FILE" "$FILE.mainstay-previous.new"
    sync -- "$FILE.mainstay-previous.new"
    mv -f -T -- "$FILE.mainstay-previous.new" "$FILE.mainstay-previous"
fi

if [ "$KEEP" = yes ] && [ -f "$FILE" ] && [ ! -e "$FILE.mainstay-prior" ]; then
    if [ "$there" != "$arrived" ]; then
        # In one rename, because a copy that is there is taken for whole.
        (umask 077 && cp -- "$FILE" "$FILE.mainstay-prior.new")
        sync -- "$FILE.mainstay-prior.new"
        mv -f -T -- "$FILE.mainstay-prior.new" "$FILE.mainstay-prior"
    fi
fi
sync -- "$tmp"
mv -f -T -- "$tmp" "$FILE"
sync -- "$dir"
if [ "$PREVIOUS" = drop ]; then rm -f -- "$FILE.mainstay-previous" "$FILE.mainstay-previous.new"; fi
if [ "$KEEP" = drop ]; then rm -f -- "$FILE.mainstay-prior" "$FILE.mainstay-prior.new"; fi
if command -v restorecon >/dev/null; then restorecon -- "$FILE" || :; fi
