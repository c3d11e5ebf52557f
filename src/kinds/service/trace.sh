# shellcheck shell=sh disable=SC2154
# When it was started or stopped, and with what result where that was no success.
said=$(systemctl show -p ActiveState,ActiveEnterTimestamp,InactiveEnterTimestamp,Result -- "$UNIT")
value() { printf '%s\n' "$said" | sed -n "s/^$1=//p"; }
case $(value ActiveState) in
active | reloading | refreshing) what=started time=$(value ActiveEnterTimestamp) ;;
*) what=stopped time=$(value InactiveEnterTimestamp) ;;
esac
[ -n "$time" ] || exit 0
printf '%s %s\n' "$(date -d "$time" +%s)" "$what"
result=$(value Result)
[ "$result" = success ] || printf 'result %s\n' "$result"
