# shellcheck shell=sh disable=SC2154
# Purges exactly PACKAGES, then deletes the file WRITES, which the program of the first package writes. A package that
# another one depends on by now stays. It is noted on the host and purged with the last of ours that needed it.
trap '' HUP PIPE
log=$(mktemp)
trap 'rm -f "$log"' EXIT
note="$NOTES/packages.left"
left=
set -f
if [ -e "$note" ]; then PACKAGES="$PACKAGES $(tr '\n' ' ' <"$note")"; fi

if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
    # shellcheck disable=SC2016 # a format of dpkg-query
    there() { case $(dpkg-query -W -f '${db:Status-Abbrev} ' -- "$1" 2>/dev/null) in '' | ?n*) return 1 ;; esac; }
    purge() { dpkg --purge "$@"; }
    unlock() { if [ -n "$(apt-mark showhold -- "$1")" ]; then apt-mark unhold -- "$1" >/dev/null; fi; }
    owned() { dpkg-query -S "$1" >/dev/null 2>&1; }
else
    there() { rpm -q -- "$1" >/dev/null 2>&1; }
    # rpm takes all or none, so one by one until nothing more goes.
    purge() {
        if rpm -e -- "$@"; then return 0; fi
        gone=yes
        while [ $gone = yes ]; do
            gone=no
            for one in "$@"; do
                if there "$one" && rpm -e -- "$one"; then gone=yes; fi
            done
        done
    }
    unlock() { dnf -q versionlock delete "$1" >/dev/null 2>&1 || :; }
    owned() { rpm -qf -- "$1" >/dev/null 2>&1; }
fi

present=
for package in $PACKAGES; do
    # A key, which earlier versions took for a package that came with another.
    if [ "$package" = gpg-pubkey ]; then continue; fi
    if there "$package"; then
        unlock "$package"
        present="$present $package"
    fi
done
# shellcheck disable=SC2086 # words: package names hold no blanks
if [ -n "$present" ]; then
    purge $present >"$log" 2>&1 || :
fi
for package in $present; do
    if ! there "$package"; then continue; fi
    if ! grep -q -F -e "dependency problems prevent removal of $package" -e "$package is needed by" -e "needed by (installed)" "$log"; then
        tail -n 15 "$log" >&2
        exit 1
    fi
    printf '%s stays, because another package needs it\n' "$package"
    left="$left$package
"
done
if [ -n "$left" ]; then
    mkdir -p "$NOTES"
    printf '%s' "$left" >"$note"
else
    rm -f "$note"
    rmdir "$NOTES" 2>/dev/null || :
fi
first=${PACKAGES%% *}
if [ -n "$WRITES" ] && ! there "$first"; then
    rm -f -- "$WRITES"
    dir=${WRITES%/*}
    while [ -d "$dir" ] && ! owned "$dir" && rmdir -- "$dir" 2>/dev/null; do dir=${dir%/*}; done
fi
