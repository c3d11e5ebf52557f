# shellcheck shell=sh disable=SC2154
# `absent`, `equal`, or `differs` lines with the names of the objects that are missing or not as declared.
here || exit 75
by_server diff
while [ "$status" -gt 1 ] && election "$said"; do by_server diff; done
compared=$status
if [ "$compared" -eq 0 ]; then
    echo equal
    exit 0
fi
present=$(objects) || unanswered $?
if [ -z "$present" ]; then
    ready || exit 76
    echo absent
elif [ "$compared" -eq 1 ]; then
    # Who manages which field is no difference, yet kubectl before v1.24 shows it as one. Seen whole, it can be told.
    names=$(printf '%s\n' "$said" | sed -n 's,^diff .*/MERGED-[0-9]*/,differs ,p' | sort)
    case $said in *FieldsV1*)
        KUBECTL_EXTERNAL_DIFF='diff -N -U 99999'
        export KUBECTL_EXTERNAL_DIFF
        by_server diff
        [ "$status" -ne 1 ] || names=$(printf '%s\n' "$said" | awk '
            /^diff .*\/MERGED-[0-9]*\// { name = $0; sub(/.*\/MERGED-[0-9]*\//, "", name); managers = 0; next }
            /^(---|\+\+\+|@@)/ { next }
            /^.  managedFields:/ { managers = 1; next }
            /^.(  [^ -]|[^ ])/ { managers = 0 }
            /^[-+]/ && !managers && !/^.  generation:/ { print "differs " name }' | sort -u)
        ;;
    esac
    printf '%s\n' "${names:-equal}"
else
    printf '%s\n' "$said" >&2
    unanswered "$compared"
fi
