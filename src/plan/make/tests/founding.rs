//! The control plane that creates the cluster, if there is none yet.

use serde_json::json;

use super::world::{World, address};
use crate::plan::{Plan, Problem, Reason, Selection};
use crate::resource::testing::{absent, seen};
use crate::resource::{Act, Action, HostName, Observation, Pattern, Seen};
use crate::state::Status;

const CP1: &str = "cp1/control-plane/member";
const CP2: &str = "cp2/control-plane/member";
const WORKER: &str = "w1/worker/member";
const SETTINGS: &str = "cluster/kubernetes/thing[settings]";

/// Two control planes and a worker, all without Kubernetes.
fn bare() -> World {
    let mut world = World { control_planes: ["cp1", "cp2"].map(HostName::new).into(), ..World::default() };
    world.declare(SETTINGS, "1", &[], &[]);
    for member in [CP1, CP2, WORKER] {
        world.declare(member, "1", &[SETTINGS], &[]);
    }
    world
}

fn found(more: &serde_json::Value) -> Seen {
    let mut is = json!({ "value": "2", "size": 0, "text": "", "noise": 0 });
    is.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let observation = Observation::Present(is);
    Seen { digest: observation.digest(), observation }
}

fn founders(plan: &Plan) -> Vec<String> {
    let founds = plan.changes.iter().filter(|change| change.act == Some(Act::Found));
    founds.map(|change| change.address.host().to_string()).collect()
}

fn refusal(world: &World) -> Option<String> {
    let plan = world.plan();
    let text = |problem: &Problem| match problem {
        Problem::Refused { text } => Some(text.clone()),
        _ => None,
    };
    let refused = plan.changes.iter().find_map(|change| text(change.problem.as_ref()?));
    assert!(refused.is_none() || founders(&plan).is_empty());
    refused
}

#[test]
fn the_first_one_makes_the_cluster_and_the_others_join_it() {
    let mut world = bare();
    let plan = world.plan();
    assert_eq!(founders(&plan), ["cp1"]);
    assert!(world.change(&plan, CP1).reasons.contains(&Reason::Founds));
    assert_eq!(world.change(&plan, SETTINGS).after, [address(CP1)].into());
    for member in [CP2, WORKER] {
        assert_eq!(world.change(&plan, member).after, [address(SETTINGS)].into());
    }
    world.control_planes.reverse();
    assert_eq!(founders(&world.plan()), ["cp2"]);
}

#[test]
fn nobody_makes_a_cluster_where_there_is_one() {
    let mut world = bare();
    world.hosts(CP2, seen("1"));
    let plan = world.plan();
    assert_eq!((founders(&plan), world.change(&plan, CP1).action), (Vec::new(), Action::Create));
    // Also with a control plane that this plan removes.
    let mut world = bare();
    world.declared.retain(|it| it.address != address(CP2));
    world.made(CP2, "1", &[]);
    assert_eq!(founders(&world.plan()), [""; 0]);
}

#[test]
fn records_of_bare_hosts_count_for_nothing() {
    let mut world = bare();
    for member in [CP1, CP2, WORKER] {
        world.made(member, "1", &[SETTINGS]).hosts(member, absent());
    }
    world.state.resources.get_mut(&address(CP1)).unwrap().status = Status::Interrupted;
    assert_eq!((founders(&world.plan()), refusal(&world)), (vec!["cp1".to_owned()], None));
}

#[test]
fn what_was_begun_is_resumed() {
    let mut world = bare();
    world.made(CP2, "1", &[]).hosts(CP2, found(&json!({ "complete": false })));
    assert_eq!(founders(&world.plan()), ["cp2"]);
    world.made(CP1, "1", &[]).hosts(CP1, found(&json!({ "complete": false, "founding": true })));
    assert_eq!(founders(&world.plan()), ["cp1"]);
}

#[test]
fn a_host_that_may_be_a_control_plane_forbids_another_cluster() {
    let with = |setup: &dyn Fn(&mut World)| {
        let mut world = bare();
        setup(&mut world);
        refusal(&world)
    };
    let unknown = with(&|world| _ = world.unreached("cp2")).unwrap();
    assert!(unknown.starts_with("cp2 may already be a control plane and is unreachable."), "{unknown}");
    let recorded = with(&|world| _ = world.made(CP2, "1", &[]).unreached("cp2")).unwrap();
    assert!(recorded.contains("run `mainstay state rm cp2`"), "{recorded}");
    // A control plane where a worker is declared.
    let other = with(&|world| _ = world.hosts(WORKER, found(&json!({ "role": "control-plane" })))).unwrap();
    assert!(other.starts_with("w1 is already a control plane, but a worker in cluster.yaml."));
    assert_eq!(with(&|world| _ = world.hosts(WORKER, seen("1"))), None);
}

#[test]
fn nothing_joins_a_cluster_that_this_plan_does_not_create() {
    let mut world = bare();
    for member in [CP1, CP2, WORKER] {
        world.made(member, "1", &[SETTINGS]).hosts(member, absent());
    }
    world.selection = Selection { targets: vec![Pattern::new("w1")], ..Selection::default() };
    assert!(refusal(&world).unwrap().starts_with("No control plane exists, and this plan creates none."));
    world.hosts(CP2, seen("1"));
    assert_eq!(refusal(&world), None);
}
