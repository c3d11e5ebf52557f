//! Tests of how what an earlier kubeadm left on a host is brought to an end.

use super::cluster::{SILENT, answers, member, silence};
use super::*;

/// Settles a host; yields the answer and whether kubeadm was called to reset it.
fn settle(member: &Member, stage: &Stage) -> (String, bool) {
    stage.command("kubeadm", "");
    let steps = member.apply(Act::Found, &Observation::Absent);
    let output = stage.run(step(&steps, "clean up an earlier"));
    assert_eq!(output.status, 0, "{output:?}");
    (output.stdout.trim().to_owned(), stage.calls().contains("kubeadm reset -f"))
}

#[test]
fn only_what_mainstay_began_and_kubeadm_did_not_finish_is_reset() {
    let (bare, finished) = (BARE.to_owned(), "mainstay-finished".to_owned());
    assert_eq!(settle(&init(), &Stage::new()), (bare.clone(), false));
    assert_eq!(settle(&init(), &whole(Some("init done\n"))), (finished.clone(), false));
    assert_eq!(settle(&init(), &whole(None)), (bare.clone(), false), "another's files are not ours to reset");

    // kubeadm went on after mainstay was gone, and finished.
    let stage = whole(Some("init begun\n"));
    stage.command("kubectl", "case $* in *' get node '*) echo node-role.kubernetes.io/control-plane;; esac");
    assert_eq!(settle(&init(), &stage), (finished.clone(), false));
    assert!(std::fs::read_to_string(stage.path(NOTE)).unwrap().starts_with("init done\n"));

    // It was cut off before its last phase.
    let stage = whole(Some("init begun\n"));
    stage.command(
        "kubectl",
        "case $* in *kube-proxy*) exit 1;; *' get node '*) echo node-role.kubernetes.io/control-plane;; esac",
    );
    assert_eq!(settle(&init(), &stage), (bare.clone(), true));
    assert!(stage.calls().contains("kubeadm reset -f --cri-socket unix://"));
    assert_eq!(std::fs::read_to_string(stage.path(NOTE)).unwrap(), "init begun\n");

    let joined = worker();
    joined.file(NOTE, "join begun\n");
    assert_eq!(settle(&join(MemberRole::Worker), &joined), (finished, false));
    joined.file(NOTE, "join begun\n");
    joined.file("/etc/kubernetes/bootstrap-kubelet.conf", "");
    assert_eq!(settle(&join(MemberRole::Worker), &joined), (bare, true));
}

/// The last phase of a join was cut off: the member votes, the node is not marked yet.
#[test]
fn what_an_unfinished_join_left_is_reset_only_if_etcd_can_spare_it() {
    let settled = |verb: &str, members: &[String], silent: &[u32]| {
        let stage = whole(Some(&format!("{verb} begun\n")));
        let unmarked = "*' get node '*) echo kubernetes.io/hostname;; ";
        // etcd without a majority tells nothing.
        let mute = if members.is_empty() { "*member/list*) exit 1;; " } else { "" };
        let down = format!("{unmarked}{mute}{}", silence(silent));
        answers(&stage, &format!("{{\"members\":[{}]}}", members.join(",")), &down);
        stage.command("kubeadm", "");
        stage.command("sleep", "");
        let steps = match verb {
            "init" => init().apply(Act::Found, &Observation::Absent),
            _ => join(MemberRole::ControlPlane).apply(Act::Resume, &Observation::Absent),
        };
        let output = stage.run(step(&steps, "clean up an earlier"));
        let reset = stage.calls().contains("kubeadm reset -f");
        assert_eq!(output.status == 0, reset, "{output:?}");
        if reset {
            assert_eq!(output.stdout.trim(), BARE);
        }
        // The next apply, when the others are back, finds what this one found.
        assert_eq!(std::fs::read_to_string(stage.path(NOTE)).unwrap(), format!("{verb} begun\n"));
        if reset { String::new() } else { output.stderr }
    };
    let three = [member(1, ""), member(2, ""), member(3, "")];
    let told = settled("join", &three, &[3]);
    assert!(told.contains("of 2 other etcd members 1 run: without this member etcd would lose its majority"), "{told}");
    assert!(!settled("join", &three[..2], &[1]).is_empty());
    assert_eq!(settled("join", &three, &[]), "");
    // The first of all, one that does not vote, one that was taken out, and one that never came up.
    assert_eq!(settled("init", &three[..1], &[]), "");
    assert_eq!(settled("init", &[], SILENT), "");
    assert_eq!(settled("join", &[member(1, ""), member(2, ",\"isLearner\":true"), member(3, "")], &[3]), "");
    assert_eq!(settled("join", &[member(1, ""), member(3, "")], &[3]), "");
    assert_eq!(settled("join", &[], &[]), "");
    // Where nobody answers it may be the one that etcd lacks; nothing could be joined now, either.
    let told = settled("join", &[], SILENT);
    assert!(told.contains("neither etcd here nor the API at its endpoint answers"), "{told}");
}
