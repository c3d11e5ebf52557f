# shellcheck shell=sh disable=SC2154
# Fetches the key, writes the entry that names it, and reads the repository's lists.
if command -v apt-get >/dev/null; then
    family=apt entry=$ROOT/etc/apt/sources.list.d/$REPOSITORY.list key=$ROOT/etc/apt/keyrings/$REPOSITORY.asc
    text=$APT from=$APT_KEY
elif command -v dnf >/dev/null; then
    family=dnf entry=$ROOT/etc/yum.repos.d/$REPOSITORY.repo key=$ROOT/etc/pki/rpm-gpg/$REPOSITORY.asc
    text=$DNF from=$DNF_KEY
else
    echo 'the host has neither apt nor dnf' >&2
    exit 1
fi
directory=${key%/*}
if [ ! -d "$directory" ]; then
    mkdir -p "$MADE/$directory/.made"
    mkdir -m 755 "$directory"
fi
tmp=$(mktemp "$key.XXXXXX")
log=$(mktemp)
trap 'rm -f "$tmp" "$log"' EXIT
if command -v curl >/dev/null; then
    curl -fsSL --retry 3 --max-time 60 -o "$tmp" -- "$from" 2>"$log"
elif command -v wget >/dev/null; then
    wget -q -T 60 -O "$tmp" -- "$from" 2>"$log"
elif [ -x /usr/lib/apt/apt-helper ]; then
    # Leaves alone what it finds in place of its target.
    rm -f "$tmp"
    /usr/lib/apt/apt-helper download-file "$from" "$tmp" >"$log" 2>&1
else
    echo 'the host has neither curl nor wget to fetch a key with' >"$log"
    false
fi || {
    printf 'cannot fetch the key %s\n' "$from" >&2
    cat "$log" >&2
    exit 1
}
if ! grep -q -e '-----BEGIN PGP PUBLIC KEY BLOCK-----' "$tmp"; then
    printf '%s is not an ASCII-armored public key\n' "$from" >&2
    exit 1
fi
chmod 644 "$tmp"
if [ -e "$key" ] && [ ! -e "$key.mainstay-prior" ] && ! cmp -s "$key" "$tmp"; then
    # In one rename, because a copy that is there is taken for whole.
    cp -p "$key" "$key.mainstay-prior.new"
    sync "$key.mainstay-prior.new"
    mv -f "$key.mainstay-prior.new" "$key.mainstay-prior"
fi
mv -f "$tmp" "$key"

tmp=$(mktemp "$entry.XXXXXX")
printf '%s' "$text" >"$tmp"
chmod 644 "$tmp"
mv -f "$tmp" "$entry"

case $family in
apt)
    apt-get -q -o DPkg::Lock::Timeout=120 -o Dir::Etc::sourcelist="$entry" -o Dir::Etc::sourceparts=- \
        -o APT::Get::List-Cleanup=0 -o APT::Update::Error-Mode=any update >"$log" 2>&1
    ;;
dnf) dnf -y -q --disablerepo='*' --enablerepo="$REPOSITORY" makecache >"$log" 2>&1 ;;
esac || {
    tail -n 15 "$log" >&2
    exit 1
}
