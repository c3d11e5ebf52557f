//! Tests of the scripts, with stand-ins for kubeadm and kubectl.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;

use super::super::kubectl::stage::{Stage, every_sh_file};
use super::steps::{BARE, STANDING};
use super::*;
use crate::resource::{On, Refusal, Secret, Setting, StepAct};

const NOTE: &str = "/etc/kubernetes/pki/.mainstay";
const MANIFESTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// A control plane.
fn init() -> Member {
    let slot = Slots::placeholder;
    let (id, secret) = (slot("token_id"), slot("token_secret"));
    let mut member = join(MemberRole::ControlPlane);
    let documents = member.making.control_plane.as_mut().unwrap();
    documents.init = format!("bootstrapTokens:\n- token: {id}.{secret}\n");
    documents.skip_phases = vec!["addon/coredns".into()];
    member.making.ignore_preflight_errors = vec!["NumCPU".into(), "Mem".into()];
    Member { node: "cp1".into(), advertise_address: Ipv4Addr::new(10, 0, 0, 1), ..member }
}

fn join(role: MemberRole) -> Member {
    let slot = Slots::placeholder;
    let (id, secret, hash, key) = (slot("token_id"), slot("token_secret"), slot("ca_hash"), slot("certificate_key"));
    let mut config = format!("token: {id}.{secret}\napiServerEndpoint: \"10.0.0.100:8443\"\nhash: sha256:{hash}\n");
    let control_plane = role == MemberRole::ControlPlane;
    if control_plane {
        let _ = writeln!(config, "certificateKey: {key}");
    }
    let documents = ControlPlaneDocuments {
        init: String::new(),
        upload: format!("certificateKey: {key}\n"),
        skip_phases: Vec::new(),
        etcd_data_dir: "/var/lib/etcd".into(),
    };
    Member {
        node: "n2".into(),
        role,
        advertise_address: Ipv4Addr::new(10, 0, 0, 2),
        endpoint: "10.0.0.100:8443".into(),
        cri_socket: "unix:///run/containerd/containerd.sock".into(),
        version: None,
        making: Making { join: config, control_plane: control_plane.then_some(documents), ..Making::default() },
    }
}

fn refused(is: &Member, was: &Member) -> Vec<Refusal> {
    Kind::settings(is, was, None).into_iter().filter_map(Setting::refused).collect()
}

#[test]
fn a_control_plane_is_not_upgraded() {
    let of = |version: &str| Member { version: Some(version.to_owned()), ..join(MemberRole::ControlPlane) };
    let text = Refusal::text(&refused(&of("1.32.0"), &of("1.31.4")));
    assert!(text.contains("cannot upgrade Kubernetes yet (recorded 1.31.4, cluster.yaml 1.32.0)"), "{text}");
    assert_eq!(refused(&of("1.31.4"), &of("1.31.4")), []);
    // A record of before, and one that becomes a worker.
    assert_eq!(refused(&of("1.32.0"), &join(MemberRole::ControlPlane)), []);
    assert_eq!(refused(&join(MemberRole::Worker), &of("1.31.4")), []);
}

#[test]
fn a_node_is_never_renamed() {
    let was = join(MemberRole::Worker);
    let is = Member { node: "n9".into(), ..was.clone() };
    assert!(refused(&is, &was)[0].advice.contains("Set `nodeName: n2` on this host"));
    assert_eq!(refused(&was, &was), []);
}

#[test]
fn only_what_lasts_is_recorded() {
    let member = init();
    let recorded: Member = serde_json::from_value(crate::resource::AnyKind::attributes(&member)).unwrap();
    assert_eq!(recorded, Member { making: Making::default(), ..member.clone() });
    let prior = Prior { before: Observation::Absent, kept: BTreeMap::new() };
    assert_eq!(recorded.destroy(&prior), member.destroy(&prior), "a record is enough to take the member out");
}

#[test]
fn kubelets_since_1_35_refuse_cgroup_v1() {
    let on = |cgroup_version| HostFacts { cgroup_version, ..HostFacts::default() };
    let making = Making { refuses_cgroup_v1: Some("1.35.0".into()), ..Making::default() };
    let member = Member { making, ..join(MemberRole::Worker) };
    assert!(Kind::unfit(&member, &on(1)).unwrap().contains("kubelet 1.35.0 does not start on n2"));
    assert_eq!((Kind::unfit(&member, &on(2)), Kind::unfit(&join(MemberRole::Worker), &on(1))), (None, None));
}

/// A host on which kubeadm laid down everything; `note` is what mainstay noted.
fn whole(note: Option<&str>) -> Stage {
    let stage = Stage::control_plane();
    for name in MANIFESTS.iter().filter(|name| **name != "kube-apiserver") {
        stage.file(&format!("/etc/kubernetes/manifests/{name}.yaml"), "");
    }
    for path in ["/etc/kubernetes/kubelet.conf", "/etc/kubernetes/pki/ca.crt", "/var/lib/etcd/member/x"] {
        stage.file(path, "");
    }
    if let Some(note) = note {
        stage.file(NOTE, note);
    }
    stage.command("uname", "echo cp1");
    stage
}

fn worker() -> Stage {
    let stage = Stage::new();
    stage.file("/etc/kubernetes/kubelet.conf", "clusters:\n- cluster:\n    server: https://10.0.0.100:8443\n");
    stage.file("/etc/kubernetes/pki/ca.crt", "");
    stage.command("uname", "echo N2");
    stage
}

fn look<K: Kind>(kind: &K, stage: &Stage) -> Result<Observation<K::Observed>, ProbeError> {
    kind.parse(&stage.run(&kind.probe()))
}

fn seen(complete: bool, role: MemberRole) -> Observation<Observed> {
    Observation::Present(Observed { complete, ..Observed::whole(role, None) })
}

/// Slots as a run would have filled them, each with a word that can be searched for.
fn slots(standing: &str) -> Slots {
    let mut slots = Slots::default();
    for slot in ["token_id", "token_secret", "certificate_key", "ca_hash"] {
        slots.put(slot, Secret::new(format!("HUSH{}", slot.replace('_', ""))));
    }
    slots.put(STANDING, Secret::new(standing));
    slots.put(Slots::SCOPE, Secret::new(Slots::PART));
    slots
}

fn script_of(step: &Step) -> Option<&Script> {
    match &step.act {
        StepAct::Run(run) => Some(&run.script),
        StepAct::Wait(wait) => Some(&wait.script),
        StepAct::Mint { .. } => None,
    }
}

fn step<'a>(steps: &'a [Step], title: &str) -> &'a Script {
    let found = steps.iter().find(|step| step.title.contains(title));
    found.and_then(script_of).unwrap_or_else(|| panic!("no script `{title}`"))
}

fn titles(steps: &[Step]) -> String {
    let line = |step: &Step| {
        let on = match step.on {
            On::Host => "host",
            On::ControlPlane => "control plane",
            On::EachOtherControlPlane => "each other control plane",
        };
        let always = if step.always { ", always" } else { "" };
        let optional = if step.optional { ", optional" } else { "" };
        format!("{on}{always}{optional}: {}", step.title)
    };
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

mod cluster;
mod failing;
mod settle;
mod versions;

#[test]
fn a_bare_host_and_keys_of_the_operators_own_are_absent() {
    let stage = Stage::new();
    assert_eq!(look(&init(), &stage), Ok(Observation::Absent));
    stage.file("/etc/kubernetes/pki/ca.key", "the operator's");
    assert_eq!(look(&init(), &stage), Ok(Observation::Absent));
}

#[test]
fn what_mainstay_noted_decides_without_asking_anyone() {
    let stage = whole(None);
    let conf = stage.path("/etc/kubernetes/kubelet.conf").display().to_string();
    stage.file(NOTE, &format!("init done\n{conf}\n"));
    stage.command("kubectl", "exit 1");
    assert_eq!(look(&init(), &stage), Ok(seen(true, MemberRole::ControlPlane)));
    assert_eq!(stage.calls(), "", "a silent apiserver must not matter");
    // The marker of earlier versions.
    for note in ["join begun\n", "init leaving\n", "kubeadm leaving\n"] {
        assert_eq!(look(&init(), &whole(Some(note))), Ok(seen(false, MemberRole::ControlPlane)), "{note}");
    }
    let begun = Observed::begun(MemberRole::ControlPlane, true);
    assert_eq!(look(&init(), &whole(Some("init begun\n"))), Ok(Observation::Present(begun)));
    let lost = whole(Some("init done\n/etc/kubernetes/scheduler.conf\n"));
    let error = look(&init(), &lost).unwrap_err().to_string();
    assert!(error.contains("files are missing: /etc/kubernetes/scheduler.conf"), "{error}");
    assert!(!error.contains("kubeadm reset"), "it would destroy a control plane that may be healthy: {error}");
}

/// kubeadm's documentation tells operators to move it to a safe place.
#[test]
fn super_admin_conf_may_go() {
    let super_admin = "/etc/kubernetes/super-admin.conf";
    let stage = Stage::new();
    stage.command("kubeadm", "");
    stage.file("/etc/kubernetes/kubelet.conf", "");
    stage.file(super_admin, "");
    let steps = init().apply(Act::Found, &Observation::Absent);
    assert_eq!(stage.run_with(step(&steps, "kubeadm init"), &slots(BARE)).status, 0);
    let note = std::fs::read_to_string(stage.path(NOTE)).unwrap();
    assert!(note.contains("kubelet.conf") && !note.contains("super-admin.conf"), "{note}");
    // Notes of earlier versions have it.
    let stage = whole(None);
    stage.file(NOTE, &format!("init done\n{}\n", stage.path(super_admin).display()));
    assert_eq!(look(&init(), &stage), Ok(seen(true, MemberRole::ControlPlane)));
    // What is left of it alone still is something that kubeadm left.
    let stage = Stage::new();
    stage.file(super_admin, "");
    assert!(look(&init(), &stage).unwrap_err().to_string().contains("left by a kubeadm"));
}

#[test]
fn a_cluster_made_by_others_is_adopted_only_when_it_says_that_it_is_whole() {
    let stage = whole(None);
    stage.file("/etc/kubernetes/admin.conf", "    server: https://10.0.0.100:8443\n");
    stage.command("kubectl", "echo kubernetes.io/hostname; echo node-role.kubernetes.io/control-plane");
    assert_eq!(look(&init(), &stage), Ok(seen(true, MemberRole::ControlPlane)));
    stage.command("kubectl", "echo kubernetes.io/hostname");
    assert!(look(&init(), &stage).unwrap_err().to_string().contains("has not finished"));
    stage.command("kubectl", "exit 1");
    assert!(look(&init(), &stage).unwrap_err().to_string().contains("it is unknown whether"));

    assert_eq!(look(&join(MemberRole::Worker), &worker()), Ok(seen(true, MemberRole::Worker)));
    let elsewhere = Member { endpoint: "10.0.0.200:8443".into(), ..join(MemberRole::Worker) };
    let error = look(&elsewhere, &worker()).unwrap_err().to_string();
    assert!(error.contains("the cluster at 10.0.0.100:8443, not of the one at 10.0.0.200:8443"), "{error}");

    let other = worker();
    other.file(
        "/var/lib/kubelet/kubeadm-flags.env",
        "KUBELET_KUBEADM_ARGS=\"--hostname-override=container-12-203 --x\"",
    );
    let error = look(&join(MemberRole::Worker), &other).unwrap_err().to_string();
    assert!(error.contains("node is container-12-203, not n2: write `nodeName: container-12-203`"), "{error}");

    let half = worker();
    half.file("/etc/kubernetes/bootstrap-kubelet.conf", "");
    assert!(look(&join(MemberRole::Worker), &half).unwrap_err().to_string().contains("mainstay did not run"));
}

#[test]
fn garbage_is_an_error() {
    for text in [
        "",
        "done",
        "done master",
        "foreign worker",
        "foreign worker http://x",
        "none none",
        "begun x",
        "Done worker",
        "none\nx",
        "done worker\nx",
    ] {
        let output = Output { status: 0, stdout: text.into(), stderr: String::new() };
        assert!(join(MemberRole::Worker).parse(&output).is_err(), "{text}");
    }
    let failed = Output { status: 1, stdout: "none".into(), stderr: String::new() };
    assert!(init().parse(&failed).is_err());
}

#[test]
fn another_role_replaces() {
    let of = |complete| Observed { complete, ..Observed::whole(MemberRole::Worker, None) };
    let changes = join(MemberRole::ControlPlane).diff(&of(true));
    assert_eq!(changes.iter().map(|c| (&*c.field, c.replaces)).collect::<Vec<_>>(), [("role", true)]);
    let changes = join(MemberRole::Worker).diff(&of(false));
    assert_eq!(changes.iter().map(|c| (&*c.field, c.replaces)).collect::<Vec<_>>(), [("state", false)]);
    assert!(init().diff(&init().simulate()).is_empty());
}

#[test]
fn steps_of_every_act() {
    let mut text = String::new();
    let prior = Prior { before: Observation::Absent, kept: BTreeMap::new() };
    let done = seen(true, MemberRole::ControlPlane);
    for (name, steps) in [
        ("init create", init().apply(Act::Found, &Observation::Absent)),
        ("init resume, finished", init().apply(Act::Resume, &done)),
        ("init react", init().apply(Act::React, &done)),
        ("join control plane", join(MemberRole::ControlPlane).apply(Act::Create, &Observation::Absent)),
        ("join worker", join(MemberRole::Worker).apply(Act::Create, &Observation::Absent)),
        ("join worker resume, finished", join(MemberRole::Worker).apply(Act::Resume, &seen(true, MemberRole::Worker))),
        ("destroy", join(MemberRole::ControlPlane).destroy(&prior)),
        ("destroy what others made", join(MemberRole::ControlPlane).destroy(&Prior { before: done, ..prior.clone() })),
    ] {
        let _ = writeln!(text, "== {name}\n{}", titles(&steps));
    }
    insta::assert_snapshot!(text);
    let partial = init().apply(Act::Found, &seen(false, MemberRole::ControlPlane));
    assert_eq!(partial, init().apply(Act::Found, &Observation::Absent), "scripts decide what an unfinished run needs");
}

/// The step of a control plane that was etcd's leader, and leaves beside a worker, ended so.
#[test]
fn what_asks_the_api_is_tried_again_while_etcd_elects() {
    let steps = join(MemberRole::Worker).destroy(&Prior { before: Observation::Absent, kept: BTreeMap::new() });
    let forget = steps.iter().find(|step| step.title.contains("remove n2 from")).unwrap();
    let StepAct::Run(run) = &forget.act else { panic!("{forget:?}") };
    assert!(run.transient.iter().any(|text| "Error from server: etcdserver: leader changed".contains(text)));
}

#[test]
fn images_are_not_pulled_where_that_check_is_off() {
    let mut init = init();
    assert!(titles(&init.apply(Act::Found, &Observation::Absent)).contains("pull the images"));
    init.making.ignore_preflight_errors = vec!["imagepull".into()];
    assert!(!titles(&init.apply(Act::Found, &Observation::Absent)).contains("pull the images"));
}

#[test]
fn kubeadm_gets_its_configuration_on_standard_input_and_is_noted() {
    let stage = Stage::new();
    let got = stage.path("/got").display().to_string();
    stage.command("kubeadm", &format!("cat >{got}; cp \"{}\" {got}.note", stage.path(NOTE).display()));
    stage.file("/etc/kubernetes/kubelet.conf", "");
    let steps = init().apply(Act::Found, &Observation::Absent);
    let run = step(&steps, "kubeadm init");
    assert_eq!(stage.run_with(run, &slots(BARE)).status, 0);
    let expected = "kubeadm init --config /dev/stdin --skip-token-print --skip-certificate-key-print \
        --ignore-preflight-errors=NumCPU,Mem --skip-phases=addon/coredns\n";
    assert_eq!(stage.calls(), expected);
    assert!(std::fs::read_to_string(&got).unwrap().contains("token: HUSHtokenid.HUSHtokensecret"));
    assert_eq!(std::fs::read_to_string(format!("{got}.note")).unwrap(), "init begun\n");
    let note = std::fs::read_to_string(stage.path(NOTE)).unwrap();
    assert!(note.starts_with("init done\n") && note.contains("/etc/kubernetes/kubelet.conf"), "{note}");
    // What is done is not done again.
    assert_eq!(stage.run_with(run, &slots(BARE)).status, 0);
    assert_eq!(stage.calls(), expected);
}

#[test]
fn a_kubeadm_that_fails_is_quoted_and_stays_begun() {
    let stage = Stage::new();
    stage.command("kubeadm", "echo '[ERROR NumCPU]: too few'; exit 2");
    let steps = init().apply(Act::Found, &Observation::Absent);
    let output = stage.run_with(step(&steps, "kubeadm init"), &slots(BARE));
    assert_eq!((output.status, &*output.stderr), (2, "[ERROR NumCPU]: too few\n"));
    assert_eq!(std::fs::read_to_string(stage.path(NOTE)).unwrap(), "init begun\n");
    assert!(!stage.has("/run/mainstay-kubeadm.log"));
}

#[test]
fn pods_that_outlive_a_reset_are_taken_away_too() {
    let stage = whole(Some("join done\n"));
    stage.file("/proc/7/cgroup", "9:cpu:/system.slice\n0::/kubepods.slice/kubepods-pod1.slice\n");
    stage.file("/proc/8/cgroup", "0::/docker/1/kubepods.slice\n");
    let file = stage.path("/proc/7/cgroup");
    let gone = format!("case $* in *phase*) [ ! -e {0}.again ] || rm {0}; : >{0}.again;; esac", file.display());
    stage.command("kubeadm", &gone);
    let prior = Prior { before: Observation::Absent, kept: BTreeMap::new() };
    let steps = join(MemberRole::Worker).destroy(&prior);
    let output = stage.run_with(step(&steps, "kubeadm reset"), &slots(BARE));
    assert_eq!((output.status, &*output.stderr), (0, ""));
    let calls = stage.calls();
    let verbs: Vec<&str> = calls.lines().filter_map(|line| line.split_once(" --cri-socket").map(|it| it.0)).collect();
    let cleaned = "kubeadm reset phase cleanup-node";
    assert_eq!(verbs, ["kubeadm reset -f", cleaned, cleaned]);
    assert_eq!(std::fs::read_to_string(stage.path(NOTE)).unwrap(), "kubeadm leaving\n");

    stage.command("kubeadm", "");
    stage.file("/proc/7/cgroup", "0::/kubepods/besteffort\n");
    let output = stage.run_with(step(&steps, "kubeadm reset"), &slots(BARE));
    assert!(output.status != 0 && output.stderr.contains("pods still run here"), "{output:?}");
}

#[test]
fn what_was_there_before_is_kept_by_the_first_attempt_only() {
    let stage = Stage::new();
    std::fs::create_dir_all(stage.path("/etc/kubernetes/manifests")).unwrap();
    let steps = init().apply(Act::Found, &Observation::Absent);
    let note = |stage: &Stage| stage.run(step(&steps, "record what")).stdout;
    let kept = note(&stage);
    assert!(kept.starts_with("@@keep paths=/etc/kubernetes/manifests /etc/kubernetes\n@@keep sysctls=vm."), "{kept}");
    stage.file(NOTE, "init begun\n");
    assert_eq!(note(&stage), "");
}

/// Runs every script of a resource's life and yields everything that any command was given as an argument.
fn arguments_of(steps: &[Step]) -> String {
    let stage = whole(None);
    cluster::answers(&stage, cluster::MEMBERS, "*cluster-info*) echo jws-kubeconfig-HUSHtokenid;;");
    for command in ["kubeadm", "iptables-save", "ip6tables-save", "ip", "nft", "ipset", "sleep"] {
        stage.command(command, "cat >/dev/null 2>&1; exit 0");
    }
    for step in steps {
        if let Some(script) = script_of(step).filter(|_| !step.title.contains("read the CA")) {
            stage.run_with(script, &slots(BARE));
        }
    }
    for entry in walk(&stage.path("/")) {
        let text = std::fs::read_to_string(&entry).unwrap_or_default();
        let ours = ["sent", "kubectl", "calls"].iter().any(|name| entry.ends_with(name));
        assert!(ours || !text.contains("HUSH"), "a secret in {}", entry.display());
    }
    stage.calls()
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn no_secret_is_ever_an_argument_or_in_a_file() {
    let prior = Prior { before: Observation::Absent, kept: BTreeMap::new() };
    for steps in [
        init().apply(Act::Found, &Observation::Absent),
        join(MemberRole::ControlPlane).apply(Act::Create, &Observation::Absent),
        join(MemberRole::Worker).apply(Act::Create, &Observation::Absent),
        join(MemberRole::ControlPlane).destroy(&prior),
    ] {
        let arguments = arguments_of(&steps);
        assert!(arguments.contains("kubeadm "), "{arguments}");
        assert!(!arguments.contains("HUSH"), "{arguments}");
    }
}

#[test]
fn a_running_kubeadm_is_awaited() {
    // The kernel cuts names after 15 characters, and takes them from the file.
    let stage = Stage::new();
    std::fs::copy("/bin/sleep", stage.path("/bin/kubeadm")).unwrap();
    let mut child = std::process::Command::new(stage.path("/bin/kubeadm")).arg("30").spawn().unwrap();
    let steps = init().apply(Act::Found, &Observation::Absent);
    let output = stage.run(step(&steps, "no other kubeadm"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(output.status, 1);
    assert!(output.stdout.contains(&format!("(process {})", child.id())), "{output:?}");
}

#[test]
fn another_control_plane_forbids_a_second_init_also_when_it_is_down() {
    let steps = init().apply(Act::Found, &Observation::Absent);
    assert!(!steps[0].optional && steps[0].on == On::EachOtherControlPlane);
    let asked = |stage: &Stage| stage.run(step(&steps, "there is no other control plane"));
    assert_eq!(asked(&Stage::new()).status, 0);
    let healthy = Stage::control_plane();
    healthy.command("kubectl", "");
    let silent = Stage::control_plane();
    silent.command("kubectl", "exit 1");
    let data = Stage::new();
    data.command("ip", "echo '2: eth0    inet 10.0.0.3/24 brd 10.0.0.255 scope global eth0'");
    data.file("/var/lib/etcd/member/wal", "");
    for (stage, found) in [
        (
            healthy,
            "(10.0.0.1) is a control plane whose API server is ready: it has /etc/kubernetes/manifests/kube-apiserver.yaml.",
        ),
        (
            silent,
            "(10.0.0.1) is a control plane whose API server does not answer: it has /etc/kubernetes/manifests/kube-apiserver.yaml.",
        ),
        (data, "(10.0.0.3) is a control plane whose API server does not answer: it has /var/lib/etcd/member."),
    ] {
        let output = asked(&stage);
        assert_eq!(output.status, 1);
        assert!(output.stderr.contains(found), "{}", output.stderr);
        assert!(output.stderr.contains("kubeadm init on cp1 would begin a second cluster"));
        assert!(output.stderr.contains("run `mainstay plan`") && output.stderr.contains("run `kubeadm reset` there"));
    }
}

#[test]
fn every_body_is_read_by_dash_and_bash() {
    for (path, text) in every_sh_file() {
        for shell in ["sh", "bash"] {
            let output = std::process::Command::new(shell).arg("-n").arg(&path).output().unwrap();
            assert!(output.status.success(), "{shell}: {path}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert!(text.starts_with("# shellcheck shell=sh"), "{path}");
        assert!(!text.contains("<<"), "{path}: bash may put a here-document into a file");
    }
}
