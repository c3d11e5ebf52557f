//! Tests of what is made of a kubeadm that fails, on outputs as kubeadm and kubelet of several versions wrote them.

use super::*;

/// kubelet 1.36.2 on a host with cgroup v1; it starts again every ten seconds.
const CGROUP_V1: &str = include_str!("../../../../tests/probes/kubelet/1.36.2-cgroup-v1");
/// kubelet 1.20.2 whose configuration asks for what it was not given; the stacks of its threads follow.
const FATAL: &str = include_str!("../../../../tests/probes/kubelet/1.20.2-fatal");
/// kubelet 1.34.9 with a threshold that is no quantity: the error is that of its last start, not that of the runtime before.
const FATAL_1_34: &str = include_str!("../../../../tests/probes/kubelet/1.34.9-fatal");
/// kubeadm that fails, and the phase in which it does.
const FAILED: [(&str, &str); 10] = [
    ("preflight", include_str!("../../../../tests/probes/kubeadm/1.20.2-preflight")),
    ("preflight", include_str!("../../../../tests/probes/kubeadm/1.34.9-preflight")),
    ("preflight", include_str!("../../../../tests/probes/kubeadm/1.36.2-preflight")),
    ("wait-control-plane", include_str!("../../../../tests/probes/kubeadm/1.34.9-wait-control-plane")),
    // A join whose endpoint does not answer.
    ("preflight", include_str!("../../../../tests/probes/kubeadm/1.34.9-discovery")),
    ("preflight", include_str!("../../../../tests/probes/kubeadm/1.36.3-discovery")),
    ("upload-certs", include_str!("../../../../tests/probes/kubeadm/1.34.9-upload-certs")),
    ("upload-certs", include_str!("../../../../tests/probes/kubeadm/1.36.3-upload-certs")),
    // The last phase of a join, repeated while the endpoint does not answer.
    (
        "control-plane-join/mark-control-plane",
        include_str!("../../../../tests/probes/kubeadm/1.34.9-mark-control-plane"),
    ),
    (
        "control-plane-join/mark-control-plane",
        include_str!("../../../../tests/probes/kubeadm/1.36.3-mark-control-plane"),
    ),
];

fn failed_init(journal: &str) -> String {
    let stage = Stage::new();
    stage.file("/var/lib/kubelet/config.yaml", "");
    stage.file("/journal", journal);
    stage.command(
        "kubeadm",
        "echo 'error: error execution phase wait-control-plane: could not bootstrap the admin user'; exit 1",
    );
    stage.command("journalctl", &format!("cat {}", stage.path("/journal").display()));
    let steps = init().apply(Act::Found, &Observation::Absent);
    let output = stage.run_with(step(&steps, "kubeadm init"), &slots(BARE));
    assert_eq!(output.status, 1);
    output.tail(12).lines().last().unwrap().to_owned()
}

#[test]
fn the_error_of_a_kubelet_that_does_not_stay_up_is_said_last() {
    let said = failed_init(CGROUP_V1);
    assert!(
        said.starts_with("kubelet does not stay up on this host; its last error: \"command failed\" err="),
        "{said}"
    );
    assert!(said.contains("kubelet is configured to not run on a host using cgroup v1"), "{said}");
    let said = failed_init(FATAL);
    assert!(said.contains("failed to run Kubelet") && !said.contains("goroutine"), "{said}");
    let said = failed_init(FATAL_1_34);
    assert!(said.contains("failed to run Kubelet: quantities must match the regular expression"), "{said}");
    let last = "E1130 03:00:00.000000 7 kubelet.go:1650] \"Failed to start cAdvisor\" err=\"inotify_init: too many open files\"\n\
        kubelet.service: Main process exited, code=exited, status=1/FAILURE\n";
    assert!(failed_init(last).contains("inotify_init: too many open files"));
}

#[test]
fn the_errors_of_a_kubelet_that_runs_are_not_the_cause() {
    let running: String = CGROUP_V1
        .lines()
        .filter(|line| !line.contains("Main process exited"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(failed_init(&running).contains("could not bootstrap the admin user"));
}

/// The script reads the phase that failed out of what kubeadm prints.
#[test]
fn the_phase_that_failed_is_found_in_the_output_of_every_version() {
    for (phase, text) in FAILED {
        let stage = Stage::new();
        stage.file("/output", text);
        stage.command("kubeadm", &format!("cat {}; exit 1", stage.path("/output").display()));
        let script = concat!(
            include_str!("../marker.sh"),
            "CONFIG=''\nrun_kubeadm token || printf 'failed in %s\\n' \"$failed\"\n"
        );
        assert_eq!(stage.run(&Script::new(script)).stdout, format!("failed in {phase}\n"));
    }
}

#[test]
fn a_control_plane_that_only_lacks_its_mark_is_marked_again() {
    // As kubeadm 1.20 ended when the load balancer closed its connection.
    marked_again("");
    // As kubeadm ends since 1.34.
    marked_again("error: ");
}

fn marked_again(prefix: &str) {
    let refused = &format!(
        "echo '{prefix}error execution phase control-plane-join/mark-control-plane: error applying control-plane label \
        and taints: error patching node \"n2\" through apiserver: unexpected EOF' >&2; exit 1"
    );
    let stage = Stage::new();
    stage.command("sleep", "");
    let begun = stage.path("/begun").display().to_string();
    let steps = join(MemberRole::ControlPlane).apply(Act::Create, &Observation::Absent);
    let run = step(&steps, "kubeadm join");
    let calls =
        |stage: &Stage| stage.calls().matches("kubeadm join phase control-plane-join mark-control-plane").count();

    stage.command("kubeadm", &format!("case $2 in phase) cat >{begun};; *) {refused};; esac"));
    assert_eq!(stage.run_with(run, &slots(BARE)).status, 0);
    assert_eq!(calls(&stage), 1);
    assert!(std::fs::read_to_string(&begun).unwrap().contains("token: HUSHtokenid"));
    assert!(std::fs::read_to_string(stage.path(NOTE)).unwrap().starts_with("join done\n"));

    // Not for ever, and for no other phase.
    let stage = Stage::new();
    stage.command("sleep", "");
    stage.command("kubeadm", refused);
    let output = stage.run_with(run, &slots(BARE));
    assert_eq!((output.status, calls(&stage)), (1, 5));
    assert!(output.stderr.contains("unexpected EOF"));
    let stage = Stage::new();
    stage.command("kubeadm", "echo 'error execution phase preflight: too few' >&2; exit 3");
    assert_eq!((stage.run_with(run, &slots(BARE)).status, calls(&stage)), (3, 0));
    assert_eq!(std::fs::read_to_string(stage.path(NOTE)).unwrap(), "join begun\n");
}
