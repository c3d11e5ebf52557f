#!/bin/bash
# Runs on the host, as root; see snapshot. Arguments: directories of which contents are read, else all.
set -euo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

section() { printf '\n== %s\n' "$1"; }
if_there() { ! command -v "$1" >/dev/null || "$@" 2>/dev/null || true; }

section packages
dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' | sort
section packages-installed-by-hand
apt-mark showmanual | sort

# What the kernel makes, logs, caches, backups, and what package management and systemd note for
# themselves. (Packages and units have sections of their own.)
ignored=(/proc /sys /dev /run /tmp /var/tmp /var/log /var/cache /var/backups /var/lib/apt /var/lib/containerd
  '/var/lib/dpkg/available*' '/var/lib/dpkg/lock*' '/var/lib/dpkg/status*' '/var/lib/dpkg/*-old' /var/lib/dpkg/triggers
  /var/lib/ucf /var/lib/systemd/random-seed /var/lib/systemd/timers /var/lib/systemd/timesync
  '/etc/passwd-' '/etc/group-' '/etc/shadow-' '/etc/gshadow-' '/etc/subuid-' '/etc/subgid-' '*/.bash_history')
prune=(-path "${ignored[0]}")
for path in "${ignored[@]:1}"; do prune+=(-o -path "$path"); done
section files
find / \( "${prune[@]}" \) -prune -o -printf '%y %m %U:%G %p %l\n' | sort
section contents
find "${@:-/}" \( "${prune[@]}" \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum

section unit-files
# systemd takes longer than systemctl waits when the machine is very busy.
units=$(systemctl list-unit-files --no-legend --no-pager --plain) ||
  units=$(systemctl list-unit-files --no-legend --no-pager --plain)
awk '{ print $1, $2 }' <<<"$units" | sort
section active-units
systemctl list-units --state=active,activating,failed --no-legend --no-pager --plain |
  awk '$1 !~ /\.(device|scope|mount|automount|slice|target)$/ && $1 !~ /^(user|session)/ { print $1, $3, $4 }' | sort
section processes
# shellcheck disable=SC2009 # a list is wanted
ps -eo comm= | grep -vxE 'bash|ps|sort|grep|sshd|kworker/.*' | sort -u || true
section mounts
# A mount of the kernel's may come and go with whoever looks at it.
findmnt -rn -o TARGET,FSTYPE | grep -v binfmt_misc | sort

# Not those that count, nor the keys of interfaces that pods come and go with.
section sysctl
sysctl -a 2>/dev/null | grep -vE \
  -e '^fs\.(dentry-state|file-nr|inode-nr|inode-state|aio-nr|quota\.)' \
  -e '^kernel\.(random\.|ns_last_pid|pty\.nr|perf_event_max_sample_rate|tainted|warn_count|oops_count)' \
  -e '^vm\.(user|admin)_reserve_kbytes' \
  -e '^net\.netfilter\.nf_conntrack_count' -e '^net\.ipv4\.tcp_fastopen_key' \
  -e '^net\.(ipv[46]|mpls)\.(conf|neigh)\.(veth|cni|cali|flannel|tun|kube|dummy|nodelocal)' | sort

section addresses
ip -o addr | awk '{ $1 = ""; print }' | sed -E 's/@if[0-9]+//; s/\\? *(valid|preferred)_lft [^ ]+//g; s/\\//g; s/ +/ /g' | sort
section links
ip -o link | awk '{ print $2 }' | sed -E 's/@if[0-9]+//' | sort
section routes
ip route | sort
ip -6 route | sed -E 's/ expires [^ ]+//' | sort
ip rule | sort
section namespaces
ip netns list | awk '{ print $1 }' | sort
section listening
# 127.0.0.11 is the name server that Docker puts into a container. Ports that the kernel chose (as for
# containerd's streams) are other ones after each start.
listening() {
  awk -v kind="$1" '$4 !~ /^127\.0\.0\.11:/ {
    port = $4; sub(/.*:/, "", port)
    process = $6; gsub(/^users:\(\("|".*/, "", process)
    if (port >= 32768 && port < 61000) sub(/[0-9]+$/, "chosen", $4)
    print kind, $4, process
  }'
}
{ ss -Hltnp | listening tcp && ss -Hlunp | listening udp; } | sort
section firewall
for tool in iptables-save ip6tables-save; do
  if_there $tool | grep -vE '^#|DOCKER_' | sed -E 's/ \[[0-9]+:[0-9]+\]//' | sed "s/^/$tool: /"
done || true
if_there ipset list -n | sort
if_there ipvsadm -Sn
section swap
awk 'NR > 1 { print $1 }' /proc/swaps
# Containers share the machine's.
if ! systemd-detect-virt -qc; then
  section modules
  cut -d' ' -f1 /proc/modules | sort
fi
