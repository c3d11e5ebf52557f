# shellcheck shell=sh
here || exit 75
left=$(objects) || unanswered $?
[ -n "$left" ] || exit 0
printf 'still there: %s\n' "$(printf '%s ' $left)"
exit 1
