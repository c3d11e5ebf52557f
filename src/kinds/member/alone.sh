# shellcheck shell=sh disable=SC2154
# Ends with 0 where there is neither a control plane nor etcd's data: one that is down may come back.
found=''
for file in "$apiserver" "$m/etcd.yaml" "$DATA/member"; do
    [ ! -e "$file" ] || found="$found${found:+, }$file"
done
[ -n "$found" ] || exit 0
state='whose API server does not answer'
! { here && ready; } || state='whose API server is ready'
at=$(sed -n -e 's/.*--advertise-address=//p' -e 's,.*--listen-peer-urls=https://\([0-9.]*\):.*,\1,p' \
    "$apiserver" "$m/etcd.yaml" 2>/dev/null | head -n 1)
[ -n "$at" ] || at=$(ip -o -4 addr show scope global 2>/dev/null | sed 's,.* inet \([^/]*\)/.*,\1,' | head -n 1)
echo "$(uname -n) (${at:-of unknown address}) is a control plane $state: it has $found. kubeadm init on $NODE would begin" \
    "a second cluster behind the same endpoint. Bring it back and run \`mainstay plan\`; to give its cluster up, run" \
    "\`kubeadm reset\` there first." >&2
exit 1
