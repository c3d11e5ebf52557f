//! Each invariant is seen to fail: something forbidden is done on purpose, and the right one names it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use mainstay::fleet::{ActRequest, EtcdMember, Kubernetes, Purpose};
use mainstay::kinds;
use mainstay::plan::{Drift, Mode, Plan, Problem, Selection};
use mainstay::resource::{Action, Address, HostName, Lane, Observation, Script, Slots};
use mainstay::state::{Disk, SimulatedDisk};
use serde_json::json;

use crate::case::Case;
use crate::cluster::{CONTROL_PLANE, Host, NAME, Seed, WORKER, Wanted, load};
use crate::driver::{HERE, Stage};
use crate::invariants::{
    Before, DroppedFirst, OnePerLane, OneVirtualIp, Permit, Quorum, Turns, as_it_was, no_drift, no_secret,
    one_comparison, only_planned_act, only_planned_change, runs_its_files, settled, whole_refuses,
};
use crate::knobs::{Knob, Knobs};
use crate::mainstay::{With, recorded, state_path};
use crate::scene::Scene;
use crate::weather::Weather;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// Hosts of these roles, and nothing said of anything else.
fn of(roles: &[u8]) -> Wanted {
    let host = |(machine, roles)| Host::new(machine, Seed { roles, marks: 0, priority: 0 });
    let hosts = (1..).zip(roles.iter().copied()).map(host).collect();
    Wanted { hosts, knobs: Knobs::default(), moved: Vec::new(), guards: Vec::new(), ignored: Vec::new() }
}

/// Lets a test do what it likes to a cluster of one control plane that was applied; returns what was broken first.
fn after_apply(then: impl AsyncFnOnce(&mut Stage)) -> Option<String> {
    after_apply_of(of(&[CONTROL_PLANE | WORKER]), then)
}

fn after_apply_of(wanted: Wanted, then: impl AsyncFnOnce(&mut Stage)) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let case = Case { wanted, before: Vec::new(), operations: Vec::new() };
        let mut stage = Stage::new(&case, Scene::new());
        let mainstay = stage.mainstay(HERE, Weather::default());
        mainstay.apply(&stage.wanted.yaml(), With::default()).await;
        assert_eq!(stage.scene.known().broken, None);
        then(&mut stage).await;
        stage.scene.catch_up();
        stage.scene.known().broken.clone()
    })
}

#[test]
fn who_writes_without_the_lock_is_named() {
    let broken = after_apply(async |stage| {
        let disk = stage.scene.disk.process("intruder");
        disk.open(&state_path()).unwrap().write_at(b"{", 40).unwrap();
    });
    let broken = broken.unwrap();
    assert!(broken.starts_with("one writer: process ") && broken.contains("nobody held"), "{broken}");
}

#[test]
fn what_the_whole_plan_refuses_is_named() {
    let broken = after_apply(async |stage| {
        stage.wanted.knobs.set(Knob::Version, 3);
        let whole = stage.mainstay(HERE, Weather::default()).plan(&stage.wanted.yaml()).await.unwrap();
        let mut part = whole.clone();
        part.changes.retain(|change| !matches!(change.problem, Some(Problem::Refused { .. })));
        stage.scene.must(whole_refuses(&whole, &part));
        for change in part.changes.iter_mut().filter(|change| change.address.key() == Some("kubelet")) {
            (change.problem, change.action) = (None, Action::Update);
        }
        stage.scene.must(whole_refuses(&whole, &part));
    });
    assert!(broken.unwrap().starts_with("the whole plan refuses: h1/kubernetes/package[kubelet] is planned (Update)"));
}

/// Two control planes and two workers, another configuration of containerd, and the plan for it.
async fn another_runtime(stage: &mut Stage) -> Plan {
    stage.wanted.knobs.set(Knob::Runtime, 4);
    stage.mainstay(HERE, Weather::default()).plan(&stage.wanted.yaml()).await.unwrap()
}

const FOUR: [u8; 4] = [CONTROL_PLANE, CONTROL_PLANE, WORKER, WORKER];

#[test]
fn hosts_that_are_interrupted_out_of_turn_are_named() {
    let broken = after_apply_of(of(&FOUR), async |stage| {
        let plan = another_runtime(stage).await;
        let of = |host: &str| address(&format!("{host}/container-runtime/file[/etc/containerd/config.toml]"));
        let all = |host: &str| {
            let changes = plan.changes.iter().filter(|change| change.address.host().as_str() == host);
            changes.filter(|it| it.action.touches_host()).map(|it| it.address.clone()).collect::<Vec<_>>()
        };
        let begun = |first: &str, then: &str, at_once: usize| {
            let mut turns = Turns::of(&plan, at_once);
            turns.begins(&of(first)).unwrap();
            turns.begins(&of(then)).err().unwrap_or_default()
        };
        assert!(
            begun("h1", "h2", 2).contains("h2/container-runtime/file[/etc/containerd/config.toml] was begun while h1")
        );
        assert!(begun("h3", "h1", 2).contains("was begun while h3 had its turn"));
        assert!(begun("h3", "h4", 1).contains("unavailable, and 1 may be"));
        assert_eq!(begun("h3", "h4", 2), "");
        let mut turns = Turns::of(&plan, 1);
        turns.begins(&of("h1")).unwrap();
        turns.ends(&of("h1"), false);
        assert!(turns.begins(&of("h3")).unwrap_err().ends_with("was begun after h1, the first host, had failed"));
        let mut turns = Turns::of(&plan, 1);
        for host in ["h3", "h1"] {
            turns.begins(&of(host)).unwrap();
            for address in &all(host) {
                turns.ends(address, host == "h3");
            }
        }
        assert!(turns.begins(&of("h4")).unwrap_err().ends_with("was begun after the control plane h1 had failed"));
    });
    assert_eq!(broken, None);
}

/// Nothing of one host waits for another one any more.
#[test]
fn a_run_that_interrupts_hosts_out_of_turn_is_named() {
    let broken = after_apply_of(of(&FOUR), async |stage| {
        another_runtime(stage).await;
        let mainstay = stage.mainstay(HERE, Weather::default());
        let loaded = load(&stage.wanted.yaml()).unwrap();
        let lease = mainstay.lock("apply", Duration::ZERO).await.unwrap();
        let store = mainstay.store().unwrap();
        let (whole, with) = (Selection::default(), With::default());
        let planned = mainstay.survey(Mode::Apply, &loaded.cluster, &whole, &store.snapshot(), with).await;
        let mut planned = planned.unwrap();
        for change in &mut planned.plan.changes {
            let host = change.address.host().clone();
            change.after.retain(|other| *other.host() == host);
        }
        mainstay.carry_out(planned, store, lease, with).await.unwrap();
    });
    let broken = broken.unwrap();
    assert!(broken.starts_with("turns: ") && broken.contains(" was begun while h1 had its turn"), "{broken}");
}

#[test]
fn two_in_one_lane_are_named() {
    let (mut lanes, [one, two]) =
        (OnePerLane::default(), ["h1", "h2"].map(|it| address(&format!("{it}/haproxy/service[haproxy]"))));
    let disk = SimulatedDisk::new();
    let (first, next) = (disk.process("m"), disk.process("m"));
    for action in [Action::Create, Action::Update] {
        lanes.begins(&Lane::LoadBalancer, &one, action, &first).unwrap();
    }
    lanes.begins(&Lane::LoadBalancer, &two, Action::Create, &first).unwrap();
    let broken = lanes.begins(&Lane::LoadBalancer, &two, Action::Update, &first).unwrap_err();
    assert!(broken.starts_with("one per lane: ") && broken.contains("h2/haproxy"), "{broken}");
    // Who is dead keeps no lane.
    first.kill();
    lanes.begins(&Lane::LoadBalancer, &one, Action::Update, &next).unwrap();
    lanes.ends(&Lane::LoadBalancer, &one);
    lanes.begins(&Lane::LoadBalancer, &two, Action::Destroy, &next).unwrap();
}

#[test]
fn a_quorum_that_an_act_costs_is_named() {
    let etcd = |up: &[bool]| Kubernetes {
        members: (0..)
            .zip(up)
            .map(|(n, up)| EtcdMember { host: HostName::new(format!("h{n}")), voting: true, up: *up })
            .collect(),
    };
    let mut quorum = Quorum::default();
    quorum.before(&etcd(&[true, true, true]));
    quorum.after("one", &etcd(&[true, true, false])).unwrap();
    let broken = quorum.after("the second", &etcd(&[true, false, false])).unwrap_err();
    assert!(broken.starts_with("quorum: after the second 1 of 3 voting etcd members run"), "{broken}");
    // That a host went down is nobody's fault, and nothing that comes after it costs the quorum again.
    quorum.before(&etcd(&[true, false, false]));
    quorum.after("one", &etcd(&[false, false, false])).unwrap();
    quorum.before(&etcd(&[true]));
    quorum.after("the last", &etcd(&[])).unwrap();
}

#[test]
fn a_virtual_ip_on_two_hosts_is_named() {
    let held = |hosts: &[&str]| {
        BTreeMap::from([(std::net::Ipv4Addr::new(10, 0, 0, 250), hosts.iter().map(|it| HostName::new(*it)).collect())])
    };
    let mut one = OneVirtualIp::default();
    one.before(&held(&["h1"]));
    one.after("one", &held(&["h2"])).unwrap();
    let broken = one.after("another", &held(&["h1", "h2"])).unwrap_err();
    assert!(broken.starts_with("one virtual IP: after another it is held twice"), "{broken}");
    one.before(&held(&["h1", "h2"]));
    one.after("what others did", &held(&["h1", "h2"])).unwrap();
}

#[test]
fn an_api_server_that_is_reset_before_it_was_dropped_is_named() {
    let hosts = |names: &[&str]| -> BTreeSet<HostName> { names.iter().map(|it| HostName::new(*it)).collect() };
    let knows = |names: &[&str]| BTreeMap::from([(HostName::new("lb"), hosts(names))]);
    let mut dropped = DroppedFirst { stay: hosts(&["lb"]), leaving: hosts(&["h1"]), ..DroppedFirst::default() };
    dropped.before(hosts(&["h1", "h2"]));
    dropped.after("one", &hosts(&["h2"]), &knows(&["h2"])).unwrap();
    let broken = dropped.after("another", &hosts(&["h2"]), &knows(&["h1", "h2"])).unwrap_err();
    assert_eq!(broken, "dropped first: after another haproxy on lb still sends clients to h1");
}

#[test]
fn an_act_that_was_not_planned_is_named() {
    let swap = kinds::decode("swap", &json!({})).unwrap();
    let (script, slots, at) = (Script::new("swapoff -a"), Slots::default(), address("h1/host/swap"));
    let request = ActRequest {
        address: &at,
        resource: swap.as_ref(),
        purpose: Purpose::Apply,
        expect: None,
        act: Some((&script, &slots)),
        effect: None,
        completes: true,
        look_after: false,
        timeout: Duration::ZERO,
    };
    let mut permit = Permit::default();
    let broken = |permit: &Permit, host: &str| only_planned_act(permit, &HostName::new(host), &request);
    assert!(broken(&permit, "h1").unwrap_err().contains("told to apply h1/host/swap, for which the plan has nothing"));
    permit.actions.insert(at.clone(), Action::Destroy);
    assert!(broken(&permit, "h1").unwrap_err().contains("for which the plan has Destroy"));
    permit.actions.insert(at.clone(), Action::Update);
    broken(&permit, "h1").unwrap();
    assert!(broken(&permit, "h2").unwrap_err().contains("h2 was told"));
}

#[test]
fn a_change_that_was_not_planned_is_named() {
    let at = address("h1/host/swap");
    let (on, off) = (json!("on"), json!("off"));
    let (was, is) = (BTreeMap::from([(&at, &on)]), BTreeMap::from([(&at, &off)]));
    let held = |permit: &Permit, others: &BTreeSet<Address>| only_planned_change(permit, &was, &is, others);
    let mut permit = Permit::default();
    assert!(held(&permit, &BTreeSet::new()).unwrap_err().contains("h1/host/swap changed from"));
    held(&permit, &BTreeSet::from([at.clone()])).unwrap();
    permit.actions.insert(at.clone(), Action::Update);
    held(&permit, &BTreeSet::new()).unwrap();
}

#[test]
fn a_secret_that_is_told_is_named() {
    let broken = after_apply(async |stage| stage.scene.shown("an event", b"pass zQ9vMark word")).unwrap();
    assert_eq!(broken, "no secret in any output: an event tells `zQ9vMark`: ..pass zQ9vMark word..");
    no_secret("an event", b"pass ******* word", ["zQ9vMark".to_owned()].iter()).unwrap();
}

#[test]
fn what_is_never_settled_is_named() {
    let broken = after_apply(async |stage| {
        let at = address("h1/host/sysctl[net.ipv4.ip_forward]");
        stage.hosts.set(&at, Observation::Present(json!({"value": "0"}))).unwrap();
        let mainstay = stage.mainstay(HERE, Weather::default());
        let plan = mainstay.plan(&stage.wanted.yaml()).await.unwrap();
        stage.scene.must(settled(&plan));
    });
    let broken = broken.unwrap();
    assert!(broken.starts_with("two applies settle it: ") && broken.contains("ip_forward"), "{broken}");
}

#[test]
fn a_service_that_runs_with_an_older_file_is_named() {
    let broken = after_apply(async |stage| {
        let at = address("h1/container-runtime/file[/etc/containerd/config.toml]");
        let state = recorded(&stage.scene).unwrap().unwrap();
        stage.scene.must(stage.hosts.with(|world| runs_its_files(&state, world)));
        stage.hosts.set(&at, Observation::Present(json!({"content": "version = 2"}))).unwrap();
        stage.scene.must(stage.hosts.with(|world| runs_its_files(&state, world)));
    });
    let broken = broken.unwrap();
    assert!(broken.starts_with("services run their files: h1/container-runtime/service[containerd]"), "{broken}");
}

#[test]
fn what_destroy_leaves_behind_is_named() {
    let broken = after_apply(async |stage| {
        let before = Before::default();
        let held = stage.hosts.with(|world| as_it_was(&before, world.present()));
        stage.scene.must(held);
    });
    let broken = broken.unwrap();
    assert!(broken.starts_with("destroy leaves it as it was:") && broken.contains("h1/kubernetes/service[kubelet]"));
}

#[test]
fn a_state_that_cannot_be_read_is_named() {
    let broken = after_apply(async |stage| {
        let disk = stage.scene.disk.process("intruder");
        let file = disk.open(Path::new(&state_path())).unwrap();
        file.write_at(b"{", 40).unwrap();
        // That nobody held the lock is told first, and not what this is about.
        stage.scene.catch_up();
        stage.scene.known().broken = None;
        let run = crate::settle::calm();
        let yaml = stage.wanted.yaml();
        let ended = stage.run(HERE, &run, |it| async move { it.apply(&yaml, With::default()).await }).await;
        stage.heard("apply", &ended);
    });
    let broken = broken.unwrap();
    assert!(broken.starts_with("the state can be read again: "), "{broken}");
}

#[test]
fn two_runs_that_differ_are_told_apart() {
    let (mut one, mut two) = (crate::trace::Trace::default(), crate::trace::Trace::default());
    for trace in [&mut one, &mut two] {
        trace.line("the same".to_owned());
    }
    assert_eq!(one.digest(), two.digest());
    two.line(format!("another {NAME}"));
    one.line("one".to_owned());
    assert_ne!(one.digest(), two.digest());
    assert_eq!(one.difference(&two), "one\n   in the second run: another sim");
}

#[test]
fn a_drift_that_contradicts_the_plan_is_named() {
    let broken = after_apply_of(of(&FOUR), async |stage| {
        let plan = another_runtime(stage).await;
        let clean = Drift {
            cluster: plan.cluster.clone(),
            lineage: plan.lineage.clone(),
            serial: plan.serial,
            entries: Vec::new(),
            coverage: mainstay::plan::Seeing::default(),
            warnings: Vec::new(),
        };
        let said = one_comparison(&plan, &clean).unwrap_err();
        assert!(said.starts_with("one comparison: drift says Clean and the plan has "), "{said}");
        let nothing = Plan { changes: Vec::new(), ..plan };
        one_comparison(&nothing, &clean).unwrap();
        no_drift(&clean).unwrap();
    });
    assert_eq!(broken, None);
}
