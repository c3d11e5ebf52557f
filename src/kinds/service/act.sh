# shellcheck shell=sh disable=SC2154,SC2153
# Makes UNIT run (or not) and start at boot (or not). What runs already takes up what has changed. Where a reload fails,
# each of FILES gets back its content before (FILE.mainstay-previous), with which UNIT still starts.
failed() {
    back=''
    for file in $FILES; do
        if [ "$READ" = start ] || [ ! -f "$file.mainstay-previous" ]; then continue; fi
        mv -f -T -- "$file.mainstay-previous" "$file"
        if command -v restorecon >/dev/null; then restorecon -- "$file" || :; fi
        back="$back $file"
    done
    explain
    if [ -n "$back" ]; then printf 'the previous content of%s was put back\n' "$back" >&2; fi
    if [ "$1" = ran ] && [ -n "$back" ]; then
        case $(property ActiveState) in
        active | reloading | refreshing) ;;
        *)
            systemctl reset-failed -- "$UNIT" 2>/dev/null || :
            systemctl start -- "$UNIT" || printf '%s does not start with it either\n' "$UNIT" >&2
            ;;
        esac
    fi
    exit 1
}
settled() {
    note
    if [ "$READ" = start ]; then return 0; fi
    for file in $FILES; do rm -f -- "$file.mainstay-previous" "$file.mainstay-previous.new"; done
}
new_unit=''
if [ "$(property NeedDaemonReload)" = yes ] || [ "$(property LoadState)" = not-found ]; then
    systemctl daemon-reload
    new_unit=yes
fi
case $(property LoadState) in
not-found)
    printf 'the host has no unit %s\n' "$UNIT" >&2
    exit 1
    ;;
masked)
    printf '%s is masked; to unmask it, run: systemctl unmask %s\n' "$UNIT" "$UNIT" >&2
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
    change=$CHANGE loaded=''
    if [ -n "$FILES" ]; then
        find_loaded "$(property MainPID)" ''
        case $change.$ACT.$loaded.$new_unit in
        nothing.*.stale.*) change=restart ;;
        # Only the start at boot changes, or the files are back to what the process has read.
        *.update.current.) change=nothing ;;
        esac
    fi
    case $change.$loaded in
    nothing.current) ;;
    nothing.*) exit 0 ;;
    *) take_up "$change" || failed ran ;;
    esac
    settled
    ;;
active.*)
    mark
    systemctl reset-failed -- "$UNIT" 2>/dev/null || :
    systemctl start -- "$UNIT" || failed rested
    settled
    ;;
inactive.inactive | inactive.failed) ;;
inactive.*) systemctl stop -- "$UNIT" || { explain; exit 1; } ;;
esac
