# shellcheck shell=bash
# Sourced by the scripts beside it: hosts, their addresses and the image layers.

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
LAB_KUBERNETES_DIR=${LAB_KUBERNETES_DIR:-}
LAB_PACKAGES=${LAB_PACKAGES:-}
LAB_DISTRIBUTION=${LAB_DISTRIBUTION:-bookworm}

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# shellcheck source=tests/lab/place.sh
. "$here/place.sh"

container() { printf '%s-%s' "$LAB_NAME" "$1"; }

# The names of this lab's hosts, running or not.
lab_hosts() {
  docker ps -a --filter "label=mainstay-lab=$LAB_NAME" --format '{{.Label "mainstay-lab-host"}}' | sort
}

# address_of HOST: cp1 is .11, w1 is .21.
address_of() {
  case $1 in
    cp*) printf '%s.%d' "$net" $((10 + ${1#cp})) ;;
    w*) printf '%s.%d' "$net" $((20 + ${1#w})) ;;
    *) die "no such host: $1" ;;
  esac
}

# need COMMAND PACKAGE: ends where the command is missing; with LAB_INSTALL, as CI sets it, installs the package.
need() {
  command -v "$1" >/dev/null && return
  [ -n "${LAB_INSTALL:-}" ] ||
    die "'$1' is missing: install $2, or run $here/vm/ready --install as root, which installs all that the lab needs"
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    die "'$1' is missing, and only root on a Debian can install $2"
  fi
  say "installing $2"
  install_package "$2" || { apt-get -qq update && install_package "$2"; } || die "apt-get cannot install $2"
}
install_package() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$1" >/dev/null
}

# image NAME INPUT..: the image's full name. Its tag is a hash of its inputs (directories or plain
# words), so a changed recipe is built anew and an unchanged one costs nothing.
image() {
  local name=$1 input
  shift
  printf 'mainstay-lab/%s:' "$name"
  for input; do
    if [ -d "$input" ]; then
      (cd "$input" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
    else
      printf '%s\n' "$input"
    fi
  done | sha256sum | cut -c1-12
}

on_cgroup_v1() { [ "$(docker info --format '{{.CgroupVersion}}')" = 1 ]; }

# kubelet_on_cgroup_v1 VERSION PREFIX: the setting without which this kubelet does not start there.
kubelet_on_cgroup_v1() {
  local minor=${1#v1.}
  if [ "${minor%%.*}" -ge 35 ] && on_cgroup_v1; then printf '%sfailCgroupV1: false' "$2"; fi
}

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# archives SUITE: the archives of this Debian release, as lines "URL SUITE COMPONENT": those that this machine uses,
# where it is a Debian of another release with the release replaced. LAB_MIRROR names one where it is no Debian.
archives() {
  if [ -n "${LAB_MIRROR:-}" ]; then
    printf '%s %s main\n' "$LAB_MIRROR" "$1"
    return
  fi
  # shellcheck disable=SC2016 # apt's own placeholders
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' | sed -nE "s/ [a-z]+(-updates|-security)? main$/ $1\1 main/p" | sort -u
}

# Layer 1: make_base IMAGE SUITE: a bare Debian with systemd. What apt needs to reach the archives here is
# in the image while layers are built; the last layer replaces it.
make_base() {
  local base=$1 suite=$2 dir mirror id
  have_image "$base" && return
  need debootstrap debootstrap
  mirror=$(archives "$suite" | awk -v suite="$suite" '$2 == suite { print $1; exit }')
  [ -n "$mirror" ] || die "apt knows no Debian archive: run apt-get update, or set LAB_MIRROR"
  say "building $base (about a minute)"
  dir=$(mktemp -d)
  debootstrap --variant=minbase --include="$base_packages" "$suite" "$dir" "$mirror" >"$dir.log" 2>&1 ||
    { tail -n 20 "$dir.log" >&2; die "debootstrap failed"; }
  archives "$suite" | sed 's/^/deb /' >"$dir/etc/apt/sources.list"
  apt-config dump | grep -E '^Acquire::(Check-|https?::Proxy)' >"$dir/etc/apt/apt.conf.d/90lab" || true
  printf '#!/bin/sh\nexit 101\n' >"$dir/usr/sbin/policy-rc.d"   # no daemon starts while images are built
  chmod 755 "$dir/usr/sbin/policy-rc.d"
  rm -rf "$dir"/var/cache/apt/archives/*.deb "$dir"/var/lib/apt/lists/* "$dir"/var/log/*.log
  id=$(tar -C "$dir" -c . | docker import -) && docker tag "$id" "$base"
  rm -rf "$dir" "$dir.log"
}

# Layer 2: kubeadm and company. The recipe runs in a container with a volume for its work
# (much faster than an image layer) and writes a tar of the binaries to stdout.
make_kubernetes() {
  have_image "$kubernetes" && return
  local id dir i
  if [ -n "$LAB_KUBERNETES_DIR" ]; then
    dir=$(mktemp -d)
    mkdir "$dir/more"
    ln -s "${kubernetes_dirs[0]}"/* "$dir"
    for ((i = 1; i < ${#kubernetes_dirs[@]}; i++)); do ln -s "${kubernetes_dirs[i]}" "$dir/more/$i"; done
    id=$(tar -C "$dir" -hc . | docker import -) && docker tag "$id" "$kubernetes"
    rm -rf "$dir"
    return
  fi
  say "building $kubernetes (about five minutes)"
  id=$(tar -C "$here/kubernetes" -c . |
    docker run --rm -i --network host --cpu-shares 4096 -v /build "$build_base" \
      sh -c 'mkdir /recipe && tar -xC /recipe && exec bash /recipe/build' |
    docker import -) && docker tag "$id" "$kubernetes"
}

# build IMAGE DIRECTORY ARGUMENT..: a layer that has a Dockerfile. Stages are not kept: they are large.
build() {
  local name=$1 directory=$2 log
  shift 2
  have_image "$name" && return
  say "building $name"
  log=$(mktemp)
  docker build --network host -t "$name" "$@" "$directory" >"$log" 2>&1 ||
    { tail -n 40 "$log" >&2; die "docker build failed"; }
  rm -f "$log"
  docker image prune -f --filter label=mainstay-lab=stage >/dev/null
}

# Layer 3: the archive of container images. Layer 4: the host.
make_images() {
  build "$images" "$here/images" --build-arg "BASE=$build_base" --build-arg "KUBERNETES=$kubernetes"
}
make_host() {
  build "$bare_host" "$here/host" --build-arg "BASE=$base" --build-arg "KUBERNETES=$kubernetes" \
    --build-arg "IMAGES=$images"
}

# Layer 5, where LAB_PACKAGES asks for it: the same host with more of Debian's packages.
make_more() {
  [ "$host_image" = "$bare_host" ] ||
    build "$host_image" "$here/more" --build-arg "BASE=$base" --build-arg "HOST=$bare_host" \
      --build-arg "PACKAGES=$LAB_PACKAGES"
}

# All layers that are not there yet; two labs that start at once do not build the same one twice.
make_all() {
  # No need to wait while another lab builds others.
  have_image "$host_image" && return
  exec 9>"${TMPDIR:-/tmp}/mainstay-lab.lock"
  flock 9
  if ! have_image "$kubernetes" || ! have_image "$images"; then make_base "$build_base" bookworm; fi
  make_kubernetes
  make_images
  make_base "$base" "$LAB_DISTRIBUTION"
  make_host
  make_more
  exec 9>&-
}

base_packages=systemd,systemd-sysv,dbus,ca-certificates,curl,iproute2,iputils-ping,kmod,procps
# name_layers: the names of the images, once it is known what is asked for.
name_layers() {
  local dir versions=''
  case $LAB_DISTRIBUTION in bookworm | trixie) ;; *) die "no such distribution: $LAB_DISTRIBUTION (bookworm, trixie)" ;; esac
  # What goes into containers is the same on every distribution: later ones have no source of kubeadm.
  build_base=$(image base "$base_packages" bookworm "$(declare -f make_base)")
  base=$(image base "$base_packages" "$LAB_DISTRIBUTION" "$(declare -f make_base)")
  kubernetes_dirs=()
  if [ -n "$LAB_KUBERNETES_DIR" ]; then
    IFS=: read -ra kubernetes_dirs <<<"$LAB_KUBERNETES_DIR"
    for dir in "${kubernetes_dirs[@]}"; do
      [ -x "$dir/kubeadm" ] || die "LAB_KUBERNETES_DIR: there is no kubeadm in $dir"
      # Their content would take seconds to read at every call.
      versions+=$(cd "$dir" && stat -Lc '%n %s %Y' ./*)$'\n'
    done
  fi
  # Not a hash of its parent too: static binaries do not change with the base, and take five minutes.
  kubernetes=$(image kubernetes "${versions:-$here/kubernetes}")
  images=$(image images "$here/images" "$build_base" "$kubernetes")
  bare_host=$(image host "$here/host" "$base" "$kubernetes" "$images")
  host_image=$bare_host
  [ -z "$LAB_PACKAGES" ] || host_image=$(image more "$here/more" "$bare_host" "$LAB_PACKAGES")
}
name_layers
