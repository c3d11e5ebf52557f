#!/bin/sh
# Creates a read-only account on a host for `mainstay drift --user mainstay-drift`.
#
#   sh setup.sh <drift.pub        as root, on each host: creates or repairs the account
#   sh setup.sh --remove          removes the account
#
# Its key can start only /usr/local/sbin/mainstay-look, the only program that sudo allows. That program runs a script as
# the account itself, with the capability to read every file and none to write files.
set -eu
umask 022
account=mainstay-drift
home=/var/lib/$account
look=/usr/local/sbin/mainstay-look
rights=/etc/sudoers.d/$account

[ "$(id -u)" = 0 ] || { echo 'run this as root' >&2; exit 1; }

if [ "${1:-}" = --remove ]; then
    rm -f "$rights" "$look"
    rm -rf "$home"
    if id "$account" >/dev/null 2>&1; then userdel "$account"; fi
    exit 0
fi

for program in setpriv sudo visudo useradd; do
    command -v $program >/dev/null || { echo "$program is missing" >&2; exit 1; }
done
key=$(grep -E '^(ssh-|ecdsa-|sk-)' | head -n 1) || { echo 'no public key on standard input' >&2; exit 1; }

id "$account" >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir "$home" --no-create-home --shell /bin/sh "$account"
usermod --password '*' "$account" # no password matches; the account is not locked, because some sshd versions refuse locked accounts

# The account owns none of these files, not even its home directory.
mkdir -p "$home/.ssh"
printf 'restrict,command="sudo -n -- %s" %s\n' "$look" "$key" >"$home/.ssh/authorized_keys"
chown -R root:root "$home"
chmod 755 "$home" "$home/.ssh"
chmod 644 "$home/.ssh/authorized_keys"

cat >"$look.new" <<'LOOK'
#!/bin/sh
# Runs the script on standard input as mainstay-drift: it can read every file and write only to /tmp and similar directories.
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/nonexistent \
    setpriv --reuid mainstay-drift --regid mainstay-drift --clear-groups --no-new-privs \
    --bounding-set=-all,+dac_read_search --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search \
    -- /bin/sh
LOOK
chmod 755 "$look.new"
mv "$look.new" "$look"

# The empty argument list means that no arguments are allowed.
printf '%s ALL=(root) NOPASSWD: %s ""\n' "$account" "$look" >"$rights.new"
chmod 440 "$rights.new"
visudo -cqf "$rights.new" || { rm "$rights.new"; exit 1; }
mv "$rights.new" "$rights"
