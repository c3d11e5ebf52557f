# shellcheck shell=sh disable=SC2154
# The last act on PACKAGE that the log of dpkg has, and the command of apt that it was a part of; or when rpm installed
# it, or dnf erased it. Logs tell local time.
if [ -r "$LOGS/dpkg.log" ]; then
    # DATE TIME ACT NAME:ARCH OLD NEW
    last=$(cat "$LOGS/dpkg.log.1" "$LOGS/dpkg.log" 2>/dev/null | awk -v name="$PACKAGE" '
        $3 ~ /^(install|upgrade|remove|purge)$/ { split($4, full, ":"); if (full[1] == name) found = $1 " " $2 " " $3 }
        END { print found }')
    [ -n "$last" ] || exit 0
    at=${last% *}
    case ${last##* } in
    install) what=installed ;;
    upgrade) what='upgraded or downgraded' ;;
    remove) what=removed ;;
    *) what=purged ;;
    esac
    printf '%s %s\n' "$(date -d "$at" +%s)" "$what"
    [ -r "$LOGS/apt/history.log" ] || exit 0
    awk -v at="$at" '
        /^Start-Date: / { start = $2 " " $3; command = ""; by = "" }
        /^Commandline: / { command = substr($0, 14) }
        /^Requested-By: / { by = ", asked for by " substr($0, 15) }
        /^End-Date: / { if (command != "" && start <= at && at <= $2 " " $3) said = command by }
        END { if (said != "") print said }' "$LOGS/apt/history.log"
elif command -v rpm >/dev/null; then
    if at=$(rpm -q --qf '%{INSTALLTIME}\n' -- "$PACKAGE" 2>/dev/null); then
        printf '%s installed\n' "${at%%"
"*}"
        exit 0
    fi
    at=$(awk -v name="$PACKAGE" '
        { for (i = 2; i < NF; i++) if ($i == "Erase:" && index($(i + 1), name "-") == 1) found = $1 }
        END { print found }' "$LOGS/dnf.rpm.log" 2>/dev/null)
    [ -z "$at" ] || printf '%s removed\n' "$(date -d "$at" +%s)"
fi
