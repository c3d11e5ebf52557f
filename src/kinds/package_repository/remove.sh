# shellcheck shell=sh disable=SC2154
# Removes the repository, or puts the entry BEFORE back, and the lists that were read from it.
if command -v apt-get >/dev/null; then
    entry=$ROOT/etc/apt/sources.list.d/$REPOSITORY.list key=$ROOT/etc/apt/keyrings/$REPOSITORY.asc
    rm -f -- "$ROOT/var/lib/apt/lists/$LISTS"_*
else
    entry=$ROOT/etc/yum.repos.d/$REPOSITORY.repo key=$ROOT/etc/pki/rpm-gpg/$REPOSITORY.asc
fi
rm -f "$key.mainstay-prior.new"
if [ "$KEY" = no ]; then
    rm -f "$key"
elif [ -e "$key.mainstay-prior" ]; then
    mv -f "$key.mainstay-prior" "$key"
fi
if [ -n "$BEFORE" ]; then
    tmp=$(mktemp "$entry.XXXXXX")
    printf '%s' "$BEFORE" >"$tmp"
    chmod 644 "$tmp"
    mv -f "$tmp" "$entry"
else
    rm -f "$entry"
fi
directory=${key%/*}
if [ -d "$MADE/$directory/.made" ] && rmdir "$directory" 2>/dev/null; then
    rmdir "$MADE/$directory/.made"
    rmdir -p --ignore-fail-on-non-empty "$MADE/$directory" 2>/dev/null || :
fi
