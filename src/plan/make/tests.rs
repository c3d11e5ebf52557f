//! Whole plans: what one resource means for others, guards, order, and that a plan that was carried
//! out leaves nothing to plan.

mod ending;
mod founding;
mod given_back;
mod handover;
mod leaving;
mod members;
mod moved;
mod ports;
mod refusals;
mod rollout;
mod selection;
mod world;

use std::sync::Arc;

use crate::resource::Observation;
use proptest::prelude::*;

use self::world::{World, address, thing};
use super::*;
use crate::plan::{Counts, Problem, Reason, Warning};
use crate::resource::testing::{Thing, absent, seen};
use crate::resource::{AnyKind, HostFacts, Interface, Lane, ProbeError, Seen};
use crate::state::Status;

fn reacts(to: &str) -> Reason {
    Reason::Reacts { to: address(to) }
}

fn blocked(by: &str) -> Problem {
    Problem::Blocked { by: address(by) }
}

fn texts(warnings: &[Warning]) -> Vec<&str> {
    warnings.iter().map(|warning| warning.text.as_str()).collect()
}

#[test]
fn a_service_reacts_to_its_file_also_when_it_would_be_adopted_or_is_owed() {
    let mut world = World::default();
    world.declare("h/c/thing[file]", "2", &[], &[]);
    world.declare("h/c/thing[service]", "1", &[], &["h/c/thing[file]"]);
    world.hosts("h/c/thing[file]", seen("1")).hosts("h/c/thing[service]", seen("1"));
    let plan = world.plan();
    let service = world.change(&plan, "h/c/thing[service]");
    assert_eq!((service.action, service.reasons.as_slice()), (Action::Update, [reacts("h/c/thing[file]")].as_slice()));
    assert_eq!(service.after, [address("h/c/thing[file]")].into());
    assert_eq!(world.change(&plan, "h/c/thing[file]").reacting, [address("h/c/thing[service]")].into());
    world.apply(&plan);
    assert!(world.plan().is_empty());

    let owed = [(address("h/c/thing[service]"), [address("h/c/thing[file]")].into())];
    world.state.reactions = owed.into();
    let plan = world.plan();
    let service = world.change(&plan, "h/c/thing[service]");
    assert_eq!((service.action, service.reasons.as_slice()), (Action::Update, [reacts("h/c/thing[file]")].as_slice()));
    assert_eq!(plan.counts().change, 1);
}

#[test]
fn unknown_blocks_what_would_be_made_on_it_and_nothing_else() {
    let mut world = World::default();
    world.declare("h/c/thing[a]", "1", &[], &[]);
    world.declare("h/c/thing[known]", "2", &["h/c/thing[a]"], &[]);
    world.declare("h/c/thing[same]", "1", &["h/c/thing[a]"], &[]);
    world.declare("h/c/thing[new]", "1", &["h/c/thing[a]"], &[]);
    world.declare("h/c/thing[foreign]", "1", &["h/c/thing[a]"], &[]);
    world.declare("h/c/thing[next]", "1", &["h/c/thing[new]"], &[]);
    world.declare("h/c/thing[apart]", "1", &["h/c/thing[same]"], &[]);
    for (name, value) in [("h/c/thing[a]", "1"), ("h/c/thing[known]", "1"), ("h/c/thing[same]", "1")] {
        world.made(name, value, &[]);
    }
    world.state.resources.get_mut(&address("h/c/thing[same]")).unwrap().needs = [address("h/c/thing[a]")].into();
    world.hosts("h/c/thing[foreign]", seen("7"));
    world.facts.seen.insert(address("h/c/thing[a]"), Err(ProbeError::unexpected("7")));
    let plan = world.plan();
    let got = |name| {
        let change = world.change(&plan, name);
        (change.action, change.problem.clone())
    };
    assert!(matches!(got("h/c/thing[a]"), (Action::NoOp, Some(Problem::Unknown { .. }))));
    assert_eq!(got("h/c/thing[known]"), (Action::Update, None));
    assert_eq!(got("h/c/thing[same]"), (Action::NoOp, None));
    assert_eq!(got("h/c/thing[new]"), (Action::NoOp, Some(blocked("h/c/thing[a]"))));
    assert_eq!(got("h/c/thing[foreign]"), (Action::NoOp, Some(blocked("h/c/thing[a]"))));
    assert_eq!(got("h/c/thing[next]"), (Action::NoOp, Some(blocked("h/c/thing[a]"))));
    assert_eq!(got("h/c/thing[apart]"), (Action::Create, None));
}

#[test]
fn nothing_is_begun_on_a_host_that_can_never_become_what_is_declared() {
    let mut world = World::default();
    world.declare("h/c/thing[never]", "impossible", &[], &[]).hosts("h/c/thing[never]", seen("1"));
    world.declare("h/c/thing[new]", "1", &[], &[]);
    world.declare("h/c/thing[foreign]", "1", &[], &[]).hosts("h/c/thing[foreign]", seen("7"));
    world.declare("h/c/thing[right]", "1", &[], &[]).hosts("h/c/thing[right]", seen("1"));
    world.declare("h/c/thing[drifted]", "1", &[], &[]).made("h/c/thing[drifted]", "1", &[]);
    world.hosts("h/c/thing[drifted]", seen("2"));
    world.declare("other/c/thing[new]", "1", &[], &[]);
    let plan = world.plan();
    let got = |name| {
        let change = world.change(&plan, name);
        (change.action, change.problem.clone())
    };
    assert!(matches!(got("h/c/thing[never]"), (Action::NoOp, Some(Problem::Refused { .. }))));
    assert_eq!(got("h/c/thing[new]"), (Action::NoOp, Some(blocked("h/c/thing[never]"))));
    assert_eq!(got("h/c/thing[foreign]"), (Action::NoOp, Some(blocked("h/c/thing[never]"))));
    assert_eq!(got("h/c/thing[right]"), (Action::Adopt, None));
    assert_eq!(got("h/c/thing[drifted]"), (Action::Update, None));
    assert_eq!(got("other/c/thing[new]"), (Action::Create, None));

    world.made("h/c/thing[never]", "1", &[]);
    let plan = world.plan();
    assert_eq!(world.change(&plan, "h/c/thing[new]").action, Action::Create, "mainstay made what cannot change");
}

#[test]
fn an_unreached_host_is_unknown_whatever_the_state_says() {
    let mut world = World::default();
    world.declare("far/c/thing[a]", "1", &[], &[]);
    world.declare("far/c/thing[b]", "1", &[], &[]);
    world.made("far/c/thing[a]", "1", &[]).made("far/c/thing[gone]", "1", &[]);
    world.unreached("far");
    for mode in [Mode::Apply, Mode::Destroy] {
        let plan = world.plan_for(mode, false);
        let unknown =
            |change: &Change| matches!(&change.problem, Some(Problem::Unknown { text }) if text == "no route");
        assert!(plan.changes.iter().all(unknown), "{plan:#?}");
        assert!(!plan.is_empty());
    }
}

#[test]
fn what_goes_away_goes_before_what_it_needed() {
    let mut world = World::default();
    world.declare("h/c/thing[kept]", "2", &[], &[]);
    world.made("h/c/thing[low]", "1", &[]);
    world.made("h/c/thing[gone]", "1", &["h/c/thing[low]"]);
    world.made("h/c/thing[high]", "1", &["h/c/thing[gone]"]);
    world.made("h/c/thing[kept]", "1", &["h/c/thing[low]"]);
    world.hosts("h/c/thing[gone]", absent());
    let plan = world.plan();
    let actions: Vec<_> = plan.changes.iter().map(|c| (c.address.key().unwrap(), c.action)).collect();
    assert_eq!(
        actions,
        [("kept", Action::Update), ("high", Action::Destroy), ("gone", Action::Forget), ("low", Action::Destroy)]
    );
    // Through what is only forgotten, and after a change of what used to need it.
    let after = &world.change(&plan, "h/c/thing[low]").after;
    assert_eq!(*after, [address("h/c/thing[high]"), address("h/c/thing[kept]")].into());
    assert_eq!(world.change(&plan, "h/c/thing[gone]").after, BTreeSet::new());
}

#[test]
fn what_an_unknown_thing_stands_on_is_not_taken_away() {
    let mut world = World::default();
    world.made("h/c/thing[low]", "1", &[]).made("h/c/thing[mid]", "1", &["h/c/thing[low]"]);
    world.made("far/c/thing[top]", "1", &["h/c/thing[mid]"]);
    world.unreached("far");
    let plan = world.plan_for(Mode::Destroy, false);
    for name in ["h/c/thing[low]", "h/c/thing[mid]"] {
        assert_eq!(world.change(&plan, name).problem, Some(blocked("far/c/thing[top]")));
    }
    let plan = world.plan_for(Mode::Destroy, true);
    assert_eq!(world.change(&plan, "far/c/thing[top]").action, Action::Forget);
    assert_eq!(world.change(&plan, "h/c/thing[mid]").action, Action::Destroy);
    assert_eq!(
        texts(&plan.warnings),
        ["far is unreachable: 1 resource is removed from the state; everything mainstay made there stays there"]
    );
}

#[test]
fn records_that_need_each_other_in_a_circle_are_destroyed_all_the_same() {
    let mut world = World::default();
    world.made("h/c/thing[a]", "1", &["h/c/thing[b]"]).made("h/c/thing[b]", "1", &["h/c/thing[a]"]);
    let plan = world.plan_for(Mode::Destroy, false);
    assert_eq!(plan.counts().destroy, 2);
    assert_eq!(plan.changes[0].after, BTreeSet::new());
    assert_eq!(plan.changes[1].after, [plan.changes[0].address.clone()].into());
}

#[test]
fn the_same_thing_under_another_component_moves() {
    let mut world = World::default();
    world.declare("h/new/thing[a]", "1", &[], &[]);
    world.made("h/old/thing[a]", "1", &[]);
    world.hosts("h/new/thing[a]", seen("1"));
    let plan = world.plan();
    let (old, new) = (world.change(&plan, "h/old/thing[a]"), world.change(&plan, "h/new/thing[a]"));
    assert_eq!((old.action, new.action), (Action::Forget, Action::Adopt));
    assert_eq!(new.prior.as_ref().unwrap().before, absent().observation);
    world.apply(&plan);
    assert!(world.plan().is_empty());
}

#[test]
fn a_record_that_goes_on_elsewhere_stays_while_that_is_unknown() {
    let mut world = World::default();
    world.declare("h/new/thing[x]", "1", &[], &[]).made("h/old/thing[x]", "1", &[]);
    let forgotten = |world: &World| {
        let plan = world.plan();
        let change = world.change(&plan, "h/old/thing[x]");
        (change.action, change.problem.clone())
    };
    assert_eq!(forgotten(&world), (Action::Forget, None));
    world.unreached("h");
    let by = address("h/new/thing[x]");
    assert_eq!(forgotten(&world), (Action::NoOp, Some(Problem::Blocked { by })));
}

/// Plans with `total` recorded control planes of which the last `leaving` are no longer declared.
fn shrink(total: usize, leaving: usize) -> (World, Plan) {
    let mut world = World::default();
    for i in 1..=total {
        let (name, file) = (format!("cp{i}/control-plane/member"), format!("cp{i}/host/thing[a]"));
        if i <= total - leaving {
            world.declare(&file, "1", &[], &[]).declare(&name, "1", &[&file], &[]);
        }
        world.made(&file, "1", &[]).made(&name, "1", &[&file]);
    }
    let plan = world.plan();
    (world, plan)
}

#[test]
fn a_plan_never_takes_etcds_majority_away() {
    for (total, leaving, allowed) in [
        (1, 1, false),
        (2, 1, true),
        (3, 1, true),
        (3, 2, false),
        (3, 3, false),
        (5, 2, true),
        (5, 3, false),
        (4, 2, false),
    ] {
        let (_, plan) = shrink(total, leaving);
        assert_eq!(plan.counts().destroy == 2 * leaving, allowed, "{leaving} of {total}");
        assert_eq!(plan.counts().problems > 0, !allowed, "{leaving} of {total}");
        assert!(allowed || plan.counts().destroy == 0, "nothing of a refused host goes");
    }
    let (world, plan) = shrink(3, 2);
    let Some(Problem::Refused { text }) = &world.change(&plan, "cp3/control-plane/member").problem else {
        panic!("not refused")
    };
    insta::assert_snapshot!(text, @"This would leave 1 of 3 etcd members, below quorum (2). Remove at most one control plane per apply.");
    let plan = world.plan_for(Mode::Destroy, false);
    assert_eq!(plan.counts(), Counts { destroy: 6, ..Counts::default() });
}

#[test]
fn a_plan_never_takes_a_member_away_without_which_those_that_are_down_are_the_majority() {
    for (total, down, allowed) in
        [(2, 1, false), (3, 0, true), (3, 1, false), (4, 1, true), (5, 1, true), (5, 2, false)]
    {
        let (mut world, _) = shrink(total, 1);
        for i in 1..=down {
            world.unreached(&format!("cp{i}"));
        }
        let plan = world.plan();
        assert_eq!(plan.counts().destroy, if allowed { 2 } else { 0 }, "{down} of {total} are down");
        let leaves = format!("cp{total}/control-plane/member");
        match &world.change(&plan, &leaves).problem {
            None => assert!(allowed),
            Some(Problem::Refused { text }) if (total, down) == (3, 1) => {
                insta::assert_snapshot!(text, @"cp3 cannot be removed: of the 2 remaining etcd members, cp1 is unreachable, and quorum is 2. Bring them back first.");
            }
            Some(other) => assert!(!allowed && matches!(other, Problem::Refused { .. }), "{other:?}"),
        }
    }
}

#[test]
fn guarded_things_and_what_they_stand_on_stay() {
    let mut world = World::default();
    world.made("h/c/thing[low]", "1", &[]).made("h/c/thing[top]", "1", &["h/c/thing[low]"]);
    world.guards.push(Pattern::new("h/c/thing[top]"));
    for plan in [world.plan(), world.plan_for(Mode::Destroy, false)] {
        let refused = "guards.preventDestroy `h/c/thing[top]` protects it; remove the guard first";
        let top = world.change(&plan, "h/c/thing[top]");
        assert_eq!(top.problem, Some(Problem::Refused { text: refused.into() }));
        assert_eq!(world.change(&plan, "h/c/thing[low]").problem, Some(blocked("h/c/thing[top]")));
    }
}

#[test]
fn a_virtual_ip_on_two_hosts_is_said() {
    let mut world = World { vip: Some("10.0.0.100".parse().unwrap()), ..World::default() };
    let holder = || {
        let interfaces = vec![Interface { name: "eth0".into(), address: "10.0.0.100".parse().unwrap(), prefix: 32 }];
        HostFacts { interfaces, ..HostFacts::default() }
    };
    world.facts.hosts.insert(HostName::new("a"), holder());
    assert!(world.plan().warnings.is_empty());
    world.facts.hosts.insert(HostName::new("b"), holder());
    insta::assert_snapshot!(texts(&world.plan().warnings).join("\n"), @"10.0.0.100 is on 2 hosts at once: a, b. Their keepalived instances do not receive each other's advertisements; check whether VRRP is blocked.");
}

#[test]
fn what_others_made_and_goes_on_when_it_is_let_go_is_said() {
    let mut world = World { vip: Some("10.0.0.100".parse().unwrap()), ..World::default() };
    let keepalived = handover::keepalived();
    world.made_of("cp3/control-plane/member", &thing("service", "1"));
    world.made_of("cp3/keepalived/service[keepalived]", &keepalived);
    for record in world.state.resources.values_mut() {
        record.prior.before = seen("1").observation;
    }
    let record = world.state.resources.get_mut(&address("cp3/keepalived/service[keepalived]")).unwrap();
    record.prior.before = Observation::Present(AnyKind::simulate(&keepalived));
    record.lane = Some(Lane::LoadBalancer);
    insta::assert_snapshot!(texts(&world.plan().warnings).join("\n"), @r"
    Kubernetes was on cp3 before mainstay and stays there. To remove it, run `kubeadm reset` on each host and `kubectl delete node` for its node.
    keepalived was on cp3 before mainstay and keeps running there; it may take 10.0.0.100 from the others. Stop it first (systemctl disable --now keepalived).
    ");
    assert_eq!(world.plan_for(Mode::Destroy, false).warnings.len(), 1, "then keepalived goes on everywhere");
}

#[test]
fn waiting_goes_through_what_is_right_already() {
    let mut world = World::default();
    world.declare("h/c/thing[a]", "2", &[], &[]);
    world.declare("h/c/thing[b]", "1", &["h/c/thing[a]"], &[]);
    world.declare("h/c/thing[c]", "1", &["h/c/thing[b]"], &[]);
    world.made("h/c/thing[a]", "1", &[]).made("h/c/thing[b]", "1", &["h/c/thing[a]"]);
    let plan = world.plan();
    assert_eq!(world.change(&plan, "h/c/thing[b]").action, Action::NoOp);
    assert_eq!(world.change(&plan, "h/c/thing[c]").after, [address("h/c/thing[a]")].into());
    let drawn = crate::graph::dot(&plan.drawing());
    assert!(drawn.contains("n0 [label=\"~ c/thing[a]\", color=orange]"), "{drawn}");
    assert!(drawn.contains("n1 [label=\"+ c/thing[c]\", color=darkgreen]") && drawn.contains("n0 -> n1"), "{drawn}");
}

#[test]
fn warnings_come_from_the_kind_and_only_for_what_touches_a_host() {
    let mut world = World::default();
    world.made_of("h/c/thing[a]", &Thing { warns: true, ..thing("a", "1") });
    let plan = world.plan();
    assert_eq!(plan.changes[0].warning.as_deref(), Some("destroys what runs in a"));
    world.hosts("h/c/thing[a]", absent());
    assert_eq!(world.plan().changes[0].warning, None);
}

#[test]
fn what_it_costs_to_take_something_over_is_said_then_and_when_it_is_given_back() {
    let mut world = World::default();
    let declared = |world: &mut World| world.declared[0].resource = Arc::new(Thing { warns: true, ..thing("a", "1") });
    world.declare("h/c/thing[a]", "1", &[], &[]).hosts("h/c/thing[a]", seen("theirs"));
    declared(&mut world);
    assert_eq!(world.plan().changes[0].warning.as_deref(), Some("takes over"));
    world.made("h/c/thing[a]", "1", &[]).hosts("h/c/thing[a]", seen("drifted"));
    assert_eq!(world.plan().changes[0].warning, None);
    world.made_of("h/c/thing[a]", &Thing { warns: true, ..thing("a", "1") });
    world.state.resources.get_mut(&address("h/c/thing[a]")).unwrap().prior.before = seen("theirs").observation;
    let given_back = world.plan_for(Mode::Destroy, false);
    assert_eq!(given_back.changes[0].warning.as_deref(), Some("destroys what runs in a; takes over"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_plan(world in world::any_world()) {
        let mut world = world;
        let plan = world.plan();
        prop_assert_eq!(format!("{plan:?}"), format!("{:?}", world.plan()));
        let mut ended = BTreeSet::new();
        for change in &plan.changes {
            prop_assert!(change.after.is_subset(&ended), "{} before what it waits for", change.address);
            prop_assert!(change.after.is_empty() || change.action.touches_host());
            if change.action.touches_host() {
                ended.insert(change.address.clone());
            }
        }
        world.apply(&plan);
        let again = world.plan();
        prop_assert!(again.is_empty(), "{:#?}", again.changes);
        prop_assert!(again.changes.iter().all(|change| !change.rerecord));

        let plan = world.plan_for(Mode::Destroy, false);
        prop_assert_eq!(plan.counts().problems, 0);
        world.apply(&plan);
        prop_assert!(world.state.resources.is_empty());
        for (address, before) in &world.untouched {
            prop_assert_eq!(&world.facts.look(address).unwrap().observation, before, "{}", address);
        }
    }
}
