# shellcheck shell=sh disable=SC2154,SC2016
here || exit 75
if [ -n "$IF_THERE" ]; then
    [ -n "$(api get node "$NAME" --ignore-not-found -o name)" ] || exit 0
fi
[ -z "$PATCH" ] || api patch node "$NAME" --type merge -p "$PATCH" >/dev/null
[ -n "$TAINTS" ] || exit 0
# Taints are one list that others change, too, so each is changed by itself; kubectl refuses to remove one that is not there.
template='{{range .spec.taints}}{{.key}}:{{.effect}}={{if .value}}{{.value}}{{end}}{{"\n"}}{{end}}'
there=$(api get node "$NAME" -o go-template="$template")
set --
IFS='
'
for line in $TAINTS; do
    which=${line%% *} value=${line#"${line%% *}"}
    is=$(printf '%s\n' "$there" | sed -n "s,^$which=, =,p")
    case $value in
    '') [ -z "$is" ] || set -- "$@" "$which-" ;;
    "$is") ;;
    ' =') set -- "$@" "$which" ;;
    *) set -- "$@" "${which%:*}${value# }:${which##*:}" ;;
    esac
done
unset IFS
[ $# -eq 0 ] || api taint node "$NAME" --overwrite "$@" >/dev/null
