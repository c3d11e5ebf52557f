# shellcheck shell=sh disable=SC2154,SC2016,SC2034
# What mainstay notes about its own runs of kubeadm: `init begun` before; `init done` after, and then the files that
# were there at the end and must stay, one a line; `kubeadm leaving` while it is taken back. The note lies where a
# `kubeadm reset` by hand removes it together with what it speaks of. (`join` likewise.)
marker=/etc/kubernetes/pki/.mainstay
k=/etc/kubernetes
m=$k/manifests
# Operators are told to move this one to a safe place.
movable="$k/super-admin.conf"
files="$k/admin.conf $movable $k/controller-manager.conf $k/scheduler.conf $k/kubelet.conf
    $k/bootstrap-kubelet.conf $m/etcd.yaml $m/kube-apiserver.yaml $m/kube-controller-manager.yaml
    $m/kube-scheduler.yaml /var/lib/etcd/member"

# The note's first line, or nothing.
noted() {
    note=''
    [ ! -e "$marker" ] || IFS= read -r note <"$marker" || :
}

note_down() {
    mkdir -p "$k/pki"
    printf '%s\n' "$1" >"$marker"
}

any_files() {
    for file in $files; do
        [ ! -e "$file" ] || return 0
    done
    return 1
}

finish() {
    {
        printf '%s done\n' "$1"
        for file in $files "$k/pki/ca.crt"; do
            [ "$file" = "$movable" ] || [ ! -e "$file" ] || printf '%s\n' "$file"
        done
    } >"$marker.new"
    mv "$marker.new" "$marker"
}

# A kubelet may refuse a static pod that comes in its first seconds, while it does not know its disk yet (seen with
# the ephemeral storage that etcd asks for), and never reconsiders: the member is announced and never runs, which with
# two members costs the quorum. So where no etcd listens 20 s after its manifest came, kubelet is told to look again.
attend() {
    left=600 waited=0
    while [ $left -gt 0 ]; do
        sleep 1
        left=$((left - 1))
        [ -e "$m/etcd.yaml" ] || continue
        waited=$((waited + 1))
        [ $waited -ge 20 ] || continue
        [ -n "$(ss -Hltn 'sport = :2379')" ] || systemctl restart kubelet
        return
    done
}

# The error with which kubelet ended in the last minute, if it did: kubeadm only says that it waited in vain.
kubelet_error() {
    [ -e /var/lib/kubelet/config.yaml ] || return 0 # without it kubelet cannot run yet
    cause=$(journalctl --no-pager -o cat -u kubelet --since -60s 2>/dev/null | awk '
        /^[EF][0-9][0-9][0-9][0-9] / { last = $0 }
        /^F[0-9][0-9][0-9][0-9] |"command failed"|[Ff]ailed to run [Kk]ubelet|^Error: |^panic: |^fatal error: / { why = $0 }
        /Main process exited/ { cause = why != "" ? why : last; why = last = "" }
        END { sub(/^[EF][0-9]+ [^]]*\] /, "", cause); print substr(cause, 1, 600) }') || return 0
    [ -z "$cause" ] || printf 'kubelet does not stay up on this host; its last error: %s\n' "$cause"
}

# Runs kubeadm with its input from the variable CONFIG. It goes on when the connection breaks, for half a kubeadm is
# worse than a late one; that is why its output goes to a file in memory first. Where it fails, `failed` is the phase.
run_kubeadm() {
    log=/run/mainstay-kubeadm.log
    trap '' HUP PIPE
    (umask 077 && : >"$log")
    status=0
    attendant=''
    case $1 in init | join)
        attend >/dev/null 2>&1 &
        attendant=$!
        ;;
    esac
    # One that gives up before it has read this is what counts, and not that nobody read it.
    printf '%s' "${CONFIG-}" 2>/dev/null | kubeadm "$@" >"$log" 2>&1 || status=$?
    [ -z "$attendant" ] || kill "$attendant" 2>/dev/null || :
    failed=''
    if [ $status -ne 0 ]; then
        tail -n 60 "$log" >&2 || :
        case $1 in init | join) kubelet_error >&2 ;; esac
        failed=$(sed -n 's/^\(error: \)\{0,1\}error execution phase \([^:]*\):.*/\2/p' "$log" | tail -n 1) || :
    fi
    rm -f "$log"
    trap - HUP PIPE
    return $status
}

# Whether a pod's processes run on this host; those of other people's containers have longer names.
pods_run() { grep -qs '^[^/]*:/kubepods' /proc/[0-9]*/cgroup; }

# Resets this host and leaves note $1; without asking the cluster, if `offline` says so. kubeadm asks the runtime once
# which pods there are, and takes it for a warning when one does not stop, or comes while it asks; such a pod would
# outlive its runtime, so its cleaning is repeated then.
reset_host() {
    CONFIG=''
    run_kubeadm reset -f ${offline:+--kubeconfig /dev/null} ${SOCKET:+--cri-socket "$SOCKET"}
    note_down "$1"
    tries=0
    while pods_run; do
        tries=$((tries + 1))
        if [ $tries -gt 10 ]; then
            echo 'pods still run here after kubeadm reset; list them with `crictl pods`' >&2
            return 1
        fi
        run_kubeadm reset phase cleanup-node ${SOCKET:+--cri-socket "$SOCKET"}
        note_down "$1"
    done
}

# The labels of this host's node, as its own apiserver knows them.
node_labels() {
    api get node "$NODE" -o go-template='{{range $key, $value := .metadata.labels}}{{$key}}{{"\n"}}{{end}}'
}

marked_control_plane() {
    node_labels 2>/dev/null | grep -qx 'node-role.kubernetes.io/control-plane'
}
