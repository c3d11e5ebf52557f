# shellcheck shell=sh disable=SC2154
# Makes UNIT run (or not) and start at boot (or not). What runs already takes up what has changed.
property() { systemctl show -p "$1" --value -- "$UNIT"; }
explain() {
    status=$?
    {
        printf '%s is %s; its journal ends with:\n' "$UNIT" "$(property ActiveState)"
        journalctl -u "$UNIT" -n 5 --no-pager -o cat || :
    } >&2
    exit "$status"
}
if [ "$(property NeedDaemonReload)" = yes ] || [ "$(property LoadState)" = not-found ]; then systemctl daemon-reload; fi
case $(property LoadState) in
not-found)
    printf 'the host has no unit %s\n' "$UNIT" >&2
    exit 1
    ;;
masked)
    printf '%s is masked, which somebody has done on purpose: systemctl unmask %s\n' "$UNIT" "$UNIT" >&2
    exit 1
    ;;
esac

at_boot=$(property UnitFileState)
case $BOOT.$at_boot in
enabled.disabled | enabled.enabled-runtime | enabled.linked | enabled.linked-runtime) systemctl enable --quiet -- "$UNIT" ;;
disabled.enabled | disabled.enabled-runtime) systemctl disable --quiet -- "$UNIT" ;;
esac

now=$(property ActiveState)
case $STATE.$now in
active.active | active.reloading | active.refreshing)
    case $CHANGE in
    reload) systemctl reload-or-restart -- "$UNIT" || explain ;;
    restart) systemctl restart -- "$UNIT" || explain ;;
    esac
    ;;
active.*)
    systemctl reset-failed -- "$UNIT" 2>/dev/null || :
    systemctl start -- "$UNIT" || explain
    ;;
inactive.inactive | inactive.failed) ;;
inactive.*) systemctl stop -- "$UNIT" || explain ;;
esac
