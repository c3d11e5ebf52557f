# shellcheck shell=sh disable=SC2154,SC2034
# Takes back what kubeadm made on this host, while the rest of the cluster still answers: that is what removes an
# etcd member cleanly.
noted
[ -n "$note" ] || any_files || exit 0
offline='' agreed=0
spared || agreed=$?
if [ $agreed -ne 0 ] && [ "$SCOPE" = "$WHOLE" ]; then
    offline=yes # all goes, so no member has to agree to it, and kubeadm is not to ask for minutes
elif [ $agreed -eq 1 ]; then
    exit 1
fi
note_down "$VERB leaving"
reset_host "$VERB leaving"
