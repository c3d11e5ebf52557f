# shellcheck shell=sh disable=SC2154,SC2034
# Takes back what kubeadm made on this host, while the rest of the cluster still answers: that is what removes an
# etcd member cleanly.
noted
[ -n "$note" ] || any_files || exit 0
offline='' agreed=0 finished=yes
case $note in *' begun' | *' leaving') finished='' ;; esac
spared || agreed=$?
if [ $agreed -eq 1 ] && [ "$SCOPE" != "$WHOLE" ]; then
    exit 1
elif [ $agreed -ne 0 ] && [ "$SCOPE" = "$WHOLE" ]; then
    offline=yes # all goes, so no member has to agree to it, and kubeadm is not to ask for minutes
elif [ $agreed -eq 2 ] && [ -n "$finished" ] && ! answers; then
    echo "neither etcd here nor the API at its endpoint answers, so this may be the last of the cluster's data: bring the" \
        "other control planes back first, or destroy the whole cluster" >&2
    exit 1
elif [ $agreed -eq 0 ] && [ -n "$own" ] && ! answers; then
    # kubeadm would go on without, and leave etcd a dead member, which of two is one too many: also where all goes, since
    # that may be cut off, and what is in the cluster is still asked for.
    offline=yes
fi
note_down "kubeadm leaving"
if [ -n "$offline" ] && [ $agreed -eq 0 ]; then
    printf '{"ID":"%s"}\n' "$own" | etcd create --raw /v3/cluster/member/remove -f - >/dev/null || [ "$SCOPE" = "$WHOLE" ]
fi
reset_host "kubeadm leaving"
