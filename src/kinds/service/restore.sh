# shellcheck shell=sh disable=SC2154
# Puts UNIT back to how it was, with what it read before, and takes off what it leaves behind when it was killed:
# exactly the addresses RELEASES, wherever they are.
if [ "$(property NeedDaemonReload)" = yes ]; then systemctl daemon-reload; fi
now=$(property ActiveState)
if [ "$STATE" = active ]; then
    case $now in
    active | reloading | refreshing)
        if [ "$CHANGE" != nothing ]; then take_up "$CHANGE" || { explain; exit 1; }; fi
        ;;
    *) systemctl start -- "$UNIT" ;;
    esac
else
    case $now in
    inactive) ;;
    *)
        systemctl stop -- "$UNIT"
        systemctl reset-failed -- "$UNIT" 2>/dev/null || :
        ;;
    esac
fi
rm -f -- "$NOTES/$UNIT"
rmdir -p --ignore-fail-on-non-empty -- "$NOTES" 2>/dev/null || :
case $BOOT.$(property UnitFileState) in
enabled.disabled) systemctl enable --quiet -- "$UNIT" ;;
disabled.enabled | disabled.enabled-runtime) systemctl disable --quiet -- "$UNIT" ;;
esac
if [ "$STATE" = active ]; then exit 0; fi
set -f
for address in $RELEASES; do
    ip -4 -o addr show to "${address%/*}/32" | while read -r _ device _ found _; do
        if [ "$found" = "$address" ]; then ip addr del "$found" dev "${device%@*}"; fi
    done
done
