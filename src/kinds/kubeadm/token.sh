# shellcheck shell=sh disable=SC2154
# Makes a bootstrap token of 20 minutes. The secret passes through pipes of the shell only.
[ "$STANDING" = mainstay-bare ] || exit 0
here || exit 75
until=$(date -u -d '+20 minutes' +%Y-%m-%dT%H:%M:%SZ)
printf '%s\n' 'apiVersion: v1' 'kind: Secret' 'metadata:' "  name: bootstrap-token-$TOKEN_ID" \
    '  namespace: kube-system' "  labels: {mainstay.dev/host: \"$LABEL\"}" \
    'type: bootstrap.kubernetes.io/token' 'stringData:' "  description: \"$DESCRIPTION\"" \
    "  token-id: \"$TOKEN_ID\"" "  token-secret: \"$TOKEN_SECRET\"" "  expiration: \"$until\"" \
    '  usage-bootstrap-authentication: "true"' '  usage-bootstrap-signing: "true"' \
    '  auth-extra-groups: system:bootstrappers:kubeadm:default-node-token' |
    api create -f - >/dev/null
