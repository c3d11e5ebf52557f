# shellcheck shell=sh disable=SC2154
# UNIT does not do well with its new files: gives it back those that it had before, and says so. Silent where there are none.
set -f
back=''
for file in $READS; do
    [ -e "$file.mainstay-previous" ] || continue
    mv -f -T -- "$file.mainstay-previous" "$file"
    sync -- "${file%/*}"
    back="$back $file"
done
[ -n "$back" ] || exit 0
systemctl reset-failed -- "$UNIT" 2>/dev/null || :
if systemctl restart -- "$UNIT" && systemctl is-active --quiet -- "$UNIT"; then
    echo "the previous$back was put back, and $UNIT runs with it again"
else
    echo "the previous$back was put back, but $UNIT still does not run"
fi
