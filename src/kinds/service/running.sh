# shellcheck shell=sh disable=SC2154
state=$(systemctl show -p ActiveState --value -- "$UNIT")
if [ "$state" = active ]; then exit 0; fi
printf '%s is %s; its journal ends with:\n' "$UNIT" "$state" >&2
journalctl -u "$UNIT" -n 5 --no-pager -o cat >&2 || :
exit 1
