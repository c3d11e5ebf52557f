# shellcheck shell=sh disable=SC2154,SC2034
# Takes back what kubeadm made on this host, while the rest of the cluster still answers: that is what removes an
# etcd member cleanly.
noted
[ -n "$note" ] || any_files || exit 0
offline='' agreed=0
spared || agreed=$?
if [ "$SCOPE" = "$WHOLE" ]; then
    # All goes, so no member has to agree to it, and kubeadm is not to ask for minutes.
    [ $agreed -eq 0 ] && { [ -z "$own" ] || answers; } || offline=yes
elif [ $agreed -eq 1 ]; then
    exit 1
elif [ -n "$own" ] && ! answers; then
    # kubeadm would go on without, and leave etcd a dead member, which of two is one too many.
    offline=yes
fi
note_down "$VERB leaving"
if [ -n "$offline" ] && [ "$SCOPE" != "$WHOLE" ]; then
    printf '{"ID":"%s"}\n' "$own" | etcd create --raw /v3/cluster/member/remove -f - >/dev/null
fi
reset_host "$VERB leaving"
