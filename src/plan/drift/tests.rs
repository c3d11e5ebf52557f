//! One test a row of the table, and what the table has no room for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::facts::FactSet;
use crate::graph::Graph;
use crate::plan::Selection;
use crate::resource::testing::{Thing, ThingSeen, absent, decode, seen, seen_as};
use crate::resource::{Action, Pattern, Prior};
use crate::resource::{AnyKind, Observation, Seen};
use crate::state::State;

const AT: &str = "h/c/thing[a]";

/// One thing: declared, on record and on the host with these values, if at all.
struct Case {
    declared: Option<&'static str>,
    recorded: Option<&'static str>,
    seen: Result<Seen, &'static str>,
    status: Status,
    ignore: &'static [&'static str],
}

fn case(recorded: Option<&'static str>, seen: Seen, declared: Option<&'static str>) -> Case {
    Case { declared, recorded, seen: Ok(seen), status: Status::Ready, ignore: &[] }
}

fn record(state: &State, value: &str, status: Status) -> Record {
    let thing: Arc<dyn AnyKind> = Arc::new(Thing::new("a", value));
    Record {
        version: 1,
        attributes: thing.attributes().into(),
        digest: thing.digest(&state.digest_key()),
        observed: seen(value).observation.digest(),
        prior: Prior { before: Observation::Absent, kept: BTreeMap::new() },
        needs: BTreeSet::new(),
        lane: None,
        made_from: crate::resource::MadeFrom::default(),
        status,
    }
}

fn declared(at: &str, value: &str) -> Declared {
    Declared {
        address: at.parse().unwrap(),
        resource: Arc::new(Thing::new("a", value)),
        needs: BTreeSet::new(),
        reacts_to: BTreeSet::new(),
        lane: None,
        made_from: crate::resource::MadeFrom::default(),
        source: "/things".into(),
        guessed: false,
        turn: None,
    }
}

/// Plans and compares, after the state was made what the test wants it to be.
fn compared(case: &Case, prepare: impl FnOnce(&mut State, &mut Vec<Declared>)) -> (Plan, Drift) {
    let mut state = State::fresh("prod", "lineage".into(), "salt".into());
    if let Some(value) = case.recorded {
        let record = record(&state, value, case.status);
        state.resources.insert(AT.parse().unwrap(), record);
    }
    let mut items: Vec<Declared> = case.declared.map(|value| declared(AT, value)).into_iter().collect();
    prepare(&mut state, &mut items);
    let graph = Graph::build(items).unwrap();
    let mut facts = FactSet::default();
    match &case.seen {
        Ok(seen) => {
            let declared = graph.items().iter().map(|item| item.address.clone());
            facts.seen.extend(declared.chain([AT.parse().unwrap()]).map(|address| (address, Ok(seen.clone().into()))));
        }
        Err(why) => _ = facts.unreached.insert(HostName::new("h"), (*why).to_owned()),
    }
    let ignore: Vec<Pattern> = case.ignore.iter().map(|it| Pattern::new(*it)).collect();
    let inputs = Inputs {
        mode: Mode::Apply,
        graph: &graph,
        state: &state,
        facts: &facts,
        decode: &decode,
        control_planes: &[],
        prevent_destroy: &[],
        ignore_drift: &ignore,
        virtual_ip: None,
        moved: &BTreeMap::new(),
        selection: &Selection::default(),
        forget_unreachable: false,
    };
    let plan = Plan::make(&inputs);
    let drift = Drift::of(&inputs, &plan);
    (plan, drift)
}

fn drift(case: &Case) -> Drift {
    compared(case, |_, _| {}).1
}

/// The label, whether it is gone, what differs as `applied → is`, and what is pending.
fn told(case: &Case) -> Option<(Label, bool, Vec<String>, Vec<Reason>)> {
    let drift = drift(case);
    assert!(drift.entries.len() <= 1);
    drift.entries.into_iter().next().map(|entry| {
        let fields = entry.fields.iter().map(|it| format!("{} {} → {}", it.field, it.before, it.after)).collect();
        (entry.label, entry.gone, fields, entry.pending)
    })
}

fn pending() -> Vec<Reason> {
    vec![Reason::Pending { source: "/things".into() }]
}

#[test]
fn as_recorded_and_declared_is_nothing() {
    let case = case(Some("1"), seen("1"), Some("1"));
    assert_eq!(told(&case), None);
    assert_eq!(drift(&case).answer(), Answer::Clean);
}

#[test]
fn observed_differs_or_is_gone_is_drift() {
    let differs = case(Some("1"), seen("0"), Some("1"));
    assert_eq!(told(&differs), Some((Label::Drift, false, vec!["value 1 → 0".into()], vec![])));
    let gone = case(Some("1"), absent(), Some("1"));
    assert_eq!(told(&gone), Some((Label::Drift, true, vec![], vec![])));
    assert_eq!(drift(&gone).answer(), Answer::Drift);
}

#[test]
fn declared_differs_or_is_no_longer_declared_is_pending() {
    let differs = case(Some("1"), seen("1"), Some("2"));
    assert_eq!(told(&differs), Some((Label::Pending, false, vec![], pending())));
    let removed = case(Some("1"), seen("1"), None);
    assert_eq!(told(&removed), Some((Label::Pending, false, vec![], vec![Reason::Removed])));
    assert_eq!(drift(&removed).answer(), Answer::Pending);
}

#[test]
fn both_differ_is_both_and_shows_what_others_changed() {
    let differ = case(Some("1"), seen("0"), Some("2"));
    assert_eq!(told(&differ), Some((Label::Both, false, vec!["value 1 → 0".into()], pending())));
    let gone_and_removed = case(Some("1"), absent(), None);
    assert_eq!(told(&gone_and_removed), Some((Label::Both, true, vec![], vec![Reason::Removed])));
}

#[test]
fn drift_towards_the_wish_is_both() {
    let case = case(Some("1"), seen("2"), Some("2"));
    assert_eq!(told(&case), Some((Label::Both, false, vec!["value 1 → 2".into()], pending())));
}

#[test]
fn what_mainstay_does_not_keep_is_no_drift() {
    let noisy = seen_as(&ThingSeen { value: "1".into(), size: 0, text: String::new(), noise: 7 });
    assert_eq!(told(&case(Some("1"), noisy.clone(), Some("1"))), None);
    let wished = case(Some("1"), noisy, Some("2"));
    assert_eq!(told(&wished), Some((Label::Pending, false, vec![], pending())));
}

#[test]
fn what_an_apply_left_half_way_is_pending() {
    for found in [seen("0"), seen("1"), absent()] {
        let case = Case { status: Status::Interrupted, ..case(Some("1"), found, Some("1")) };
        assert_eq!(told(&case), Some((Label::Pending, false, vec![], vec![Reason::Interrupted])));
    }
}

#[test]
fn a_move_is_told_once_at_the_old_address() {
    let moved = |value| {
        let moves = |_: &mut State, items: &mut Vec<Declared>| items.push(declared("h/d/thing[a]", "1"));
        compared(&case(Some("1"), seen(value), None), moves).1.entries
    };
    let shown = |entries: &[Entry]| -> Vec<_> {
        entries.iter().map(|it| (it.address.to_string(), it.label, it.pending.len())).collect()
    };
    assert_eq!(shown(&moved("1")), [(AT.to_owned(), Label::Pending, 1)]);
    assert_eq!(shown(&moved("0")), [(AT.to_owned(), Label::Both, 1)]);
}

#[test]
fn never_recorded_is_pending_whoever_made_it() {
    for (found, reason) in
        [(absent(), Reason::New), (seen("1"), Reason::AlreadyRight), (seen("0"), Reason::NotMadeByMainstay)]
    {
        assert_eq!(told(&case(None, found, Some("1"))), Some((Label::Pending, false, vec![], vec![reason])));
    }
}

#[test]
fn unknown_is_unseen_and_may_be_pending_too() {
    let unknown = |declared| Case { seen: Err("no route"), ..case(Some("1"), absent(), declared) };
    let same = drift(&unknown(Some("1")));
    assert_eq!((same.answer(), same.entries.len()), (Answer::Unseen, 0));
    assert_eq!(same.coverage.unseen[&AT.parse().unwrap()], "no route");
    let other = drift(&unknown(Some("2")));
    assert_eq!((other.answer(), &other.entries[0].pending), (Answer::Unseen, &pending()));
    assert_eq!(drift(&unknown(None)).entries[0].pending, [Reason::Removed]);
}

#[test]
fn a_host_of_which_nothing_is_on_record_hides_no_drift() {
    let case = Case { seen: Err("no route"), ..case(None, absent(), Some("1")) };
    assert_eq!(drift(&case).answer(), Answer::Pending);
    assert_eq!(told(&case), Some((Label::Pending, false, vec![], vec![Reason::New])));
}

#[test]
fn ignored_drift_is_counted_and_what_is_gone_is_never_ignored() {
    let covered = Case { ignore: &["x", "*/c"], ..case(Some("1"), seen("0"), Some("1")) };
    let told_of = drift(&covered);
    assert_eq!((told_of.answer(), told_of.entries.len()), (Answer::Clean, 0));
    assert_eq!(told_of.coverage.ignored["*/c"], [AT.parse().unwrap()]);
    let wished = Case { declared: Some("2"), ..covered };
    assert_eq!(told(&wished), Some((Label::Pending, false, vec![], pending())));
    let gone = Case { seen: Ok(absent()), declared: Some("1"), ..wished };
    assert_eq!(told(&gone), Some((Label::Drift, true, vec![], vec![])));
}

#[test]
fn apply_leaves_ignored_drift_as_it_is_unless_the_wish_changed() {
    let action = |declared, ignore| {
        let case = Case { ignore, ..case(Some("1"), seen("0"), Some(declared)) };
        let change = compared(&case, |_, _| {}).0.changes.remove(0);
        (change.action, change.rerecord)
    };
    assert_eq!(action("1", &[]), (Action::Update, false));
    assert_eq!(
        action("1", &["h"] as &[_]),
        (Action::NoOp, false),
        "nor is the record brought up to date: it stays drift"
    );
    assert_eq!(action("2", &["h"]), (Action::Update, false));
}

#[test]
fn an_owed_reaction_is_pending_and_a_mere_reaction_is_nothing() {
    let cause = "h/c/thing[cause]";
    let reacting = |owed: bool| {
        let prepare = |state: &mut State, items: &mut Vec<Declared>| {
            items[0].reacts_to.insert(cause.parse().unwrap());
            items[0].needs.insert(cause.parse().unwrap());
            items.insert(0, declared(cause, "new"));
            if owed {
                state.reactions.insert(AT.parse().unwrap(), [cause.parse().unwrap()].into());
            }
        };
        let drift = compared(&case(Some("1"), seen("1"), Some("1")), prepare).1;
        drift
            .entries
            .into_iter()
            .filter(|entry| entry.address.to_string() == AT)
            .map(|it| it.pending)
            .collect::<Vec<_>>()
    };
    assert_eq!(reacting(false), Vec::<Vec<Reason>>::new());
    assert_eq!(reacting(true), [vec![Reason::Reacts { to: cause.parse().unwrap() }]]);
}

#[test]
fn a_record_of_another_version_hides_no_drift_and_invents_none() {
    let of = |declared, found| {
        let older = |state: &mut State, _: &mut Vec<Declared>| {
            state.resources.get_mut(&AT.parse().unwrap()).unwrap().version = 0;
        };
        let drift = compared(&case(Some("1"), seen(found), Some(declared)), older).1;
        drift.entries.iter().map(|entry| entry.label).collect::<Vec<_>>()
    };
    assert_eq!(of("1", "1"), []);
    assert_eq!(of("1", "0"), [Label::Drift]);
    assert_eq!(of("2", "0"), [Label::Pending], "what was applied cannot be read for sure");
}

#[test]
fn what_the_hosts_tell_stays_with_what_drifted() {
    let mut drift = drift(&case(Some("1"), seen("0"), Some("1")));
    let trace = Trace { what: "changed".into(), at: None, by: None };
    drift.traced([(AT.parse().unwrap(), trace.clone()), ("h/c/thing[b]".parse().unwrap(), trace.clone())].into());
    assert_eq!(drift.entries[0].trace, Some(trace));
}
