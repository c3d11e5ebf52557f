//! Refusals, and the quorum of etcd, hold regardless of what a partial plan leaves out.

use super::world::{World, address};
use super::*;
use crate::plan::{Problem, Reason, Selection};
use crate::resource::testing::{Thing, absent, seen};
use crate::resource::{Key, MadeFrom};

fn keys(keys: &[(&str, &str)]) -> MadeFrom {
    keys.iter().map(|(pointer, value)| Key::new(*pointer, value)).collect()
}

fn selection(targets: &[&str], excludes: &[&str]) -> Selection {
    let patterns = |texts: &[&str]| texts.iter().map(|it| Pattern::new(*it)).collect();
    Selection { targets: patterns(targets), excludes: patterns(excludes), replace: Vec::new() }
}

/// `cp1` refuses another place; `w1` has something that is made from it, and something that is not.
fn world() -> World {
    let mut world = World::default();
    let before = [("/place", "here"), ("/x", "1")];
    for (name, made_from) in [("cp1/c/thing[fixed]", &before[..1]), ("w1/c/thing[a]", &before[..1])] {
        world.made(name, "1", &[]);
        world.state.resources.get_mut(&address(name)).unwrap().made_from = keys(made_from);
    }
    world.made("w1/c/thing[b]", "1", &[]);
    world.state.resources.get_mut(&address("w1/c/thing[b]")).unwrap().made_from = keys(&before[1..]);
    world.declare("cp1/c/thing[fixed]", "1", &[], &[]);
    let declared = world.declared.last_mut().unwrap();
    declared.resource = Arc::new(Thing { place: "there".into(), ..Thing::new("fixed", "1") });
    declared.made_from = keys(&[("/place", "there")]);
    world.declare("w1/c/thing[a]", "2", &[], &[]);
    world.declared.last_mut().unwrap().made_from = keys(&[("/place", "there")]);
    world.declare("w1/c/thing[b]", "2", &[], &[]);
    world.declared.last_mut().unwrap().made_from = keys(&[("/x", "2")]);
    world
}

fn pending(source: &str) -> Reason {
    Reason::Pending { source: source.into() }
}

#[test]
fn what_is_made_from_a_refused_key_is_blocked() {
    let world = world();
    let plan = world.plan();
    let fixed = world.change(&plan, "cp1/c/thing[fixed]");
    let Some(Problem::Refused { text }) = &fixed.problem else { panic!("{fixed:?}") };
    assert_eq!(text, "place:  → there\nit cannot move to there");
    assert_eq!(fixed.reasons, [pending("/place")]);
    assert_eq!(world.change(&plan, "w1/c/thing[a]").problem, Some(blocked("cp1/c/thing[fixed]")));
    let other = world.change(&plan, "w1/c/thing[b]");
    assert_eq!((other.action, other.reasons.as_slice()), (Action::Update, [pending("/x")].as_slice()));
    assert_eq!(plan.refusals(), 1);
}

#[test]
fn a_partial_plan_has_the_refusal_that_stops_it_and_no_other() {
    let mut world = world();
    // What is left out is not looked at.
    world.facts.seen.remove(&address("cp1/c/thing[fixed]"));
    for selection in [selection(&[], &["cp1"]), selection(&["w1/c/thing[a]"], &[])] {
        world.selection = selection;
        let plan = world.plan();
        assert_eq!(world.change(&plan, "w1/c/thing[a]").problem, Some(blocked("cp1/c/thing[fixed]")));
        assert_eq!(plan.refusals(), 1, "so nothing of it is carried out");
    }
    world.selection = selection(&["w1/c/thing[b]"], &[]);
    let plan = world.plan();
    assert_eq!((plan.refusals(), plan.changes.len()), (0, 1));
    assert_eq!(world.change(&plan, "w1/c/thing[b]").action, Action::Update);
}

#[test]
fn a_refusal_needs_no_look_and_nothing_is_recorded_for_it() {
    let mut world = world();
    world.unreached("cp1");
    world.hosts("w1/c/thing[a]", seen("2"));
    let plan = world.plan();
    assert_eq!(plan.refusals(), 1);
    // It is right already, and made from what was refused.
    let change = world.change(&plan, "w1/c/thing[a]");
    assert_eq!((change.action, change.rerecord), (Action::NoOp, false));
}

#[test]
fn a_record_of_another_version_of_the_kind_is_not_compared() {
    let mut world = world();
    world.state.resources.get_mut(&address("cp1/c/thing[fixed]")).unwrap().version = 0;
    assert_eq!(world.plan().refusals(), 0);
}

#[test]
fn what_is_gone_is_made_as_it_is_declared() {
    let mut world = world();
    world.hosts("cp1/c/thing[fixed]", absent());
    let plan = world.plan();
    assert_eq!(plan.refusals(), 0);
    assert_eq!(world.change(&plan, "cp1/c/thing[fixed]").action, Action::Create);
}

#[test]
fn what_leaves_for_a_refused_key_stays_and_what_leaves_with_its_host_does_not() {
    let mut world = world();
    for (name, made_from) in [
        ("w1/c/thing[old]", [("/place", "here")]),
        ("w1/c/thing[other]", [("/y", "1")]),
        ("w9/c/thing[a]", [("/place", "here")]),
    ] {
        world.made(name, "1", &[]);
        world.state.resources.get_mut(&address(name)).unwrap().made_from = keys(&made_from);
    }
    let plan = world.plan();
    assert_eq!(world.change(&plan, "w1/c/thing[old]").problem, Some(blocked("cp1/c/thing[fixed]")));
    let other = world.change(&plan, "w1/c/thing[other]");
    assert_eq!(
        (other.action, other.reasons.as_slice()),
        (Action::Destroy, [Reason::Removed, pending("/y")].as_slice())
    );
    let gone = world.change(&plan, "w9/c/thing[a]");
    assert_eq!((gone.action, gone.reasons.as_slice()), (Action::Destroy, [Reason::Removed].as_slice()));
}

#[test]
fn where_no_key_changed_the_reason_says_so_and_older_records_name_the_section() {
    let mut world = World::default();
    world.made("h/c/thing[a]", "1", &[]).declare("h/c/thing[a]", "2", &[], &[]);
    let reasons = |world: &World| world.change(&world.plan(), "h/c/thing[a]").reasons.clone();
    world.declared[0].made_from = keys(&[("/x", "1")]);
    assert_eq!(reasons(&world), [pending("/source")]);
    world.state.resources.get_mut(&address("h/c/thing[a]")).unwrap().made_from = keys(&[("/x", "1")]);
    assert_eq!(reasons(&world), [Reason::Recomputed]);
}

#[test]
fn a_partial_destroy_keeps_the_quorum_of_the_control_planes_that_stay() {
    let (mut world, plan) = shrink(1, 1);
    let Some(Problem::Refused { text }) = &world.change(&plan, "cp1/control-plane/member").problem else {
        panic!("not refused")
    };
    let alone = "This would leave no control plane (cp1). Use `mainstay destroy` to destroy the whole cluster.";
    assert_eq!(text, alone);
    world.declare("w1/control-plane/member", "1", &[], &[]);
    let plan = world.plan();
    let Some(Problem::Refused { text }) = &world.change(&plan, "cp1/control-plane/member").problem else {
        panic!("not refused")
    };
    assert_eq!(text, "This would leave no control plane (cp1). Apply w1's change first, then cp1's.");

    let (mut world, _) = shrink(5, 0);
    for (targets, excludes, allowed) in [
        (&["cp4", "cp5"][..], &[][..], true),
        (&["cp3", "cp4", "cp5"], &[], false),
        (&[], &["cp1", "cp2"], false),
        (&[], &["cp1", "cp2", "cp3"], true),
        (&["cp1", "cp2", "cp3", "cp4", "cp5"], &[], true),
        (&[], &[], true),
    ] {
        world.selection = selection(targets, excludes);
        let plan = world.plan_for(Mode::Destroy, false);
        assert_eq!(plan.refusals() == 0, allowed, "{targets:?} {excludes:?}");
        assert!(allowed || plan.counts().destroy == 0, "nothing of a refused host goes");
    }
    world.selection = selection(&["cp3", "cp4", "cp5"], &[]);
    let plan = world.plan_for(Mode::Destroy, false);
    let Some(Problem::Refused { text }) = &world.change(&plan, "cp3/control-plane/member").problem else {
        panic!("not refused")
    };
    let words = "This would leave 2 of 5 etcd members, below quorum (3). Remove at most 2 control planes per apply.";
    assert_eq!(text, words);
}
