# shellcheck shell=sh disable=SC2154
here || exit 75
if [ -n "$IF_THERE" ]; then
    [ -n "$(api get node "$NAME" --ignore-not-found -o name)" ] || exit 0
fi
api patch node "$NAME" --type merge -p "$PATCH" >/dev/null
