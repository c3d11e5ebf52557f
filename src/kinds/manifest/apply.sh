# shellcheck shell=sh disable=SC2154
here || exit 75
by_server apply
[ "$status" -eq 0 ] || printf '%s\n' "$said" >&2
exit "$status"
