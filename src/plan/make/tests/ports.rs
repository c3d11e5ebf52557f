//! Ports that another process has.

use super::world::{World, address};
use crate::kinds::{OnChange, Service};
use crate::plan::{Plan, Problem};
use crate::resource::{Action, AnyKind, HostName, Listener};

const HAPROXY: &str = "cp1/haproxy/service[haproxy]";

fn haproxy() -> Service {
    Service {
        name: "haproxy".into(),
        enabled: true,
        active: true,
        on_change: OnChange::Reload,
        releases: Vec::new(),
        group: None,
        listens: vec!["0.0.0.0:8443".parse().unwrap()],
        reads: Vec::new(),
        node: None,
    }
}

fn listening(process: &str, port: u16) -> Listener {
    Listener { address: "0.0.0.0".into(), port, process: process.into(), pid: 812 }
}

/// A host that declares haproxy and has these listeners.
fn world(listeners: Vec<Listener>) -> World {
    let mut world = World::default();
    world.declare(HAPROXY, "", &[], &["cp1/haproxy/thing[cfg]"]);
    world.declared[0].resource = std::sync::Arc::new(haproxy());
    world.declare("cp1/haproxy/thing[cfg]", "1", &[], &[]);
    world.facts.hosts.get_mut(&HostName::new("cp1")).unwrap().listeners = listeners;
    world
}

fn refusal(world: &World, plan: &Plan) -> Option<String> {
    match &world.change(plan, HAPROXY).problem {
        Some(Problem::Refused { text }) => Some(text.clone()),
        _ => None,
    }
}

#[test]
fn a_port_that_another_process_has_is_refused_by_its_name() {
    let taken = world(vec![listening("sshd", 22), listening("socat", 8443)]);
    let plan = taken.plan();
    let said = refusal(&taken, &plan).unwrap();
    assert!(said.starts_with("On cp1, socat (pid 812) listens on port 8443, which haproxy needs"), "{said}");
    let change = taken.change(&plan, HAPROXY);
    assert_eq!((change.action, change.refused), (Action::NoOp, Some(Action::Create)));
}

#[test]
fn free_ports_unknown_ones_and_its_own_are_no_obstacle() {
    for listeners in [vec![], vec![listening("sshd", 22)], vec![listening("haproxy", 8443)]] {
        let free = world(listeners);
        assert_eq!(refusal(&free, &free.plan()), None);
    }
}

#[test]
fn one_that_runs_is_asked_about_only_when_it_would_act() {
    let mut made = world(vec![listening("socat", 8443)]);
    made.made("cp1/haproxy/thing[cfg]", "1", &[]).made_of(HAPROXY, &haproxy() as &dyn AnyKind);
    made.state.resources.get_mut(&address(HAPROXY)).unwrap().needs = [address("cp1/haproxy/thing[cfg]")].into();
    assert!(made.plan().is_empty());
    made.hosts("cp1/haproxy/thing[cfg]", crate::resource::testing::seen("2"));
    assert!(refusal(&made, &made.plan()).is_some());
}
