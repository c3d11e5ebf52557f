# shellcheck shell=sh disable=SC2154
here || exit 75
if ! printf '%s\n' "$CONTENT" | api delete --ignore-not-found --wait=false -f -; then
    # Objects whose kind went with the definition that the same manifest holds are gone, too.
    left=$(objects) || unanswered $?
    [ -z "$left" ] || exit 1
fi
