# shellcheck shell=sh disable=SC2154,SC2086,SC2034
# Which version of FILES the running UNIT has. NOTES holds, for each unit, which process was seen with which content;
# without a note of the process, its age is compared with the files' age.

# Sets `start`: the centiseconds after boot at which process $1 started.
started() {
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${stat##*) }
    start=${20}
}

# Whether process $1 has given up root, as a worker of haproxy does once it listens.
dropped_root() {
    uid=0
    while read -r key uid _; do
        if [ "$key" = Uid: ]; then break; fi
    done <"/proc/$1/status"
    [ "$uid" != 0 ]
} 2>/dev/null

# Sets `uptime` to the centiseconds since boot.
find_uptime() {
    read -r uptime _ </proc/uptime
    uptime=${uptime%.*}${uptime#*.}
}

# Whether a haproxy worker gives up root with FILES: their global section names another user.
names_user() {
    awk '$1 ~ /^(global|defaults|frontend|backend|listen|userlist|peers|program)$/ { section = $1 }
        section == "global" && ($1 == "user" || $1 == "uid") && $2 !~ /^(root|0)$/ { found = 1 }
        END { exit !found }' $FILES 2>/dev/null
}

# Sets `holder` to "PID START" of the process that has read the files of main process $1.
find_holder() {
    holder='' youngest='' ready=no root='0 0'
    case $1 in '' | 0) return 1 ;; esac
    if [ "$READ" = new_worker ]; then
        [ -r "/proc/$1/task/$1/children" ] || return 1
        children=''
        read -r children <"/proc/$1/task/$1/children" || : # the kernel ends it without a newline
        for child in $children; do
            started "$child" || continue
            if dropped_root "$child"; then is=yes; else is=no; fi
            if [ "$is" = no ] && [ "$start" -gt "${root##* }" ]; then root="$child $start"; fi
            case $is.$ready in no.yes) continue ;; esac
            if [ "$is.$ready" = yes.no ] || [ "$start" -gt "${youngest:--1}" ]; then
                ready=$is youngest=$start holder="$child $start"
            fi
        done
        # A younger worker that is still root either does not listen yet or never gives up root.
        start=${root##* }
        if [ "$ready" = yes ] && [ "$start" -gt "$youngest" ] && find_uptime && [ $((uptime - start)) -ge 100 ] &&
            ! names_user; then
            youngest=$start holder=$root
        fi
    fi
    if [ -z "$holder" ]; then
        started "$1" || return 1
        youngest=$start holder="$1 $start"
    fi
}

content() {
    set --
    for file in $FILES; do if [ -e "$file" ]; then set -- "$@" "$file"; fi; done
    if [ $# = 0 ]; then return 1; fi
    sum=$(sha256sum -- "$@" | sha256sum) && printf '%s' "${sum%% *}"
}

# Sets `loaded` for main process $1; $2 is systemd's account of its last reload.
find_loaded() {
    loaded=unknown noted='' noted_at=0
    find_holder "$1" && now=$(content) || return 0
    if [ "$READ" = start ]; then
        # Its program was replaced, as an upgrade of its package does.
        case $(readlink "/proc/${holder%% *}/exe" 2>/dev/null) in
        *' (deleted)')
            loaded=stale
            return 0
            ;;
        esac
    fi
    if [ -r "$NOTES/$UNIT" ]; then
        read -r pid start noted <"$NOTES/$UNIT" || :
        if [ "$pid $start" != "$holder" ]; then noted=''; fi
        if [ "$noted" = "$now" ]; then
            loaded=current
            return 0
        fi
        # The process has read other content. A file that was moved back may be older, so its age proves nothing.
        if [ -n "$noted" ]; then noted_at=$(stat -c %Y -- "$NOTES/$UNIT"); fi
    fi
    newest=0
    for file in $FILES; do
        changed=$(stat -c %.2Y -- "$file" 2>/dev/null) || continue
        changed=${changed%.*}${changed#*.}
        if [ "$changed" -gt "$newest" ]; then newest=$changed; fi
    done
    # Read before the clock, so that a delay makes the process younger, never the file.
    find_uptime
    clock=$(date +%s%2N)
    began=$((clock - uptime + youngest))
    if [ "$newest" -gt "$clock" ]; then
        return 0 # the clock was set back
    elif [ -z "$noted" ] && [ $((began + 10)) -ge "$newest" ]; then
        loaded=current
    elif [ "$READ" != signal ]; then
        loaded=stale
    elif reloaded=${2#*start_time=[} && [ "$reloaded" != "$2" ] && reloaded=$(date -d "${reloaded%%]*}" +%s 2>/dev/null) &&
        [ "$reloaded" -ge $((newest / 100)) ] && [ "$reloaded" -gt "$noted_at" ]; then
        loaded=current
    elif [ -n "$noted" ]; then
        loaded=stale
    fi
}
