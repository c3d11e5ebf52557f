# Base facts of a host, one `key value` line each. Read-only.
set -- $(uname -nrm) # always in this order
printf 'hostname %s\nkernel %s\narchitecture %s\n' "$1" "$2" "$3"
os_release=/etc/os-release
[ -r "$os_release" ] || os_release=/usr/lib/os-release
(ID='' VERSION_ID=''; . "$os_release" 2>/dev/null; printf 'os %s\nos_version %s\n' "$ID" "$VERSION_ID") ||
    printf 'os \nos_version \n'
if command -v apt-get >/dev/null; then echo package_manager apt
elif command -v dnf >/dev/null; then echo package_manager dnf
else echo 'package_manager '; fi
printf 'cpus %s\n' "$(nproc)"
while read -r key value _; do
    if [ "$key" = MemTotal: ]; then printf 'memory_kib %s\n' "$value"; break; fi
done </proc/meminfo
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo cgroup_version 2; else echo cgroup_version 1; fi
confined=no
if [ -r /sys/fs/selinux/enforce ] && [ -r /sys/fs/selinux/booleans/haproxy_connect_any ]; then
    read -r enforcing </sys/fs/selinux/enforce || : # the kernel ends neither with a newline
    read -r may _ </sys/fs/selinux/booleans/haproxy_connect_any || :
    if [ "$enforcing" = 1 ] && [ "$may" = 0 ]; then confined=yes; fi
fi
printf 'haproxy_confined %s\n' "$confined"
if [ -d /run/systemd/system ]; then echo systemd yes; else echo systemd no; fi
printf 'uid %s\n' "$(id -u)"
printf 'epoch %s\n' "$(date +%s)"
if command -v ip >/dev/null; then
    ip -o -4 addr show | while read -r _ name _ cidr _; do printf 'interface %s %s\n' "$name" "$cidr"; done
fi
# Who listens on TCP. Where ss is missing, or may not see whose a socket is, nobody is known.
if command -v ss >/dev/null; then
    ss -Hltnp 2>/dev/null | while read -r _ _ _ at _ users; do
        if [ -n "$users" ]; then printf 'listener %s %s\n' "$at" "$users"; fi
    done
fi
