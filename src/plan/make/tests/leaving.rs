//! What leaves: control planes after the load balancers have dropped them, and what is handed over not at all.

use super::world::{World, address, thing};
use super::*;
use crate::graph::Graph;
use crate::plan::{Problem, Selection};
use crate::resource::{HandOvers, HandedOver, Lane};

const LEAVES: &str = "h1/control-plane/member";
const STAYS: &str = "h2/control-plane/member";
const OWN: &str = "h1/haproxy/service[haproxy]";
const PROXY: &str = "h2/haproxy/service[haproxy]";

/// Two control planes that are load balancers, too; the first one is no longer declared.
fn world(value: &str) -> World {
    let mut world = World::default();
    for (plane, proxy) in [(LEAVES, OWN), (STAYS, PROXY)] {
        world.made(proxy, "1", &[]).made(plane, "1", &[proxy]);
        let record = world.state.resources.get_mut(&address(proxy)).unwrap();
        record.lane = Some(Lane::LoadBalancer);
    }
    world.declare(PROXY, value, &[], &[]).declare(STAYS, "1", &[PROXY], &[]);
    world.declared[0].lane = Some(Lane::LoadBalancer);
    world
}

#[test]
fn a_control_plane_leaves_after_the_load_balancers_have_dropped_it() {
    let mut world = world("2");
    let plan = world.plan();
    assert_eq!(world.change(&plan, LEAVES).after, [address(PROXY)].into());
    assert_eq!(world.change(&plan, OWN).after, [address(LEAVES)].into());
    // So it does where it becomes a worker.
    world.hosts("h1/worker/member", seen("1")).declare("h1/worker/member", "1", &[], &[]);
    world.declared.last_mut().unwrap().resource = Arc::new(Thing { size: 2, ..thing("", "1") });
    let plan = world.plan();
    let becomes = world.change(&plan, "h1/worker/member");
    assert_eq!((becomes.action, &becomes.after), (Action::Replace, &[address(PROXY)].into()));
}

#[test]
fn a_control_plane_stays_where_a_load_balancer_cannot_drop_it() {
    let world = world("impossible");
    let plan = world.plan();
    assert_eq!(world.change(&plan, LEAVES).problem, Some(Problem::Blocked { by: address(PROXY) }));
    // What it needs stays with it.
    assert_eq!(world.change(&plan, OWN).problem, Some(Problem::Blocked { by: address(PROXY) }));
}

#[test]
fn a_part_with_a_control_plane_that_leaves_has_the_load_balancers_that_drop_it() {
    let world = world("2");
    let graph = Graph::build(world.declared.clone()).unwrap();
    let part = |targets: &[&str], excludes: &[&str]| {
        let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::new(*text)).collect();
        let selection = Selection { targets: patterns(targets), excludes: patterns(excludes), replace: Vec::new() };
        selection.choose(Mode::Apply, &graph, &world.state)
    };
    assert!(part(&["h1"], &[]).has(&address(PROXY)));
    let without = part(&[], &["h2/haproxy"]);
    assert!(!without.has(&address(LEAVES)) && !without.has(&address(OWN)));
}

#[test]
fn what_is_handed_over_is_forgotten_and_left_in_place() {
    let mut world = World::default();
    world.made("h1/c/thing[a]", "1", &[]).made("h2/c/thing[a]", "1", &[]).made(
        "h1/c/thing[b]",
        "1",
        &["h1/c/thing[a]"],
    );
    world.declare("h1/d/thing[x]", "1", &[], &[]);
    let mut handed_over = HandOvers::default();
    handed_over
        .add(&HostName::new("h1"), HandedOver::component("c", "/c/source", "preinstalled").kind("thing").key("a"));
    let graph = Graph::build(world.declared.clone()).unwrap().handing_over(handed_over);
    let plan = world.plan_with(&graph, Mode::Apply, false);
    let told = |name: &str| {
        let change = world.change(&plan, name);
        (change.action, change.reasons[0].clone())
    };
    let reason = Reason::HandedOver { source: "/c/source".into(), value: "preinstalled".into() };
    assert_eq!(told("h1/c/thing[a]"), (Action::Forget, reason));
    assert_eq!(told("h1/c/thing[b]"), (Action::Destroy, Reason::Removed));
    // On a host that leaves it is taken away.
    assert_eq!(told("h2/c/thing[a]"), (Action::Destroy, Reason::Removed));
    assert_eq!(world.plan_with(&graph, Mode::Destroy, false).counts().destroy, 3);
    // Nothing is known of a host that does not answer.
    world.unreached("h1");
    let plan = world.plan_with(&graph, Mode::Apply, false);
    assert_eq!(plan.counts().forget, 0);
}
