# shellcheck shell=sh disable=SC2154
# Moves the file that was there before, kept beside it on the host, back to its place.
kept="$FILE.mainstay-prior"
holds() {
    if [ ! -f "$1" ]; then return 1; fi
    found=$(sha256sum <"$1")
    [ "${found%% *}" = "$SHA256" ]
}
if holds "$kept"; then
    mv -f -T -- "$kept" "$FILE"
elif ! holds "$FILE"; then
    printf 'the previous content of %s is missing there and at %s, so it cannot be restored\n' "$FILE" "$kept" >&2
    exit 1
fi
chown -- "$OWNER" "$FILE"
chmod -- "$MODE" "$FILE"
rm -f -- "$kept" "$kept.new" "$FILE.mainstay-previous" "$FILE.mainstay-previous.new"
if command -v restorecon >/dev/null; then restorecon -- "$FILE" || :; fi
