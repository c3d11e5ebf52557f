# shellcheck shell=sh disable=SC2154
# The module and what came with it, nothing else: `modprobe -r` would also take what was there before
# and is unused, and leaves what two of its dependencies need. In use is no failure: what uses it was
# there before or goes later, and a reboot unloads it.
unload() {
    # The kernel does not count a network device as use: it would go with its module.
    if grep -q -s -x "DEVTYPE=$1" "$ROOT"/sys/class/net/*/uevent; then return 1; fi
    rmmod -- "$1" 2>/dev/null
}
unload "$MODULE" || printf 'the module %s is in use and stays until the next boot\n' "$MODULE"
for name in $WITH; do
    unload "$name" || true
done
