use super::world::{World, address};
use crate::plan::{Mode, Plan, Problem, Selection};
use crate::resource::testing::seen;
use crate::resource::{Action, HostName, Lane, Pattern, ProbeError};

const NODE: &str = "cluster/nodes/node[w1]";
const INIT: &str = "cp1/control-plane/member";
const JOIN: &str = "cp2/control-plane/member";
const WORKER: &str = "w1/worker/member";

/// Two control planes and a worker that mainstay made, and no API server that answers.
fn silent() -> World {
    let mut world = World::default();
    world.made(INIT, "1", &[]).made(JOIN, "1", &[INIT]).made(WORKER, "1", &[INIT]).made(NODE, "1", &[WORKER]);
    let silence = ProbeError::Failed { status: 76, text: "silent".into() };
    world.facts.seen.insert(address(NODE), Err(silence));
    world
}

fn destroy(world: &World, forget_unreachable: bool) -> Plan {
    world.plan_for(Mode::Destroy, forget_unreachable)
}

fn is_unknown(world: &World, plan: &Plan) -> bool {
    matches!(world.change(plan, NODE).problem, Some(Problem::Unknown { .. }))
}

#[test]
fn what_a_silent_api_hides_ends_after_the_last_control_plane() {
    let world = silent();
    let plan = destroy(&world, false);
    assert_eq!(plan.counts().problems, 0);
    let node = world.change(&plan, NODE);
    assert_eq!(node.action, Action::Destroy);
    assert_eq!(node.after, [address(INIT), address(JOIN)].into());
    assert!(world.change(&plan, WORKER).after.is_empty(), "nothing waits for what nobody can look at");
    assert!(
        plan.warnings[0].text.starts_with("No API server answers: 1 cluster resource is deleted"),
        "{:?}",
        plan.warnings
    );
}

#[test]
fn it_is_unknown_where_something_of_etcd_may_stay() {
    // Others made a control plane: it stays.
    let mut world = silent();
    world.state.resources.get_mut(&address(JOIN)).unwrap().prior.before = seen("1").observation;
    assert!(is_unknown(&world, &destroy(&world, false)));
    // A host does not answer, unless the user gives it up.
    let mut world = silent();
    world.unreached("cp2");
    assert!(is_unknown(&world, &destroy(&world, false)));
    let plan = destroy(&world, true);
    assert_eq!(world.change(&plan, NODE).after, [address(INIT)].into());
    // Only a part goes, or not everything that is recorded.
    let mut world = silent();
    assert!(is_unknown(&world, &world.plan()));
    world.selection = Selection { targets: vec![Pattern::new("cluster")], ..world.selection };
    assert!(is_unknown(&world, &destroy(&world, false)));
    // An API server answers, if oddly.
    let mut world = silent();
    world.facts.seen.insert(address(NODE), Err(ProbeError::unexpected("7")));
    assert!(is_unknown(&world, &destroy(&world, false)));
}

#[test]
fn it_stays_with_a_control_plane_that_is_guarded() {
    let mut world = silent();
    world.guards = vec![Pattern::new("cp2/control-plane")];
    let plan = destroy(&world, false);
    assert_eq!(world.change(&plan, NODE).problem, Some(Problem::Blocked { by: address(JOIN) }));
}

/// As many as are left may be too few for etcd: that is what was asked for, and it is said.
#[test]
fn a_control_plane_that_is_left_alone_is_told() {
    let told = |plan: &Plan| plan.warnings.iter().filter(|it| it.text.contains("is unreachable and stays")).count();
    let mut world = silent();
    world.unreached("cp2");
    assert_eq!(told(&destroy(&world, false)), 0, "the other control plane waits for it, and there is no third");
    let mut world = silent();
    world.made("cp3/control-plane/member", "1", &[INIT]);
    assert_eq!(told(&destroy(&world, false)), 0);
    world.unreached("cp2");
    let plan = destroy(&world, false);
    assert_eq!(told(&plan), 1);
    let waits = "cp2 is unreachable and stays, and so does one other control plane.";
    assert!(plan.warnings.iter().any(|it| it.text.starts_with(waits)), "{:?}", plan.warnings);
    let mut first = silent();
    first.made("cp3/control-plane/member", "1", &[INIT]).unreached("cp1");
    assert_eq!(told(&destroy(&first, false)), 1, "no control plane is another one than the others");
    assert_eq!(told(&destroy(&world, true)), 0, "it is given up, which is said of its own");
    assert_eq!(told(&world.plan()), 0);
    world.selection = Selection { excludes: vec![Pattern::new("w1")], ..world.selection };
    assert_eq!(told(&destroy(&world, false)), 0, "a part asks the other members first");
}

#[test]
fn who_goes_last_is_asked_first() {
    let mut world = silent();
    world.control_planes = ["cp2", "cp1", "cp3"].map(HostName::new).into();
    let asked = |plan: &Plan| plan.control_planes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(asked(&destroy(&world, false)), "cp3 cp1 cp2");
    world.declare(INIT, "1", &[], &[]);
    assert_eq!(asked(&world.plan()), "cp1 cp3 cp2");
}

/// An apply that was cut off had recorded needs of load balancers that it never made.
#[test]
fn load_balancers_go_last_whatever_control_planes_need_as_recorded() {
    let (plane, balancer) = ("cp1/control-plane/member", "lb1/keepalived/thing[service]");
    let mut world = World::default();
    world.made(plane, "1", &[]).made(balancer, "1", &[]);
    world.state.resources.get_mut(&address(balancer)).unwrap().lane = Some(Lane::LoadBalancer);
    assert_eq!(world.change(&destroy(&world, false), balancer).after, [address(plane)].into());
    world.unreached("cp1");
    assert_eq!(world.change(&destroy(&world, false), balancer).problem, Some(Problem::Blocked { by: address(plane) }));
}

#[test]
fn a_cluster_ends_where_no_control_plane_stays() {
    let mut world = World::default();
    world.made(INIT, "1", &[]).made(JOIN, "1", &[INIT]).made(WORKER, "1", &[INIT]);
    let ends = |world: &World| destroy(world, false).ends_the_cluster();
    assert!(ends(&world) && !world.plan().ends_the_cluster());
    // cp1 stays because cp2 is unreachable.
    assert!(!ends(world.clone().unreached("cp1")) && !ends(world.clone().unreached("cp2")));
    world.state.resources.get_mut(&address(JOIN)).unwrap().prior.before = seen("1").observation;
    assert!(!ends(&world));
}

/// The others would take etcd's majority along while it cannot be asked.
#[test]
fn a_guard_keeps_what_cannot_be_looked_at_too() {
    let mut world = World { guards: vec![Pattern::new("cp2")], ..World::default() };
    world.made(INIT, "1", &[]).made(JOIN, "1", &[INIT]).unreached("cp2");
    assert!(matches!(world.change(&destroy(&world, false), JOIN).problem, Some(Problem::Refused { .. })));
    assert!(matches!(world.change(&world.plan(), JOIN).problem, Some(Problem::Unknown { .. })));
    assert_eq!(world.change(&destroy(&world, true), JOIN).action, Action::Forget);
}
