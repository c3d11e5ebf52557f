# shellcheck shell=sh disable=SC2154
# Ends with 0 when a node that was healthy before UNIT started is so again. The Ready condition outlasts a runtime that is
# gone, so it counts only once kubelet has renewed its lease SETTLED seconds after the start; both times are by this host's
# clock. By then kubelet has asked the runtime and reported what changed.
[ "$WAS" = ready ] || exit 0
whole
began=$(date -d "$(systemctl show -p ActiveEnterTimestamp --value -- "$UNIT")" +%s)
lease=$(of_node "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/$NODE" 2>&1) || {
    printf '%s\n' "$lease" | tail -n 1
    exit 1
}
renewed=${lease#*'"renewTime":"'}
renewed=$(date -d "${renewed%%'"'*}" +%s)
if [ "$renewed" -lt $((began + SETTLED)) ]; then
    echo "kubelet has not reported yet since $UNIT started"
    exit 1
fi
is_ready
