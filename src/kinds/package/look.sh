# shellcheck shell=sh disable=SC2154,SC2016
# `absent`, `dpkg STATUS|VERSION`, or `rpm VERSION` and `hold` when it is locked.
found=''
set -f
IFS='
'
for line in ${all_packages-}; do
    case $line in
    "$PACKAGE|"*) found="$found${found:+$IFS}${line#*|}" ;;
    esac
done
unset IFS
if [ -n "$found" ]; then
    printf 'dpkg %s\n' "$found"
elif command -v apt-get >/dev/null; then
    if said=$(dpkg-query -W -f '${db:Status-Abbrev}|${Version}\n' -- "$PACKAGE" 2>&1); then
        printf 'dpkg %s\n' "$said"
    else
        case $said in
        *'no packages found matching'*) echo absent ;;
        *)
            printf '%s\n' "$said" >&2
            exit 1
            ;;
        esac
    fi
elif command -v rpm >/dev/null; then
    if said=$(rpm -q --qf '%{VERSION}-%{RELEASE}\n' -- "$PACKAGE" 2>&1); then
        printf 'rpm %s\n' "$said"
        if grep -q -s -e "^$PACKAGE-[0-9]" /etc/dnf/plugins/versionlock.list; then echo hold; fi
    else
        case $said in
        *'is not installed'*) echo absent ;;
        *)
            printf '%s\n' "$said" >&2
            exit 1
            ;;
        esac
    fi
else
    echo 'the host has neither apt nor dnf' >&2
    exit 1
fi
