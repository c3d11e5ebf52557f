//! Plans of a part: closed under what must come first, and the rest is not touched.

use proptest::prelude::*;

use super::world::{World, address, any_world};
use super::*;
use crate::plan::{Problem, Reason, Selection, SelectionError};
use crate::resource::testing::{decode, seen};

fn targets(patterns: &[&str]) -> Selection {
    Selection { targets: patterns.iter().map(|it| Pattern::new(*it)).collect(), ..Selection::default() }
}

fn excludes(patterns: &[&str]) -> Selection {
    Selection { excludes: patterns.iter().map(|it| Pattern::new(*it)).collect(), ..Selection::default() }
}

fn replaced(addresses: &[&str]) -> Selection {
    Selection { replace: addresses.iter().map(ToString::to_string).collect(), ..Selection::default() }
}

/// a ← b ← c declared, on three hosts; top → low recorded and not declared.
fn world() -> World {
    let mut world = World::default();
    world.declare("h1/c/thing[a]", "1", &[], &[]);
    world.declare("h2/c/thing[b]", "1", &["h1/c/thing[a]"], &[]);
    world.declare("h3/d/thing[c]", "1", &["h2/c/thing[b]"], &[]);
    world.made("h1/old/thing[low]", "1", &[]);
    world.made("h2/old/thing[top]", "1", &["h1/old/thing[low]"]);
    world
}

fn planned(world: &World) -> Vec<String> {
    let plan = world.plan();
    assert_eq!(plan.changes.len() + plan.left_out, 5);
    plan.changes.iter().map(|change| format!("{} {}", change.action.symbol(), change.address)).collect()
}

#[test]
fn a_target_takes_what_must_come_first() {
    let with = |patterns: &[&str]| planned(&World { selection: targets(patterns), ..world() });
    assert_eq!(with(&["h2/c"]), ["+ h1/c/thing[a]", "+ h2/c/thing[b]"]);
    // What stands on something goes before it.
    assert_eq!(with(&["*/*/thing[low]"]), ["- h2/old/thing[top]", "- h1/old/thing[low]"]);
    assert_eq!(with(&["h2"]), ["+ h1/c/thing[a]", "+ h2/c/thing[b]", "- h2/old/thing[top]"]);
}

#[test]
fn what_is_excluded_takes_along_what_would_come_after() {
    let with = |patterns: &[&str]| planned(&World { selection: excludes(patterns), ..world() });
    assert_eq!(with(&["h2"]), ["+ h1/c/thing[a]"]);
    assert_eq!(with(&["*/*/thing[low]"]).len(), 4);
    assert_eq!(with(&["*/*/thing[top]"]), ["+ h1/c/thing[a]", "+ h2/c/thing[b]", "+ h3/d/thing[c]"]);
}

#[test]
fn a_part_says_that_it_is_one() {
    let plan = World { selection: targets(&["h1/c", "h1/c/thing[a]"]), ..world() }.plan();
    let notice = "Partial plan (--target h1/c --target h1/c/thing[a]): 4 resources are not included. Run a full plan \
                  afterwards.";
    assert_eq!(texts(&plan.warnings), [notice]);
    assert_eq!(world().plan().warnings, []);
}

#[test]
fn a_host_that_is_left_out_may_be_unknown() {
    let mut world = World { selection: excludes(&["h3"]), ..world() };
    world.unreached("h3");
    let plan = world.plan();
    assert_eq!((plan.counts().problems, plan.counts().add, plan.left_out), (0, 2, 1));
}

#[test]
fn destroying_a_part_takes_what_stands_on_it() {
    let mut world = World { selection: targets(&["h1"]), ..world() };
    let plan = world.plan_for(Mode::Destroy, false);
    assert_eq!((plan.changes.len(), plan.left_out), (2, 0));
    world.selection = excludes(&["h2"]);
    let plan = world.plan_for(Mode::Destroy, false);
    assert_eq!((plan.changes.len(), plan.left_out), (0, 2));
}

#[test]
fn with_the_last_control_plane_goes_what_is_in_the_cluster() {
    // Made through a first control plane that is gone.
    let needs = ["cp1/control-plane/member"];
    let mut world = World::default();
    for name in ["cp2/control-plane/member", "cp3/control-plane/member", "w1/worker/member"] {
        world.made(name, "1", &needs);
    }
    world.made("cluster/network/thing[m]", "1", &needs);
    let left_out = |selection: Selection, world: &World| {
        let world = World { selection, ..world.clone() };
        world.plan_for(Mode::Destroy, false).left_out
    };
    assert_eq!(left_out(targets(&["cp3"]), &world), 3);
    assert_eq!(left_out(targets(&["cp2", "cp3"]), &world), 0);
    assert_eq!(left_out(excludes(&["cp2", "cluster"]), &world), 2);
    assert_eq!(left_out(excludes(&["cluster"]), &world), 3);
}

#[test]
fn one_load_balancer_or_control_plane_of_several_takes_no_other_host_along() {
    let mut world = World::default();
    let ways = ["cp1", "cp2"].map(|host| format!("{host}/keepalived/virtual_ip[10.0.0.100]"));
    for way in &ways {
        world.made(way, "1", &[]);
    }
    let init = "cp1/control-plane/member";
    world.made(init, "1", &[&ways[0], &ways[1]]);
    world.made("cp2/control-plane/member", "1", &[&ways[1], init]);
    world.made("w1/worker/member", "1", &[init]);
    world.made("cluster/network/thing[m]", "1", &[init]);
    for (node, needs) in [("cp1", init), ("cp2", "cp2/control-plane/member"), ("w1", "w1/worker/member")] {
        world.made(&format!("cluster/nodes/thing[{node}]"), "1", &[needs]);
    }
    let goes = |patterns: &[&str]| -> Vec<String> {
        let world = World { selection: targets(patterns), ..world.clone() };
        world.plan_for(Mode::Destroy, false).changes.iter().map(|change| change.address.to_string()).collect()
    };
    let of = |host: &str, join: &str| {
        let mut all = vec![format!("cluster/nodes/thing[{host}]"), join.to_owned()];
        all.push(format!("{host}/keepalived/virtual_ip[10.0.0.100]"));
        all
    };
    assert_eq!(goes(&["cp2"]), of("cp2", "cp2/control-plane/member"));
    assert_eq!(goes(&["cp1"]), of("cp1", init));
    assert_eq!(goes(&["w1"]), ["cluster/nodes/thing[w1]", "w1/worker/member"]);
    // The last of them take all along.
    assert_eq!(goes(&["*/keepalived"]).len(), 9);
    assert_eq!(goes(&["cp1", "cp2"]).len(), 9);
    // Somebody else's load balancer is nobody's to lose.
    for way in &ways {
        world.state.resources.remove(&address(way));
    }
    let world = World { selection: targets(&["cp1"]), ..world };
    assert_eq!(world.plan_for(Mode::Destroy, false).changes.len(), 2);
}

fn refusal(selection: &Selection) -> String {
    let world = world();
    let graph = Graph::build(world.declared.clone()).unwrap();
    selection.check(Mode::Apply, &graph, &world.state, &decode).unwrap_err().to_string()
}

#[test]
fn all_that_names_nothing_is_told_at_once_with_what_was_meant() {
    let mut selection = targets(&["h1", "h9", "*/olld", "h2/c/thing[bb]", "nothing-like-it"]);
    selection.replace = ["h1/c/thing[a]", "h1/c"].map(Into::into).into();
    insta::assert_snapshot!(refusal(&selection), @r"
    no resource matches --target h9; did you mean h1, h2, h3?
    no resource matches --target */olld; did you mean */old?
    no resource matches --target h2/c/thing[bb]; did you mean h2/c/thing[b]?
    no resource matches --target nothing-like-it
    no resource matches --replace h1/c; did you mean h1/c/thing[a]?
    ");
}

#[test]
fn only_what_is_there_can_be_replaced() {
    let error = SelectionError::NotMade(address("h1/c/thing[a]"));
    assert_eq!(refusal(&replaced(&["h1/c/thing[a]"])), error.to_string());
    let error = SelectionError::NotDeclared(address("h1/old/thing[low]"));
    assert_eq!(refusal(&replaced(&["h1/old/thing[low]"])), error.to_string());
}

#[test]
fn a_replacement_is_asked_for_and_what_reacts_to_it_acts() {
    let mut world = World { selection: replaced(&["h/c/thing[a]", "h/c/thing[gone]"]), ..World::default() };
    world.declare("h/c/thing[a]", "1", &[], &[]).made("h/c/thing[a]", "1", &[]);
    world.declare("h/c/thing[b]", "1", &[], &["h/c/thing[a]"]).made("h/c/thing[b]", "1", &["h/c/thing[a]"]);
    world.declare("h/c/thing[gone]", "1", &[], &[]).made("h/c/thing[gone]", "1", &[]);
    world.hosts("h/c/thing[gone]", crate::resource::testing::absent());
    let plan = world.plan();
    let got = |name| {
        let change = world.change(&plan, name);
        (change.action, change.reasons.clone())
    };
    assert_eq!(got("h/c/thing[a]"), (Action::Replace, vec![Reason::Requested]));
    assert_eq!(got("h/c/thing[b]").0, Action::Update);
    assert_eq!(got("h/c/thing[gone]"), (Action::Create, vec![Reason::Gone]));

    world.guards = vec![Pattern::new("h/c/thing[a]")];
    let plan = world.plan();
    let change = world.change(&plan, "h/c/thing[a]");
    assert!(matches!(change.problem, Some(Problem::Refused { .. })));
    assert_eq!(change.refused, Some(Action::Replace));
}

#[test]
fn a_refresh_notes_what_is_seen_and_the_next_plan_offers_to_put_it_back() {
    let mut world = World::default();
    world.declare("h/c/thing[new]", "1", &[], &[]);
    world.declare("h/c/thing[drifted]", "1", &[], &[]).made("h/c/thing[drifted]", "1", &[]);
    world.declare("h/c/thing[gone]", "1", &[], &[]).made("h/c/thing[gone]", "1", &[]);
    world.declare("h/c/thing[unfinished]", "1", &[], &[]).made("h/c/thing[unfinished]", "1", &[]);
    world.made("h/c/thing[undeclared]", "1", &[]);
    for name in ["h/c/thing[drifted]", "h/c/thing[unfinished]", "h/c/thing[undeclared]"] {
        world.hosts(name, seen("2"));
    }
    world.hosts("h/c/thing[gone]", crate::resource::testing::absent());
    let unfinished = address("h/c/thing[unfinished]");
    world.state.resources.get_mut(&unfinished).unwrap().status = Status::Interrupted;
    world.state.reactions = [(address("h/c/thing[drifted]"), [address("h/c/thing[gone]")].into())].into();
    let plan = world.plan_for(Mode::Refresh, false);
    let shown: Vec<String> =
        plan.changes.iter().map(|it| format!("{} {}", it.action.symbol(), it.address.short())).collect();
    assert_eq!(
        shown,
        ["  thing[new]", "= thing[drifted]", ". thing[gone]", "  thing[unfinished]", "= thing[undeclared]"]
    );
    let field = &world.change(&plan, "h/c/thing[drifted]").fields[0];
    assert_eq!((field.before.as_str(), field.after.as_str()), ("1", "2"));
    assert!(plan.changes.iter().all(|change| !change.action.touches_host() && change.problem.is_none()));

    world.state.reactions.clear();
    world.refresh(&plan);
    assert!(world.plan_for(Mode::Refresh, false).is_empty());
    let plan = world.plan();
    let drifted = world.change(&plan, "h/c/thing[drifted]");
    assert_eq!((drifted.action, drifted.reasons.as_slice()), (Action::Update, [Reason::Recomputed].as_slice()));
    assert_eq!(world.change(&plan, "h/c/thing[gone]").reasons, [Reason::New]);
}

/// A few addresses of a world.
fn some(world: &World, bits: u16) -> Vec<Pattern> {
    let declared = world.declared.iter().map(|item| &item.address);
    let all: BTreeSet<&Address> = declared.chain(world.state.resources.keys()).collect();
    let picked = all.iter().enumerate().filter(|(i, _)| bits >> (i % 16) & 1 == 1);
    picked.map(|(_, address)| Pattern::new(address.to_string())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_part_is_closed_and_carried_out_alone(world in any_world(), bits in any::<u16>(), exclude in any::<bool>()) {
        let mut world = world;
        let patterns = some(&world, bits);
        prop_assume!(!patterns.is_empty());
        if exclude {
            world.selection.excludes.clone_from(&patterns);
        } else {
            world.selection.targets.clone_from(&patterns);
        }
        let graph = Graph::build(world.declared.clone()).unwrap();
        let chosen = world.selection.choose(Mode::Apply, &graph, &world.state);
        // From what must come first to what comes after.
        let mut pairs: Vec<(&Address, &Address)> = Vec::new();
        for item in graph.items() {
            pairs.extend(item.needs.iter().map(|need| (need, &item.address)));
        }
        for (address, record) in &world.state.resources {
            let undeclared = record.needs.iter().filter(|need| graph.number(need).is_none());
            pairs.extend(undeclared.map(|need| (address, need)));
        }
        for (first, after) in &pairs {
            prop_assert!(chosen.has(first) || !chosen.has(after), "{} without {}", after, first);
        }
        let declared = world.declared.iter().map(|item| &item.address);
        let all: BTreeSet<&Address> = declared.chain(world.state.resources.keys()).collect();
        for address in &all {
            let named = patterns.iter().any(|pattern| pattern.matches(address));
            let drawn_in = chosen.has(address) != exclude && !named;
            let by = pairs.iter().any(|(first, after)| {
                if exclude { after == address && !chosen.has(first) } else { first == address && chosen.has(after) }
            });
            prop_assert!(!named || chosen.has(address) != exclude);
            prop_assert!(!drawn_in || by, "{} for no reason", address);
        }

        let plan = world.plan();
        prop_assert_eq!(plan.changes.len() + plan.left_out, all.len());
        prop_assert!(plan.changes.iter().all(|change| chosen.has(&change.address)));
        let before = world.state.resources.clone();
        world.apply(&plan);
        for (address, record) in before.iter().filter(|(address, _)| !chosen.has(address)) {
            prop_assert_eq!(world.state.resources.get(address), Some(record));
        }
        prop_assert!(world.plan().is_empty());
        world.selection = Selection::default();
        let rest = world.plan();
        world.apply(&rest);
        prop_assert!(world.plan().is_empty());
    }
}
