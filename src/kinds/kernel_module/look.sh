# shellcheck shell=sh disable=SC2154
# `loaded` (or built in), `available` or `missing`. Cheap signs first. A module that is built in
# without parameters shows in /sys/module nowhere, and in a container the module tree of the kernel
# may not be there at all, so the effects that matter to us count, too.
loaded() {
    echo loaded
    exit 0
}
if [ -d "$ROOT/sys/module/$MODULE" ]; then loaded; fi
case $MODULE in
br_netfilter) if [ -e "$ROOT/proc/sys/net/bridge/bridge-nf-call-iptables" ]; then loaded; fi ;;
ip_vs) if [ -e "$ROOT/proc/net/ip_vs" ]; then loaded; fi ;;
nf_conntrack) if [ -e "$ROOT/proc/sys/net/netfilter/nf_conntrack_max" ]; then loaded; fi ;;
esac
if [ -r "$ROOT/proc/filesystems" ]; then
    while read -r first second; do
        if [ "${second:-$first}" = "$MODULE" ]; then loaded; fi
    done <"$ROOT/proc/filesystems"
fi
if [ -r "$ROOT/proc/modules" ]; then
    while read -r name _; do
        if [ "$name" = "$MODULE" ]; then loaded; fi
    done <"$ROOT/proc/modules"
fi
if grep -q -s -e "/$PATTERN\.ko" "$ROOT/lib/modules/$(uname -r)/modules.builtin"; then loaded; fi
if modprobe -n -q -- "$MODULE" 2>/dev/null; then echo available; else echo missing; fi
