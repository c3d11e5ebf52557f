# Base facts of a host, one `key value` line each. Read-only.
printf 'hostname %s\n' "$(uname -n)"
os_release=/etc/os-release
[ -r "$os_release" ] || os_release=/usr/lib/os-release
printf 'os %s\n' "$(ID=; . "$os_release" 2>/dev/null; printf '%s' "$ID")"
printf 'os_version %s\n' "$(VERSION_ID=; . "$os_release" 2>/dev/null; printf '%s' "$VERSION_ID")"
printf 'kernel %s\n' "$(uname -r)"
printf 'architecture %s\n' "$(uname -m)"
if command -v apt-get >/dev/null; then echo package_manager apt
elif command -v dnf >/dev/null; then echo package_manager dnf
else echo 'package_manager '; fi
printf 'cpus %s\n' "$(nproc)"
printf 'memory_kib %s\n' "$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then echo cgroup_version 2; else echo cgroup_version 1; fi
if [ -d /run/systemd/system ]; then echo systemd yes; else echo systemd no; fi
printf 'uid %s\n' "$(id -u)"
printf 'epoch %s\n' "$(date +%s)"
if command -v ip >/dev/null; then
    ip -o -4 addr show | while read -r _ name _ cidr _; do printf 'interface %s %s\n' "$name" "$cidr"; done
fi
