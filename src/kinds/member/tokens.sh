# shellcheck shell=sh disable=SC2154,SC2153
# Deletes what an init or a join leaves that opens the cluster: our bootstrap tokens, and for control planes the
# uploaded certificates with the tokens that only measure their life.
here || exit 75
encoded() { printf '%s' "$1" | base64 -w0; }
ours=$(encoded "$DESCRIPTION")
measure=$(encoded 'Proxy for managing TTL for the kubeadm-certs secret')
template='{{range .items}}{{.metadata.name}}|{{with .metadata.labels}}{{with index . "mainstay.dev/host"}}{{.}}{{end}}{{end}}'
template=$template'|{{with .data}}{{with .description}}{{.}}{{end}}{{end}}{{"\n"}}{{end}}'
tokens=$(api get secrets -n kube-system --field-selector type=bootstrap.kubernetes.io/token -o go-template="$template")
secrets=/api/v1/namespaces/kube-system/secrets
[ -z "$CERTIFICATES" ] || by_path delete $secrets/kubeadm-certs >/dev/null
printf '%s\n' "$tokens" | while IFS='|' read -r name label description; do
    # Other hosts' joins may be under way: their tokens have another label. The one of init has none.
    if [ "$label" = "$LABEL" ] || [ "$label$description" = "$ours" ] ||
        [ "$CERTIFICATES$description" = "yes$measure" ]; then
        by_path delete "$secrets/$name" >/dev/null
    fi
done
