# shellcheck shell=sh disable=SC2154,SC2016
# `node`, then `label KEY VALUE`, `annotation KEY VALUE` and `taint KEY:EFFECT VALUE` lines with URL-escaped values, of KEYS
# and of what mainstay set alone. Which keys these are, the annotation OWNED says in JSON.
here || exit 75
template='{{"node\n"}}{{with .metadata.annotations}}{{with index . "mainstay.dev/owned"}}owned {{urlquery .}}{{"\n"}}'
template=$template'{{end}}{{end}}'
for map in label annotation; do
    template=$template"{{range \$k, \$v := .metadata.${map}s}}$map"
    template=$template' {{$k}} {{urlquery $k}} {{urlquery $v}}{{"\n"}}{{end}}'
done
template=$template'{{range .spec.taints}}taint {{.key}}:{{.effect}} {{urlquery .key}}%3A{{.effect}}'
template=$template' {{if .value}}{{urlquery .value}}{{end}}{{"\n"}}{{end}}'
found=$(read_api get node "$NAME" --ignore-not-found -o go-template="$template") || unanswered $?
owned=''
printf '%s\n' "$found" | while read -r what key escaped value; do
    case $what in
    node) printf 'node\n' ;;
    owned) owned=$key ;;
    label | annotation | taint)
        case $owned,"
$KEYS
" in
        *%22"$escaped"%22%3A*,* | *,*"
$what $key
"*) printf '%s %s %s\n' "$what" "$key" "$value" ;;
        esac
        ;;
    esac
done
