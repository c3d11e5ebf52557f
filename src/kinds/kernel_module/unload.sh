# shellcheck shell=sh disable=SC2154
# The module and what came with it, nothing else: `modprobe -r` would also take what was there before
# and is unused, and leaves what two of its dependencies need. In use is no failure: what uses it was
# there before or goes later, and a reboot unloads it.

# Whether this host still asks for a module: by its name, at boot, or by a kernel parameter that only it brings.
wanted() {
    if cat "$ROOT"/etc/modules-load.d/*.conf 2>/dev/null | tr - _ | grep -q -x "[[:space:]]*$1[[:space:]]*"; then
        return 0
    fi
    case $1 in
    br_netfilter) brings='net\.bridge\.' ;;
    ip_vs) brings='net\.ipv4\.vs\.' ;;
    nf_conntrack) brings='net\.netfilter\.nf_conntrack_' ;;
    *) return 1 ;;
    esac
    cat "$ROOT"/etc/sysctl.d/*.conf "$ROOT"/etc/sysctl.conf 2>/dev/null | tr / . | grep -q "^[[:space:]]*-*$brings"
}
unload() {
    ! wanted "$1" || return 1
    # The kernel does not count a network device as use: it would go with its module.
    if grep -q -s -x "DEVTYPE=$1" "$ROOT"/sys/class/net/*/uevent; then return 1; fi
    rmmod -- "$1" 2>/dev/null
}
unload "$MODULE" || printf 'the module %s is in use and stays until the next boot\n' "$MODULE"
for name in $WITH; do
    unload "$name" || true
done
