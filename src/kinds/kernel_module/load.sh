# shellcheck shell=sh disable=SC2154
# Keeps which modules come with it, the last one first: what destroy unloads after it.
with=$(modprobe -D -- "$MODULE" 2>/dev/null | {
    with=
    while read -r verb path _; do
        name=${path##*/}
        name=$(printf '%s' "${name%%.ko*}" | tr - _)
        if [ "$verb" = insmod ] && [ "$name" != "$OWN_NAME" ] && [ ! -d "$ROOT/sys/module/$name" ]; then
            with="$name${with:+ $with}"
        fi
    done
    printf '%s' "$with"
})
said=$(modprobe -- "$MODULE" 2>&1) || {
    printf '%s: the kernel %s cannot load the module %s: %s\n' "$(uname -n)" "$(uname -r)" "$MODULE" "$said" >&2
    exit 1
}
if [ -n "$with" ]; then printf '@@keep with=%s\n' "$with"; fi
