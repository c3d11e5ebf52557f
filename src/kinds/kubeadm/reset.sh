# shellcheck shell=sh disable=SC2154,SC2034
# Takes back what kubeadm made on this host, while the rest of the cluster still answers: that is what removes an
# etcd member cleanly.
noted
[ -n "$note" ] || any_files || exit 0
spared || exit 1
note_down "$VERB leaving"
reset_host "$VERB leaving"
