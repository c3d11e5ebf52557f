# shellcheck shell=sh disable=SC2154
# Prints `ready` where this host is a healthy node by now, else `not`: then nothing can become worse.
if ! [ -e "$kubelet_conf" ]; then
    echo not
    exit 0
fi
if ! command -v kubectl >/dev/null; then
    echo "kubectl is missing on this host; mainstay needs it to check that node $NODE becomes Ready again" >&2
    exit 1
fi
if whole >/dev/null 2>&1 && is_ready >/dev/null 2>&1; then echo ready; else echo not; fi
