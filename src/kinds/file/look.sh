# shellcheck shell=sh disable=SC2154
# `absent`, or `MODE|UID|GID|SIZE|TYPE|USER:GROUP` and, for a regular file, a second line:
# `base64 CONTENT` when it may be read whole, `sha256 HASH` otherwise. Base64, because the answer
# must be the same text on both sides whatever bytes the file holds.
line="
$FILE|"
seen=${all_files-}
facts=${seen#*"$line"}
if [ "$facts" != "$seen" ]; then
    facts=${facts%%"
"*}
    printf '%s\n' "$facts"
elif facts=$(stat -c '%a|%u|%g|%s|%F|%U:%G' -- "$FILE" 2>&1); then
    printf '%s\n' "$facts"
else
    case $facts in
    *': No such file or directory')
        echo absent
        exit 0
        ;;
    esac
    printf '%s\n' "$facts" >&2
    exit 1
fi
case $facts in
*'|regular file|'* | *'|regular empty file|'*) ;;
*) exit 0 ;;
esac
size=${facts#*|*|*|}
size=${size%%|*}
if [ "$READ" = yes ] && [ "$size" -le 262144 ]; then
    printf 'base64 '
    exec base64 -w 0 <"$FILE"
else
    printf 'sha256 '
    exec sha256sum <"$FILE"
fi
