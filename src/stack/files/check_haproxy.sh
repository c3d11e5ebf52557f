# shellcheck shell=sh disable=SC2154,SC2046
# Succeeds while haproxy itself listens on the port of the Kubernetes API's load balancer.
set -f
listens() {
    open=''
    for cgroups in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        processes=$cgroups/system.slice/haproxy.service/cgroup.procs
        [ -r "$processes" ] || continue
        while read -r pid; do open="$open /proc/$pid/fd"; done <"$processes"
        break
    done
    if [ -z "$open" ]; then
        # Its unit is elsewhere, or it does not run. This way costs more.
        case $(ss -Hltnp "sport = :$port" 2>/dev/null) in *'"haproxy"'*) return 0 ;; esac
        return 1
    fi
    # shellcheck disable=SC2086 # one word each
    open=$(ls -l $open 2>/dev/null)
    # Sockets that listen on the port; the tenth word is the socket's number.
    set -- $(grep ":$hex 00000000:0000 0A " /proc/net/tcp)
    while [ $# -ge 10 ]; do
        case $open in *"socket:[${10}]"*) return 0 ;; esac
        shift
    done
    return 1
}
# Twice, because a reload may hand the socket over in between.
listens || listens
