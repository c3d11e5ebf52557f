use proptest::prelude::*;
use serde_json::json;

use super::super::digest_key;
use super::super::samples::{World, address, basis};
use super::*;
use crate::plan::Mode;

/// A file that drifts and a service that reacts to it, on a cluster that was applied; and one thing
/// that is pending.
fn cluster() -> World {
    let mut world = World::default();
    for name in ["h1/c/thing[file]", "h1/c/thing[service]", "h2/c/thing[file]"] {
        world.made(name, "1");
    }
    world.declare("h1/c/thing[file]", "1").declare("h2/c/thing[file]", "2");
    world.declare_after("h1/c/thing[service]", "1", &[], &["h1/c/thing[file]"]);
    for record in world.state.resources.values_mut() {
        record.needs.clear();
    }
    world.state.resources.get_mut(&address("h1/c/thing[service]")).unwrap().needs =
        [address("h1/c/thing[file]")].into();
    world
}

/// Compares what would be planned now, and yields the actions that are left, with the warnings.
fn compared(saved: &Saved, now: &World, accept: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
    let mut plan = now.plan();
    let accept: Vec<Pattern> = accept.iter().map(|text| Pattern::new(*text)).collect();
    compare(saved, &mut plan, &digest_key(&now.state), &accept, &now.ignored).map_err(|error| error.to_string())?;
    let acts = plan.changes.iter().filter(|change| change.action != Action::NoOp);
    Ok((
        acts.map(|change| format!("{} {}", change.action.symbol(), change.address)).collect(),
        plan.warnings.into_iter().map(|it| it.text).collect(),
    ))
}

#[test]
fn when_nothing_has_moved_the_plan_is_the_reviewed_one() {
    let world = cluster();
    let (acts, warnings) = compared(&world.saved(), &world, &[]).unwrap();
    assert_eq!((acts, warnings), (vec!["~ h2/c/thing[file]".to_owned()], vec![]));
    let first = World { state: State::fresh("prod", "line".into(), "salt".into()), ..cluster() };
    // The salt of a state that was never written is another one each time.
    let again = World { state: State::fresh("prod", "line".into(), "other".into()), ..first.clone() };
    assert!(compared(&first.saved(), &again, &[]).is_ok());
}

#[test]
fn a_field_that_is_left_out_has_no_value() {
    let (current, stale) = (json!({ "state": "active" }), json!({ "state": "active", "loaded": "stale" }));
    assert_eq!(differences(&current, &stale), "loaded was not set, now stale");
    assert_eq!(differences(&stale, &current), "loaded was stale, now not set");
}

#[test]
fn what_moved_on_the_hosts_is_named_with_what_was_seen_then_and_now() {
    let saved = cluster().saved();
    let mut now = cluster();
    now.hosts("h1/c/thing[file]", "3");
    let text = compared(&saved, &now, &[]).unwrap_err();
    assert_eq!(text, "the hosts have changed since the plan was saved\n  h1/c/thing[file]: value was 1, now 3");
    // Neither by something that is of no interest to the plan, nor by something that needs no act.
    now.gone("h2/c/thing[file]").hosts("h1/c/thing[file]", "1");
    assert!(
        compared(&saved, &now, &["h1"])
            .unwrap_err()
            .ends_with("h2/c/thing[file]: existed when the plan was saved, does not exist now")
    );
    now.unreached("h2");
    let text = compared(&saved, &now, &[]).unwrap_err();
    assert!(text.ends_with("h2/c/thing[file]: cannot be checked now: no route"), "{text}");
}

#[test]
fn a_long_list_is_cut_and_counted() {
    let (mut world, names): (_, Vec<_>) = (World::default(), (0..13).map(|i| format!("h/c/thing[{i:02}]")).collect());
    for name in &names {
        world.declare(name, "1");
    }
    let saved = world.saved();
    for name in &names {
        world.hosts(name, "1");
    }
    let text = compared(&saved, &world, &[]).unwrap_err();
    assert_eq!(text.lines().count(), 12);
    assert!(text.ends_with("[09]: did not exist when the plan was saved, exists now\n  ... 3 more"), "{text}");
}

#[test]
fn accepted_drift_is_left_alone_unless_its_action_was_reviewed() {
    let saved = cluster().saved();
    let mut now = cluster();
    // Drift on what needed no act, with what reacts to it; and on what is changed anyway.
    now.hosts("h1/c/thing[file]", "3").hosts("h2/c/thing[file]", "4");
    let (acts, warnings) = compared(&saved, &now, &["*/c/thing[file]"]).unwrap();
    assert_eq!(acts, ["~ h2/c/thing[file]"]);
    let drift =
        ["h1/c/thing[file]: value was 1, now 3; skipped", "h2/c/thing[file]: value was 1, now 4; applied as reviewed"];
    assert_eq!(warnings, drift);
    // Somebody has made it right meanwhile: less is done than was reviewed.
    now.hosts("h1/c/thing[file]", "1").hosts("h2/c/thing[file]", "2");
    let (acts, warnings) = compared(&saved, &now, &["h2"]).unwrap();
    assert_eq!((acts, warnings), (vec![], vec!["h2/c/thing[file]: value was 1, now 2; skipped".to_owned()]));
    assert!(compared(&saved, &now, &["h1"]).is_err(), "a pattern is for what it matches");
}

#[test]
fn drift_that_is_ignored_for_good_is_no_reason_to_refuse() {
    let ignored = vec![Pattern::new("h1/c/thing[file]"), Pattern::new("h2")];
    let mut world = World { ignored, ..cluster() };
    let saved = world.saved();
    world.hosts("h1/c/thing[file]", "3");
    let (acts, warnings) = compared(&saved, &world, &[]).unwrap();
    assert_eq!((acts, warnings), (vec!["~ h2/c/thing[file]".to_owned()], vec![]));
    // What is changed anyway would be changed from something that nobody has reviewed.
    world.hosts("h2/c/thing[file]", "3");
    assert!(compared(&saved, &world, &[]).unwrap_err().ends_with("h2/c/thing[file]: value was 1, now 3"));
    world.hosts("h2/c/thing[file]", "1").gone("h1/c/thing[file]");
    assert!(
        compared(&saved, &world, &[])
            .unwrap_err()
            .ends_with("h1/c/thing[file]: existed when the plan was saved, does not exist now")
    );
}

#[test]
fn what_stands_on_something_that_is_gone_and_left_alone_is_left_alone_too() {
    let mut then = World::default();
    then.made("h/c/thing[base]", "1").declare("h/c/thing[base]", "1");
    then.declare_after("h/c/thing[top]", "1", &["h/c/thing[base]"], &[]);
    let saved = then.saved();
    then.gone("h/c/thing[base]");
    let (acts, warnings) = compared(&saved, &then, &["h/c/thing[base]"]).unwrap();
    assert_eq!(acts, [""; 0]);
    assert!(
        warnings[1].ends_with("skipped, because it cannot be applied as reviewed, because h/c/thing[base] is skipped"),
        "{warnings:?}"
    );
    then.unreached("h");
    assert_eq!(compared(&saved, &then, &["h"]).unwrap().0, [""; 0]);
}

#[test]
fn another_declaration_is_never_accepted() {
    let saved = cluster().saved();
    let mut now = cluster();
    now.declared[0].resource = std::sync::Arc::new(crate::resource::testing::Thing::new("file", "9"));
    now.hosts("h1/c/thing[file]", "3");
    assert!(compared(&saved, &now, &[]).unwrap_err().starts_with("the hosts have changed"));
    let text = compared(&saved, &now, &["*"]).unwrap_err();
    assert_eq!(
        text,
        "the declared resources have changed since the plan was saved\n  h1/c/thing[file]: value was 1, now 9"
    );
    let mut now = cluster();
    now.declared[0].source = "/other".into();
    now.declare("h3/c/thing[new]", "1");
    let text = compared(&saved, &now, &[]).unwrap_err();
    assert!(text.ends_with("h3/c/thing[new]: is not in the saved plan"), "{text}");
}

#[test]
fn state_and_files_must_be_those_that_were_planned_from() {
    let (saved, mut now) = (cluster().saved(), cluster().state);
    let text = |result: Result<(), Stale>| result.unwrap_err().to_string();
    assert_eq!(saved.fits_state(&now), Ok(()));
    now.serial = 4;
    assert!(text(saved.fits_state(&now)).contains("from serial 1 to 4"));
    now.lineage = "other".into();
    assert!(text(saved.fits_state(&now)).contains("lineage lineage in the plan, other in the state"));
    now.serial = 0;
    assert_eq!(saved.fits_state(&now), Err(Stale::NoState { serial: 1 }));
    let first = Saved { serial: 0, ..cluster().saved() };
    assert!(text(first.fits_state(&State { serial: 2, ..cluster().state })).starts_with("there was no state"));
    let back = Saved { serial: 3, ..cluster().saved() };
    assert!(text(back.fits_state(&cluster().state)).starts_with("the state was rolled back from serial 3 to 1"));

    assert_eq!(saved.fits_file("prod", "cluster.yaml", "sha"), Ok(()));
    assert!(
        text(saved.fits_file("test", "cluster.yaml", "x"))
            .contains("for cluster `prod`, but cluster.yaml describes cluster `test`")
    );
    assert!(text(saved.fits_file("prod", "cluster.yaml", "x")).starts_with("cluster.yaml has changed"));
    assert_eq!(saved.fits_files(&basis()), Ok(()));
    assert!(text(saved.fits_files(&super::super::Basis::default())).contains("`network.manifest`"));
}

#[test]
fn a_plan_with_problems_may_be_shown_and_never_applied() {
    let mut world = cluster();
    world.unreached("h2");
    let saved = world.saved();
    assert_eq!(saved.whole(), Err(Stale::Problems { unknown: 1, refused: 0 }));
    let shown = saved.plan(&crate::resource::testing::decode).unwrap();
    assert_eq!(shown.counts(), world.plan().counts());
    assert_eq!(cluster().saved().whole(), Ok(()));
}

fn perturbed() -> impl Strategy<Value = (World, World)> {
    let value = || proptest::option::weighted(0.8, prop_oneof!["1", "2"]);
    let one = (value(), value(), value(), proptest::option::weighted(0.4, value()), any::<u8>(), any::<u8>());
    let destroys = proptest::bool::weighted(0.2);
    (proptest::collection::vec(one, 1..10), destroys, proptest::bool::weighted(0.1)).prop_map(
        |(things, destroys, lost)| {
            let mut then = World { mode: if destroys { Mode::Destroy } else { Mode::Apply }, ..World::default() };
            let mut names: Vec<String> = Vec::new();
            let mut drifts = Vec::new();
            for (i, (wanted, known, there, later, needs, reacts)) in things.into_iter().enumerate() {
                let name = format!("h{}/c/thing[{i}]", i % 3);
                let pick = |bits: u8| -> Vec<&str> {
                    names
                        .iter()
                        .enumerate()
                        .filter(|(i, _)| bits >> (i % 8) & 1 == 1)
                        .map(|(_, name)| name.as_str())
                        .collect()
                };
                if let Some(value) = known {
                    then.made(&name, &value);
                }
                match there {
                    Some(value) => then.hosts(&name, &value),
                    None => then.gone(&name),
                };
                if let Some(value) = wanted {
                    then.declare_after(&name, &value, &pick(needs), &pick(reacts));
                    names.push(name.clone());
                }
                drifts.extend(later.map(|later| (name, later)));
            }
            let mut now = then.clone();
            for (name, later) in drifts {
                match later {
                    Some(value) => now.hosts(&name, &value),
                    None => now.gone(&name),
                };
            }
            if lost {
                now.unreached("h1");
            }
            (then, now)
        },
    )
}

proptest! {
    #[test]
    fn nothing_is_done_that_was_not_reviewed((then, now) in perturbed(), all in any::<bool>()) {
        let saved = then.saved();
        let mut plan = now.plan();
        let accept: Vec<Pattern> = ["h0", "*"][usize::from(all)..].iter().take(1).map(|text| Pattern::new(*text)).collect();
        let result = compare(&saved, &mut plan, &digest_key(&now.state), &accept, &[]);
        let moved = |address: &Address| then.facts.look(address).ok() != now.facts.look(address).ok();
        let all_accepted = plan.changes.iter().all(|change| {
            !moved(&change.address) || accept.iter().any(|pattern| pattern.matches(&change.address))
        });
        prop_assert_eq!(result.is_ok(), all_accepted, "{:?}", result);
        if result.is_err() {
            return Ok(());
        }
        let reviewed: BTreeMap<&Address, Action> = saved.changes.iter().map(|item| (&item.address, item.action)).collect();
        for change in &plan.changes {
            prop_assert!(change.action == Action::NoOp || reviewed[&change.address] == change.action, "{}", change.address);
            prop_assert_eq!(&change.problem, &None);
        }
    }
}
