# shellcheck shell=sh disable=SC2154
# Removes FILE, and those of its parents that were made for a file of ours and are empty now.
if [ -d "$FILE" ] && [ ! -L "$FILE" ]; then
    printf '%s is a directory\n' "$FILE" >&2
    exit 1
fi
rm -f -- "$FILE" "$FILE.mainstay-prior" "$FILE.mainstay-prior.new" \
    "$FILE.mainstay-previous" "$FILE.mainstay-previous.new"
# A unit that goes on must not do so with what is gone.
case $FILE in */systemd/system/*) if command -v systemctl >/dev/null; then systemctl daemon-reload || :; fi ;; esac
dir=$FILE
while :; do
    case $dir in ?*/*) dir=${dir%/*} ;; *) break ;; esac
    if [ ! -d "$MADE/$dir/.made" ]; then break; fi
    if [ -d "$dir" ] && ! rmdir -- "$dir" 2>/dev/null; then break; fi
    rmdir -- "$MADE/$dir/.made"
    rmdir -p --ignore-fail-on-non-empty -- "$MADE/$dir" 2>/dev/null || :
done
