# shellcheck shell=sh disable=SC2154,SC2153
# What systemd says of UNIT, one property a line, and `Loaded=` when it runs and reads FILES.
end='
'
unit="

Id=$UNIT
"
seen=${all_units-}
rest=${seen#*"$unit"}
if [ "$rest" != "$seen" ]; then
    rest=${rest%%"

"*}
else
    rest=$(systemctl show -p LoadState,ActiveState,SubState,UnitFileState,MainPID,ExecReload -- "$UNIT")
fi
main='' reload='' runs=''
while [ -n "$rest" ]; do
    line=${rest%%"$end"*}
    rest=${rest#"$line"}
    rest=${rest#"$end"}
    case $line in
    MainPID=*) main=${line#*=} ;;
    ExecReload=*) reload=$line ;;
    ActiveState=active | ActiveState=reloading | ActiveState=refreshing)
        runs=yes
        printf '%s\n' "$line"
        ;;
    *) printf '%s\n' "$line" ;;
    esac
done
if [ -z "$FILES" ] || [ -z "$runs" ]; then exit 0; fi
find_loaded "$main" "$reload"
printf 'Loaded=%s\n' "$loaded"
