# shellcheck shell=bash
# Sourced by the scripts beside it: the lab's own functions, and what is different for a machine.

LAB_DIR=${LAB_DIR:-$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../.." && pwd)/target/lab-vm}
# shellcheck source=tests/lab/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.sh"
LAB_CACHE=${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mainstay-lab}

# run COMMAND..: as root in the machine; standard input and output are the command's.
run() {
  ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=5 -o UserKnownHostsFile="$LAB_DIR/known_hosts" \
    -o GlobalKnownHostsFile=/dev/null -o LogLevel=ERROR -i "$LAB_DIR/id" -p "$(<"$LAB_DIR/port")" root@127.0.0.1 "$@"
}

# Ends the machine of this directory, if it runs. Its process is asked for by what it was started
# with: after a reboot of ours its number may be someone else's.
stop_machine() {
  local pid
  [ -s "$LAB_DIR/pid" ] || return 0
  pid=$(<"$LAB_DIR/pid")
  while tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$LAB_DIR/pid"; do
    kill "$pid" 2>/dev/null || true
    sleep 0.1
  done
  rm -f "$LAB_DIR/pid"
}
