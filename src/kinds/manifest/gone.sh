# shellcheck shell=sh
here || exit 75
left=$(objects) || unanswered $?
[ -n "$left" ] || exit 0
echo "still there: $(printf '%s ' "$left" | tr '\n' ' ')"
exit 1
