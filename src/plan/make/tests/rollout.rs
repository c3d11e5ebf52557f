//! Hosts that run take turns: in which order, and what has no turn at all.

use serde_json::json;

use super::world::{World, address};
use super::*;
use crate::kinds::{self, File, OnChange, Package, Served, Service};
use crate::plan::{Problem, Selection};
use crate::resource::{AnyKind, Declared, HostName, Lane, MemberRole, Pattern, Turn};

/// A part of a host by its short name.
fn at(host: &str, what: &str) -> String {
    match what {
        "node" if host.starts_with("cp") => format!("{host}/control-plane/member"),
        "node" => format!("{host}/worker/member"),
        "file" => format!("{host}/container-runtime/file[/config.toml]"),
        "package" => format!("{host}/kubernetes/package[kubelet]"),
        name => format!("{host}/container-runtime/service[{name}]"),
    }
}

fn turn(host: &str, at_once: usize) -> Turn {
    if host.starts_with("cp") { Turn::ControlPlane } else { Turn::Worker { at_once } }
}

fn node(host: &str) -> Arc<dyn AnyKind> {
    let role = if host.starts_with("cp") { "control-plane" } else { "worker" };
    let join = json!({ "node": host, "role": role, "advertiseAddress": "10.0.0.1", "endpoint": "", "criSocket": "" });
    kinds::decode("member", &join).unwrap()
}

fn service(name: &str, on_change: OnChange, node: Option<Served>) -> Service {
    Service {
        name: name.into(),
        enabled: true,
        active: true,
        on_change,
        releases: Vec::new(),
        group: None,
        listens: Vec::new(),
        reads: Vec::new(),
        node,
    }
}

fn containerd(host: &str) -> Arc<dyn AnyKind> {
    let role = if host.starts_with("cp") { MemberRole::ControlPlane } else { MemberRole::Worker };
    Arc::new(service("containerd", OnChange::Restart, Some(Served { name: host.into(), role })))
}

fn haproxy() -> Service {
    service("haproxy", OnChange::Reload, None)
}

fn kubelet() -> Arc<dyn AnyKind> {
    Arc::new(Package { name: "kubelet".into(), version: None, hold: true })
}

fn file(content: &str) -> Arc<dyn AnyKind> {
    Arc::new(File::new("/config.toml", content))
}

/// Declares one; nothing of it is there unless that was said before.
fn declare(
    world: &mut World,
    name: &str,
    resource: Arc<dyn AnyKind>,
    turn: Option<Turn>,
    needs: &[String],
    reacts: &[String],
) {
    let at = address(name);
    world.facts.hosts.entry(at.host().clone()).or_default();
    world.facts.seen.entry(at.clone()).or_insert_with(|| Ok(absent().into()));
    let of = |texts: &[String]| texts.iter().map(|text| address(text)).collect::<BTreeSet<Address>>();
    world.declared.push(Declared {
        address: at,
        resource,
        needs: &of(needs) | &of(reacts),
        reacts_to: of(reacts),
        lane: None,
        source: "/source".into(),
        made_from: crate::resource::MadeFrom::default(),
        guessed: false,
        turn,
    });
}

/// A host as it is declared, with this content of its file.
fn host(world: &mut World, host: &str, content: &str, at_once: usize) {
    let turn = Some(turn(host, at_once));
    declare(world, &at(host, "package"), kubelet(), turn, &[], &[]);
    declare(world, &at(host, "file"), file(content), turn, &[], &[]);
    declare(world, &at(host, "containerd"), containerd(host), turn, &[], &[at(host, "file")]);
    let needs = [at(host, "package"), at(host, "file"), at(host, "containerd")];
    declare(world, &at(host, "node"), node(host), None, &needs, &[]);
}

/// A host that runs, with its file as it was before.
fn made(world: &mut World, host: &str) {
    world.made_of(&at(host, "package"), kubelet().as_ref()).made_of(&at(host, "file"), file("old").as_ref());
    world.made_of(&at(host, "containerd"), containerd(host).as_ref()).made_of(&at(host, "node"), node(host).as_ref());
    let mut needs = |what: &str, needs: &[&str]| {
        let record = world.state.resources.get_mut(&address(&at(host, what))).unwrap();
        record.needs = needs.iter().map(|need| address(&at(host, need))).collect();
    };
    needs("containerd", &["file"]);
    needs("node", &["package", "file", "containerd"]);
    if host.starts_with("cp") {
        world.control_planes.push(HostName::new(host));
    }
}

/// Hosts that run, and a new content of their file.
fn cluster(hosts: &[&str], content: &str, at_once: usize) -> World {
    let mut world = World::default();
    for name in hosts {
        made(&mut world, name);
        host(&mut world, name, content, at_once);
    }
    world
}

fn says(world: &mut World, name: &str, is: serde_json::Value) {
    let observation = Observation::Present(is);
    let digest = observation.digest();
    world.facts.seen.insert(address(name), Ok(Seen { observation, digest }.into()));
}

/// Which hosts are worked on at once: all that can run at a time does, and all of it ends before more begins.
fn waves(plan: &Plan) -> Vec<String> {
    let mut left: Vec<&Change> = plan.changes.iter().filter(|change| change.action.touches_host()).collect();
    let mut waves: Vec<String> = Vec::new();
    while !left.is_empty() {
        let waits: BTreeSet<&Address> = left.iter().map(|change| &change.address).collect();
        let (ready, rest): (Vec<&Change>, Vec<&Change>) =
            left.iter().partition(|change| change.after.iter().all(|first| !waits.contains(first)));
        assert!(!ready.is_empty(), "a circle: {rest:#?}");
        let hosts: BTreeSet<&str> = ready.iter().map(|change| change.address.host().as_str()).collect();
        let wave = hosts.into_iter().collect::<Vec<_>>().join(" ");
        if waves.last() != Some(&wave) {
            waves.push(wave);
        }
        left = rest;
    }
    waves
}

const ALL: [&str; 6] = ["cp1", "w1", "cp2", "cp3", "w2", "w3"];

#[test]
fn one_host_after_another_control_planes_first() {
    let world = cluster(&ALL, "new", 1);
    let plan = world.plan();
    assert_eq!(waves(&plan), ["cp1", "cp2", "cp3", "w1", "w2", "w3"]);
    let told = "containerd restarts on 6 running hosts, one after another: cp1 first; if cp1 does not become healthy \
                again, no other host is changed; then cp2, cp3, one at a time; then w1, w2, w3, at most 1 at a time \
                (rollout.maxUnavailable)";
    assert_eq!(plan.turns.as_ref().map(|turns| turns.text.as_str()), Some(told));
    let first = world.change(&plan, &at("cp2", "file"));
    assert_eq!(first.after, [address(&at("cp1", "containerd"))].into(), "the file, too");
}

#[test]
fn so_many_workers_at_once() {
    assert_eq!(waves(&cluster(&ALL, "new", 2).plan()), ["cp1", "cp2", "cp3", "w1 w2", "w3"]);
    assert_eq!(waves(&cluster(&["w1", "w2", "w3", "w4"], "new", 3).plan()), ["w1", "w2 w3 w4"], "after the canary");
}

#[test]
fn no_turns_where_nothing_runs_or_nothing_stops() {
    // Hosts that are made.
    let mut new = World::default();
    for name in ALL {
        host(&mut new, name, "new", 1);
    }
    // Services that only have to be started.
    let mut stopped = cluster(&ALL, "old", 1);
    for name in ALL {
        says(&mut stopped, &at(name, "containerd"), json!({ "state": "failed", "boot": "enabled" }));
    }
    // Packages that only have to be held.
    let mut free = cluster(&ALL, "old", 1);
    for name in ALL {
        let seen = free.facts.seen[&address(&at(name, "package"))].as_ref().unwrap();
        let Observation::Present(mut is) = seen.observation.clone() else { panic!("it is there") };
        is["held"] = json!(false);
        says(&mut free, &at(name, "package"), is);
    }
    for world in [new, stopped, free] {
        let plan = world.plan();
        assert_eq!(plan.turns, None);
        assert_eq!(waves(&plan), ["cp1 cp2 cp3 w1 w2 w3"]);
    }
}

#[test]
fn where_an_earlier_run_stopped_or_nothing_runs_comes_first() {
    let interrupted = |what: &str| {
        let mut world = cluster(&ALL, "new", 1);
        world.state.resources.get_mut(&address(&at("w2", what))).unwrap().status = Status::Interrupted;
        world
    };
    let mut stopped = cluster(&ALL, "new", 1);
    says(&mut stopped, &at("w2", "containerd"), json!({ "state": "failed", "boot": "enabled" }));
    let mut owed = cluster(&ALL, "new", 1);
    owed.state.reactions = [(address(&at("w2", "containerd")), [address(&at("w2", "file"))].into())].into();
    for world in [interrupted("containerd"), interrupted("file"), stopped, owed] {
        assert_eq!(waves(&world.plan()), ["w2", "cp1", "cp2", "cp3", "w1", "w3"]);
    }
}

#[test]
fn members_come_and_go_after_the_control_planes_and_are_finished_before() {
    let mut world = cluster(&["cp1", "cp2", "cp3", "w1"], "new", 1);
    host(&mut world, "cp4", "new", 1);
    made(&mut world, "cp5");
    let plan = world.plan();
    let after = |name: &str| world.change(&plan, name).after.clone();
    for member in [at("cp4", "node"), at("cp5", "node")] {
        assert!(after(&member).contains(&address(&at("cp3", "containerd"))), "{member}: {:?}", after(&member));
    }
    assert!(!after(&at("w1", "file")).contains(&address(&at("cp4", "node"))), "workers wait for no member");

    let mut world = cluster(&["cp1", "cp2"], "new", 1);
    made(&mut world, "cp3");
    host(&mut world, "cp3", "old", 1);
    says(&mut world, &at("cp3", "node"), json!({ "complete": false, "role": "control-plane" }));
    assert_eq!(waves(&world.plan()), ["cp3", "cp1", "cp2"]);
}

#[test]
fn nothing_is_interrupted_while_a_control_plane_is_out_of_reach() {
    let mut world = cluster(&ALL, "new", 1);
    world.unreached("cp3");
    let plan = world.plan();
    for name in ["cp1", "cp2", "w1"] {
        let problem = world.change(&plan, &at(name, "file")).problem.clone();
        assert_eq!(problem, Some(Problem::Blocked { by: address(&at("cp3", "node")) }), "{name}");
    }
    // A worker is missing to nobody, unless an earlier run stopped there.
    let mut world = cluster(&ALL, "new", 1);
    world.unreached("w1");
    assert_eq!(waves(&world.plan()), ["cp1", "cp2", "cp3", "w2", "w3"]);
    world.state.resources.get_mut(&address(&at("w1", "containerd"))).unwrap().status = Status::Interrupted;
    assert_eq!(waves(&world.plan()), [""; 0]);
}

/// A load balancer, with this content of its configuration.
fn balancer(world: &mut World, host: &str, content: &str) {
    let of = |what: &str| format!("{host}/haproxy/{what}");
    let service: Arc<dyn AnyKind> = Arc::new(haproxy());
    declare(world, &of("file[/haproxy.cfg]"), Arc::new(File::new("/haproxy.cfg", content)), None, &[], &[]);
    declare(world, &of("service[haproxy]"), service, None, &[], &[of("file[/haproxy.cfg]")]);
    for item in &mut world.declared {
        if item.address.component() == "haproxy" {
            item.lane = Some(Lane::LoadBalancer);
        }
    }
}

#[test]
fn load_balancers_that_run_change_one_after_another_files_included() {
    let mut world = World::default();
    for host in ["lb2", "lb1", "lb3"] {
        let file = File::new("/haproxy.cfg", "old");
        world.made_of(&format!("{host}/haproxy/file[/haproxy.cfg]"), &file);
        world.made_of(&format!("{host}/haproxy/service[haproxy]"), &haproxy());
        balancer(&mut world, host, "new");
    }
    // A new load balancer waits for no other one.
    balancer(&mut world, "lb4", "new");
    let plan = world.plan();
    assert_eq!(waves(&plan), ["lb1 lb4", "lb2", "lb3"].map(str::to_owned));
    let second = world.change(&plan, "lb2/haproxy/file[/haproxy.cfg]");
    assert_eq!(second.after, [address("lb1/haproxy/service[haproxy]")].into());
    // One on which nothing runs has no turn.
    says(&mut world, "lb3/haproxy/service[haproxy]", json!({ "state": "failed", "boot": "enabled" }));
    assert_eq!(waves(&world.plan()), ["lb1 lb3 lb4", "lb2"].map(str::to_owned));
}

#[test]
fn a_load_balancer_that_begins_to_share_the_address_has_the_last_turn() {
    let mut world = World::default();
    let keepalived =
        Service { releases: vec!["10.0.0.100/24".into()], ..service("keepalived", OnChange::Reload, None) };
    for host in ["lb1", "lb2"] {
        world.made_of(&format!("{host}/haproxy/file[/haproxy.cfg]"), &File::new("/haproxy.cfg", "old"));
        world.made_of(&format!("{host}/haproxy/service[haproxy]"), &haproxy());
        if host == "lb2" {
            world.made_of("lb2/keepalived/service[keepalived]", &keepalived);
        }
        let of = |what: &str| format!("{host}/haproxy/{what}");
        let name = format!("{host}/keepalived/service[keepalived]");
        declare(&mut world, &name, Arc::new(keepalived.clone()), None, &[of("service[haproxy]")], &[]);
        balancer(&mut world, host, "new");
    }
    for item in &mut world.declared {
        item.lane = Some(Lane::LoadBalancer);
    }
    assert_eq!(waves(&world.plan()), ["lb2", "lb1"].map(str::to_owned));
}

#[test]
fn a_partial_plan_has_its_turns_too() {
    let mut world = cluster(&ALL, "new", 1);
    world.selection = Selection { targets: vec![Pattern::new("w*")], ..Selection::default() };
    assert_eq!(waves(&world.plan()), ["w1", "w2", "w3"]);
    world.selection = Selection { targets: vec![Pattern::new("*/container-runtime/file")], ..Selection::default() };
    assert_eq!(waves(&world.plan()), ["cp1", "cp2", "cp3", "w1", "w2", "w3"]);
}
