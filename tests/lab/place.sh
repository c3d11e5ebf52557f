# shellcheck shell=bash disable=SC2154 # here, say and die are lib.sh's
# Sourced by lib.sh: what a lab is called, its directory, its network, and whose it is. Other labs, other checkouts and other
# networks are on the same machine.

checkout=$(cd -- "$here/../.." && pwd)
if [ -n "${LAB_NAME:-}" ]; then
  LAB_DIR=${LAB_DIR:-$checkout/target/$LAB_NAME}
else
  LAB_DIR=${LAB_DIR:-$checkout/target/lab}
  LAB_NAME=mainstay-lab-$(printf '%s' "$LAB_DIR" | sha256sum | cut -c1-6)
fi
LAB_SUBNET=${LAB_SUBNET:-}
LAB_OWNER=${LAB_OWNER:-}

# process PID: what distinguishes this process from all others since the machine booted.
process() {
  printf '%s-%s-%s' "$(readlink "/proc/$1/ns/pid")" "$1" "$(sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20)"
}

# labels: of everything that Docker keeps for this lab. LAB_OWNER is the process without which nobody needs it.
labels() {
  printf '%s\n' --label "mainstay-lab=$LAB_NAME" --label "mainstay-lab-dir=$LAB_DIR"
  [ -z "$LAB_OWNER" ] || printf '%s\n' --label "mainstay-lab-owner=$(process "$LAB_OWNER")"
}

# labelled FILTER FORMAT: a line for each container, network and volume with this label.
labelled() {
  docker ps -a --filter "label=$1" --format "$2"
  docker network ls --filter "label=$1" --format "$2"
  docker volume ls --filter "label=$1" --format "$2"
}

# The directory of the lab that has this name, if there is one.
lab_dir() { labelled "mainstay-lab=$LAB_NAME" '{{.Label "mainstay-lab-dir"}}' | grep -m 1 . || true; }

# The command that removes this lab, wherever it is typed.
way_out() { printf 'LAB_NAME=%q %q' "$LAB_NAME" "$here/down"; }

# Two checkouts must not replace each other's hosts.
check_owner() {
  local dir
  dir=$(lab_dir)
  [ -z "$dir" ] || [ "$dir" = "$LAB_DIR" ] ||
    die "another lab is called $LAB_NAME, and its files are in $dir: set LAB_NAME, or remove that lab: $(way_out)"
}

# Removes labs whose owner ended without removing them.
reap() {
  local name owner pid
  labelled mainstay-lab-owner '{{.Label "mainstay-lab"}} {{.Label "mainstay-lab-owner"}}' | sort -u |
    while read -r name owner; do
      pid=${owner#*-} pid=${pid%-*}
      # Processes of another namespace cannot be seen from here.
      [ "${owner%%-*}" = "$(readlink /proc/self/ns/pid)" ] || continue
      if [ "$(process "$pid" 2>/dev/null)" != "$owner" ]; then
        say "removing the lab $name: the test run that started it has ended"
        LAB_NAME=$name LAB_DIR='' "$here/down" </dev/null || true
      fi
    done
}

# find_net: sets net, the first three numbers of the addresses of the lab that runs.
find_net() {
  net=$(docker network inspect "$LAB_NAME" --format '{{(index .IPAM.Config 0).Subnet}}' 2>/dev/null) ||
    die "no lab $LAB_NAME runs: tests/lab/up starts one"
  net=${net%.*}
}

# routed SUBNET: whether this machine has a route into it, or one that is not its default route around it.
routed() {
  command -v ip >/dev/null || return 1
  [ -n "$(ip -4 route show root "$1"; ip -4 route show match "$1" | grep -v ^default)" ]
}

subnets() {
  local i
  for ((i = 0; i < 320; i++)); do printf '10.%d.%d.0/24\n' $((64 + i % 32)) $((i / 32)); done
  for ((i = 0; i < 64; i++)); do printf '172.31.%d.0/24\n192.168.%d.0/24\n' $((i + 128)) $((i + 128)); done
}

# make_network: sets net. Docker gives a subnet away once: labs that start at the same moment get different ones.
make_network() {
  local subnet said labels
  mapfile -t labels < <(labels)
  case ${LAB_SUBNET:-0/24} in *0/24) ;; *) die "LAB_SUBNET must be a /24: $LAB_SUBNET" ;; esac
  for subnet in ${LAB_SUBNET:-$(subnets)}; do
    [ -n "$LAB_SUBNET" ] || ! routed "$subnet" || continue
    net=${subnet%.*}
    # Docker itself gives out the upper half; hosts and the VIP have the lower one.
    said=$(docker network create "${labels[@]}" --subnet "$subnet" --ip-range "$net.128/25" --gateway "$net.1" \
      "$LAB_NAME" 2>&1) && return
    case $said in *overlap*) ;; *) die "docker network create: $said" ;; esac
  done
  [ -n "$LAB_SUBNET" ] || die "no network is free: set LAB_SUBNET to a /24 that this machine can spare"
  die "LAB_SUBNET=$LAB_SUBNET overlaps another network of Docker; without LAB_SUBNET a free one is taken"
}

remove_hosts() {
  docker ps -aq --filter "label=mainstay-lab=$LAB_NAME" | xargs -r docker rm -fv >/dev/null
  docker volume ls -q --filter "label=mainstay-lab=$LAB_NAME" | xargs -r docker volume rm >/dev/null
}

remove_network() {
  ! docker network inspect "$LAB_NAME" >/dev/null 2>&1 || docker network rm "$LAB_NAME" >/dev/null
}
