# shellcheck shell=sh disable=SC2154
# Makes a bootstrap token of 20 minutes. The secret passes through pipes of the shell only.
[ "$STANDING" = mainstay-bare ] || exit 0
here || exit 75
until=$(date -u -d '+20 minutes' +%Y-%m-%dT%H:%M:%SZ)
printf '%s\n' '{"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",' \
    "\"metadata\": {\"name\": \"bootstrap-token-$TOKEN_ID\", \"labels\": {\"mainstay.dev/host\": \"$LABEL\"}}," \
    "\"stringData\": {\"description\": \"$DESCRIPTION\", \"expiration\": \"$until\"," \
    "\"token-id\": \"$TOKEN_ID\", \"token-secret\": \"$TOKEN_SECRET\"," \
    '"usage-bootstrap-authentication": "true", "usage-bootstrap-signing": "true",' \
    '"auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token"}}' |
    api create --raw /api/v1/namespaces/kube-system/secrets -f - >/dev/null
