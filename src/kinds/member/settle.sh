# shellcheck shell=sh disable=SC2154,SC2034
# Brings a host on which mainstay began something to one of two ends, and prints which: all of it, or nothing.
noted
case $note in
*' done')
    echo mainstay-finished
    exit 0
    ;;
'')
    echo mainstay-bare
    exit 0
    ;;
esac
# kubeadm itself may have finished although nobody was there to note it; after a reboot its pods take a moment.
tries=0
while [ -e "$k/kubelet.conf" ] && [ ! -e "$k/bootstrap-kubelet.conf" ]; do
    if [ "$ROLE" = worker ]; then
        finish join
        echo mainstay-finished
        exit 0
    fi
    here || break
    if ready; then
        if marked_control_plane && all_there; then
            finish "$VERB"
            echo mainstay-finished
            exit 0
        fi
        break
    fi
    tries=$((tries + 1))
    [ $tries -lt 30 ] || break
    sleep 2
done
# A member that votes already counts like any other; when the others are back, the next apply goes on from here.
agreed=0
spared || agreed=$?
[ $agreed -ne 1 ] || exit 1
if [ $agreed -eq 2 ] && [ "$VERB" = join ] && ! answers; then
    echo "neither etcd here nor the API at its endpoint answers, so etcd may need this member: bring the other control" \
        "planes back first" >&2
    exit 1
fi
echo "kubeadm did not finish on $NODE: resetting it" >&2
reset_host "$VERB begun" # whatever was kept of the time before stays true
echo mainstay-bare
