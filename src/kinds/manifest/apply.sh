# shellcheck shell=sh disable=SC2154
here || exit 75
printf '%s\n' "$CONTENT" | api apply --server-side --force-conflicts --field-manager=mainstay -f -
