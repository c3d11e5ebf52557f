# shellcheck shell=sh disable=SC2154
# `absent`, or `FAMILY KEY` (`apt` or `dnf`, `key` or `nokey`) and then the entry as it is.
if command -v apt-get >/dev/null; then
    family=apt entry=$ROOT/etc/apt/sources.list.d/$REPOSITORY.list key=$ROOT/etc/apt/keyrings/$REPOSITORY.asc
else
    family=dnf entry=$ROOT/etc/yum.repos.d/$REPOSITORY.repo key=$ROOT/etc/pki/rpm-gpg/$REPOSITORY.asc
fi
if [ ! -e "$entry" ] && [ ! -e "$key" ]; then
    echo absent
    exit 0
fi
if [ -s "$key" ]; then echo "$family key"; else echo "$family nokey"; fi
if [ -e "$entry" ]; then cat "$entry"; fi
