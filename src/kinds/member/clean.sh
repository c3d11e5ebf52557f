# shellcheck shell=sh disable=SC2154
# Takes away what kubeadm's reset leaves of kubeadm, kubelet and kube-proxy, rule by rule and name by name.

# Rules that jump into KUBE- chains, and those chains; no other chain is flushed.
for tool in iptables ip6tables iptables-legacy ip6tables-legacy; do
    command -v "$tool-save" >/dev/null || continue
    case $tool in # asking these would load their kernel modules
    iptables-legacy) [ -s /proc/net/ip_tables_names ] || continue ;;
    ip6tables-legacy) [ -s /proc/net/ip6_tables_names ] || continue ;;
    esac
    rules=$("$tool-save" 2>/dev/null | awk '
        /^\*/ { table = $0; chains = rules = gone = "" }
        /^:KUBE-/ { chains = chains $1 " - [0:0]\n"; gone = gone "-X " substr($1, 2) "\n" }
        /^-A / && $2 !~ /^KUBE-/ && / -[jg] KUBE-/ { rules = rules "-D" substr($0, 3) "\n" }
        /^COMMIT/ && chains != "" { printf "%s\n%s%s%sCOMMIT\n", table, chains, rules, gone }')
    [ -z "$rules" ] || printf '%s\n' "$rules" | "$tool-restore" -w 10 --noflush
done
if command -v nft >/dev/null; then
    for family in ip ip6; do
        ! nft list table $family kube-proxy >/dev/null 2>&1 || nft delete table $family kube-proxy
    done
fi
if ip link show kube-ipvs0 >/dev/null 2>&1; then
    if command -v ipvsadm >/dev/null; then
        ipvsadm -Sn | while read -r verb protocol service _; do
            [ "$verb" = -A ] || continue
            held=$(ip -o addr show dev kube-ipvs0 to "${service%:*}" 2>/dev/null)
            [ -z "$held" ] || ipvsadm -D "$protocol" "$service"
        done
    fi
    ip link del kube-ipvs0
fi
if command -v ipset >/dev/null; then
    ipset list -n 2>/dev/null | while read -r set; do
        case $set in KUBE-*) ipset destroy "$set" ;; esac
    done
fi

# Directories that were not there before. Where that is not known, only empty ones that no package owns.
had() {
    if [ -n "$KNOWN" ]; then
        case " $HAD " in *" $1 "*) return 0 ;; esac
        return 1
    fi
    if command -v dpkg-query >/dev/null; then
        dpkg-query -S "$1" >/dev/null 2>&1
    elif command -v rpm >/dev/null; then
        rpm -qf "$1" >/dev/null 2>&1
    fi
}
# Removes a directory, unless it was there before.
remove() {
    [ -d "$1" ] || return 0
    ! had "$1" || return 0
    case $KNOWN$1 in
    yes/var/lib/* | yes/usr/libexec/* | yes/etc/kubernetes/tmp) rm -rf --one-file-system "$1" ;;
    *) rmdir --ignore-fail-on-non-empty "$1" ;;
    esac
}

# Kernel parameters that kubelet and kube-proxy set by themselves.
for pair in $SYSCTLS; do
    file=/proc/sys/$(echo "${pair%%=*}" | tr . /)
    [ -e "$file" ] || continue
    [ "$(cat "$file")" = "${pair#*=}" ] || printf '%s\n' "${pair#*=}" >"$file"
done

rm -f /run/mainstay-kubeadm.log
rm -rf /run/mainstay
for path in $PATHS; do
    case $path in /etc/kubernetes*) ;; *) remove "$path" ;; esac
done
# The note last: without it the host looks bare, and nobody would come back for what a failure above has left.
rm -f /etc/kubernetes/pki/.mainstay
for path in $PATHS; do
    case $path in /etc/kubernetes*) remove "$path" ;; esac
done
