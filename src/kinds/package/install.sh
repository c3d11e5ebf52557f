# shellcheck shell=sh disable=SC2154
# Installs PACKAGE in VERSION (or its latest), in two steps: MODE=resolve tells which packages will
# be new, so that they are known even when the install is cut off; MODE=install installs.
# The package manager must end its work when we are gone: signals of a lost connection are ignored,
# and what it says goes to a file, not to a pipe that nobody reads.
trap '' HUP PIPE
log=$(mktemp)
trap 'rm -f "$log"' EXIT
explain() {
    tail -n 15 "$log" >&2
    exit 1
}

if ! command -v apt-get >/dev/null; then
    # A key that is imported looks like a package to rpm, and is none of ours to remove.
    names() { rpm -qa --qf '%{NAME}\n' | sed '/^gpg-pubkey$/d' | sort -u; }
    note="$NOTES/packages.before.$PACKAGE"
    if [ "$MODE" = resolve ]; then
        mkdir -p "$NOTES"
        if [ ! -e "$note" ]; then
            names >"$note.new"
            mv "$note.new" "$note"
        fi
        exit 0
    fi
    if [ "$HOLD" = yes ] && ! dnf versionlock --help >/dev/null 2>&1; then
        dnf -y -q install python3-dnf-plugin-versionlock >"$log" 2>&1 || explain
    fi
    dnf -q versionlock delete "$PACKAGE" >/dev/null 2>&1 || :
    # What begins with a version's number may be a later version: 1.31.14 begins with 1.31.1.
    case $VERSION in
    '') wanted=$PACKAGE ;;
    *-*) wanted="$PACKAGE-$VERSION*" ;;
    *) wanted="$PACKAGE-$VERSION-*" ;;
    esac
    dnf -y -q --setopt=install_weak_deps=False install "$wanted" >"$log" 2>&1 || explain
    if [ "$HOLD" = yes ]; then dnf -q versionlock add "$PACKAGE" >"$log" 2>&1 || explain; fi
    names | comm -13 "$note" - | while read -r name; do
        printf '@@keep installed.%s=yes\n' "$name"
    done
    rm -f "$note"
    rmdir "$NOTES" 2>/dev/null || :
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
# The version that begins with VERSION: exactly it, or it and then no further digit.
choose() {
    chosen=
    if [ -z "$VERSION" ]; then
        apt-cache show --no-all-versions -- "$PACKAGE" >/dev/null 2>&1
        return
    fi
    for version in $(apt-cache madison -- "$PACKAGE" 2>/dev/null | cut -d'|' -f2); do
        case ${version#*:} in
        "$VERSION" | "$VERSION"[!0-9]*)
            chosen=$version
            return 0
            ;;
        esac
    done
    return 1
}
update() { apt-get -q -o DPkg::Lock::Timeout=120 update >"$log" 2>&1 || explain; }
apt_install() {
    apt-get -q -y -f --no-install-recommends --allow-change-held-packages --allow-downgrades \
        -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold -o APT::Keep-Downloaded-Packages=false "$@" \
        install "$PACKAGE${chosen:+=$chosen}" >"$log" 2>&1
}
resolve() {
    apt_install -s || explain
    # `Inst NAME (NEW ..` is new, `Inst NAME [OLD] (NEW ..` an upgrade.
    sed -n 's/^Inst \([^ ]*\) (\([^ )]*\).*/@@keep installed.\1=\2/p' "$log"
}

find_it() {
    if choose; then return; fi
    update
    if choose; then return; fi
    printf '%s: no package %s%s in the repositories of this host\n' "$(uname -n)" "$PACKAGE" "${VERSION:+ $VERSION}" >&2
    exit 1
}
if [ "$MODE" = resolve ]; then
    # Ends what an earlier run left half done.
    if [ -n "$(dpkg --audit)" ]; then dpkg --configure -a --force-confold >"$log" 2>&1 || :; fi
    find_it
    resolve
    exit 0
fi
# Without a version there is nothing to choose: the step before has found it.
chosen=
[ -z "$VERSION" ] || find_it
if ! apt_install; then
    # The lists may be older than the repository.
    if ! grep -q -E '404 |--fix-missing' "$log"; then explain; fi
    update
    choose || explain
    resolve
    apt_install || explain
fi
case $HOLD.$(apt-mark showhold -- "$PACKAGE") in
yes.) apt-mark hold -- "$PACKAGE" >/dev/null ;;
no.?*) apt-mark unhold -- "$PACKAGE" >/dev/null ;;
esac
