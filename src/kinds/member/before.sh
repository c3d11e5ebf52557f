# shellcheck shell=sh disable=SC2154,SC2153
# Keeps what kubeadm, kubelet and kube-proxy are about to change, for the day when it is put back.
noted
[ -z "$note" ] || exit 0 # what an earlier attempt found is what counts
! any_files || exit 0
paths=''
for path in $PATHS; do
    [ ! -e "$path" ] || paths="$paths $path"
done
echo "@@keep paths=${paths# }"
values=''
for key in $SYSCTLS; do
    file=/proc/sys/$(echo "$key" | tr . /)
    [ ! -r "$file" ] || values="$values $key=$(cat "$file")"
done
echo "@@keep sysctls=${values# }"
