# shellcheck shell=sh disable=SC2154,SC2016
# `node`, then `label KEY VALUE` and `annotation KEY VALUE` lines with URL-escaped values, of KEYS alone.
here || exit 75
template='{{"node\n"}}'
template=$template'{{range $k, $v := .metadata.labels}}label {{$k}} {{urlquery $v}}{{"\n"}}{{end}}'
template=$template'{{range $k, $v := .metadata.annotations}}annotation {{$k}} {{urlquery $v}}{{"\n"}}{{end}}'
found=$(api get node "$NAME" --ignore-not-found -o go-template="$template") || unanswered $?
printf '%s\n' "$found" | while read -r what key value; do
    case $what,"
$KEYS
" in
    node,* | *,*"
$what $key
"*) printf '%s %s %s\n' "$what" "$key" "$value" ;;
    esac
done
