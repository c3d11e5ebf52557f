# shellcheck shell=sh disable=SC2154
# Lets the running UNIT take up its files, and sees that it has: systemd ends a reload well that the program refused.
property() { systemctl show -p "$1" --value -- "$UNIT"; }
since() { journalctl -u "$UNIT" ${cursor:+--after-cursor="$cursor"} --no-pager -o cat 2>/dev/null || :; }
mark() { cursor=$(journalctl -n 1 --show-cursor -o cat --no-pager 2>/dev/null | sed -n 's/^-- cursor: //p') || cursor=''; }

# Why UNIT has failed, on standard error.
explain() {
    said=$(since | grep -v -e '^\[NOTICE\]' -e 'Paused' -e 'Resumed' -e '^Reload' -e '^ *$' | tail -n 8)
    {
        printf '%s is %s; its journal ends with:\n' "$UNIT" "$(property ActiveState)"
        if [ -n "${cursor-}" ] && [ -n "$said" ]; then
            printf '%s\n' "$said"
        else
            journalctl -u "$UNIT" -n 5 --no-pager -o cat || :
        fi
    } >&2
}

# Whether the process that had the files before, $1, was followed by one that has read them anew.
taken_up() {
    main=$(property MainPID)
    find_holder "$main" || return 1
    if [ "$holder" != "$1" ]; then return 0; fi
    case $READ in
    signal) since | grep -q -e 'Reload complete' -e 'Reload finished' -e 'Reload took' ;;
    *) return 1 ;;
    esac
}

# $1 is `reload` or `restart`. Ends with a status when UNIT does not run with its files afterwards.
take_up() {
    mark
    find_holder "$(property MainPID)" || holder=''
    had=$holder
    case $1 in
    reload) systemctl reload-or-restart -- "$UNIT" || return 1 ;;
    restart) systemctl restart -- "$UNIT" || return 1 ;;
    esac
    # The host cannot say which process that is.
    if [ -z "$had" ] || [ -z "$FILES" ]; then return 0; fi
    left=75 # times 0.2 s
    until taken_up "$had"; do
        case $READ.$(property ActiveState) in
        *.failed | *.inactive) return 1 ;;
        # Not each version says when it is done; one that refuses its file ends.
        signal.active) if [ "$left" -lt 60 ]; then return 0; fi ;;
        esac
        left=$((left - 1))
        if [ "$left" = 0 ] || since | grep -q -e 'Loading failure' -e 'in waitpid mode'; then return 1; fi
        sleep 0.2
    done
}

# Notes which process has which content.
note() {
    if [ -z "$FILES" ]; then return 0; fi
    find_holder "$(property MainPID)" && now=$(content) || return 0
    mkdir -p -- "$NOTES"
    printf '%s %s\n' "$holder" "$now" >"$NOTES/$UNIT"
}
