# shellcheck shell=sh disable=SC2154
# `absent`, `equal`, or `differs` lines with the names of the objects that are missing or not as declared.
here || exit 75
status=0
differing=$(printf '%s\n' "$CONTENT" |
    TMPDIR=/run api diff --server-side --force-conflicts --field-manager=mainstay -f -) || status=$?
if [ $status -eq 0 ]; then
    echo equal
    exit 0
fi
present=$(objects) || unanswered $?
if [ -z "$present" ]; then
    ready || exit 76
    echo absent
elif [ $status -eq 1 ]; then
    printf '%s\n' "$differing" | sed -n 's,^diff .*/MERGED-[0-9]*/,differs ,p' | sort
else
    unanswered "$status"
fi
