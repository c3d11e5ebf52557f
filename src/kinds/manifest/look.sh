# shellcheck shell=sh disable=SC2154
# `absent`, `equal`, or `differs` lines with the names of the objects that are missing or not as declared.
here || exit 75
by_server diff
compared=$status
if [ "$compared" -eq 0 ]; then
    echo equal
    exit 0
fi
present=$(objects) || unanswered $?
if [ -z "$present" ]; then
    ready || exit 76
    echo absent
elif [ "$compared" -eq 1 ]; then
    printf '%s\n' "$said" | sed -n 's,^diff .*/MERGED-[0-9]*/,differs ,p' | sort
else
    printf '%s\n' "$said" >&2
    unanswered "$compared"
fi
