# shellcheck shell=sh disable=SC2154
# Whether what `kubeadm join` does last on a control plane is there: a member of its own that votes.
all_there() {
    members | grep "\"name\":\"$NODE\"" | grep -qv '"isLearner":true'
}
