//! Records that follow a rename, and guards that outlast cluster.yaml by one apply.

use super::world::{World, address};
use super::*;
use crate::plan::{MoveError, Problem, Reason, Rename, check_renames, follow};

fn rename(from: &str, to: &str) -> Vec<Rename> {
    vec![(from.to_owned(), to.to_owned())]
}

fn world() -> World {
    let mut world = World::default();
    world.made("old/c/thing[a]", "1", &[]).made("old/c/thing[b]", "1", &["old/c/thing[a]"]);
    world.declare("new/c/thing[a]", "1", &[], &[]).declare("new/c/thing[b]", "2", &["new/c/thing[a]"], &[]);
    // The same machine answers under the new name.
    for key in ["a", "b"] {
        world.hosts(&format!("new/c/thing[{key}]"), seen("1"));
    }
    let range = "10.244.7.0/24".parse().unwrap();
    world.state.pod_ranges = [(HostName::new("old"), range)].into();
    world.state.reactions = [(address("old/c/thing[a]"), [address("old/c/thing[b]")].into())].into();
    world
}

#[test]
fn records_follow_a_host_and_only_what_differs_is_planned() {
    let mut world = world();
    let followed = follow(&world.state, &rename("old", "new")).unwrap();
    assert_eq!(texts(&followed.notices), ["old was renamed new: 2 resources move in the state; no host is changed"]);
    assert_eq!(followed.state.pod_ranges.keys().map(HostName::as_str).collect::<Vec<_>>(), ["new"]);
    assert_eq!(followed.state.record(&address("new/c/thing[b]")).unwrap().needs, [address("new/c/thing[a]")].into());
    (world.state, world.moved) = (followed.state.into_owned(), followed.previous);
    let plan = world.plan();
    assert_eq!((plan.changes.len(), plan.moved, plan.is_empty()), (2, 2, false));
    let moved = |key: &str| Reason::Moved { other: address(&format!("old/c/thing[{key}]")) };
    let a = world.change(&plan, "new/c/thing[a]");
    // It still owes a reaction, under its new name.
    assert_eq!((a.action, a.reasons.as_slice()), (Action::Update, [reacts("new/c/thing[b]"), moved("a")].as_slice()));
    let b = world.change(&plan, "new/c/thing[b]");
    assert_eq!(b.reasons, [Reason::Pending { source: "/source".into() }, moved("b")]);
    world.apply(&plan);
    world.moved.clear();
    assert!(world.plan().is_empty());
    let again = follow(&world.state, &rename("old", "new")).unwrap();
    assert_eq!((again.renames.len(), again.state.as_ref()), (0, &world.state));
}

#[test]
fn two_do_not_become_one() {
    let mut world = world();
    world.made("new/other/thing[c]", "1", &[]);
    let error = follow(&world.state, &rename("old", "new")).unwrap_err();
    assert_eq!(error, MoveError::Taken { from: "old".into(), to: "new".into() });
}

#[test]
fn a_part_of_a_host_moves_to_what_is_declared_from_what_is_not() {
    let mut world = world();
    world.declare("new/d/thing[x]", "1", &[], &[]);
    let graph = Graph::build(world.declared.clone()).unwrap();
    let check = |from, to| check_renames(&rename(from, to), &graph).map_err(|error| error.to_string());
    assert_eq!(check("new/gone", "new/d"), Ok(()));
    assert_eq!(check("new/c", "new/d").unwrap_err(), "lifecycle.moved: new/c has not moved: it is still declared");
    let nothing = "lifecycle.moved: no declared resource is named new/e";
    assert_eq!(check("new/gone", "new/e").unwrap_err(), nothing);
}

#[test]
fn a_guard_holds_until_the_apply_after_the_one_that_no_longer_has_it() {
    let mut world = World::default();
    world.made("h/c/thing[kept]", "1", &[]).made("h/c/thing[free]", "1", &[]);
    world.state.guards = ["h/c/thing[kept]".to_owned()].into();
    for mode in [Mode::Apply, Mode::Destroy] {
        let plan = world.plan_for(mode, false);
        let kept = world.change(&plan, "h/c/thing[kept]");
        assert!(matches!(&kept.problem, Some(Problem::Refused { text }) if text.contains("of the last apply")));
        assert_eq!((kept.action, kept.refused), (Action::NoOp, Some(Action::Destroy)));
        assert_eq!(world.change(&plan, "h/c/thing[free]").action, Action::Destroy);
    }
    world.state.guards.clear();
    assert_eq!(world.plan().counts().destroy, 2);
}
