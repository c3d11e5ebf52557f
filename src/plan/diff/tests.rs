//! One test a row of the table, and the details that the table has no room for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::resource::testing::{Thing, ThingSeen, absent, seen, seen_as};
use crate::resource::{HostName, Lane, Prior};

fn key() -> DigestKey {
    DigestKey::new("salt")
}

fn wanted(thing: Thing) -> Declared {
    Declared {
        address: Address::new(HostName::new("h"), "c", "thing", Some(&thing.key)),
        resource: Arc::new(thing),
        needs: BTreeSet::new(),
        reacts_to: BTreeSet::new(),
        lane: None,
        made_from: crate::resource::MadeFrom::default(),
        source: "/things/0".into(),
        guessed: false,
        turn: None,
    }
}

/// The record that apply leaves behind when it made this thing.
fn made(thing: &Thing) -> Record {
    Record {
        version: 1,
        attributes: thing.attributes().into(),
        digest: thing.digest(&key()),
        observed: Observation::Present(crate::resource::AnyKind::simulate(thing)).digest(),
        prior: Prior { before: Observation::Absent, kept: BTreeMap::new() },
        needs: BTreeSet::new(),
        lane: None,
        made_from: crate::resource::MadeFrom::default(),
        status: Status::Ready,
    }
}

fn a(value: &str) -> Thing {
    Thing::new("a", value)
}

fn judge(thing: Thing, record: Option<&Record>, seen: &Seen) -> Verdict {
    let recorded = record.map(|record| Recorded {
        record,
        moved_from: None,
        unfinished: false,
        drift: seen.observation.digest() != record.observed,
    });
    declared(&wanted(thing), recorded, seen, &key())
}

fn pending() -> Reason {
    Reason::Pending { source: "/things/0".into() }
}

fn value(before: &str, after: &str) -> Vec<FieldChange> {
    FieldChange::compare("value", before, after).into_iter().collect()
}

#[test]
fn declared_unrecorded_absent_is_created() {
    assert_eq!(judge(a("1"), None, &absent()), Verdict::of(Action::Create, vec![Reason::New]));
}

#[test]
fn declared_unrecorded_equal_is_adopted() {
    assert_eq!(judge(a("1"), None, &seen("1")), Verdict::of(Action::Adopt, vec![Reason::AlreadyRight]));
}

#[test]
fn declared_unrecorded_different_is_updated_and_marked() {
    let verdict = judge(a("1"), None, &seen("2"));
    let expected = Verdict::of(Action::Update, vec![Reason::NotMadeByMainstay]);
    assert_eq!(verdict, Verdict { fields: value("2", "1"), ..expected });
}

#[test]
fn declared_recorded_equal_is_left_alone() {
    assert_eq!(judge(a("1"), Some(&made(&a("1"))), &seen("1")), Verdict::of(Action::NoOp, vec![]));
}

#[test]
fn declared_recorded_different_is_updated_and_labelled() {
    let record = made(&a("1"));
    for (declared, found, reasons) in
        [("1", "0", vec![Reason::Drift]), ("2", "1", vec![pending()]), ("2", "0", vec![Reason::Drift, pending()])]
    {
        let verdict = judge(a(declared), Some(&record), &seen(found));
        let only_drift = declared == "1";
        let expected = Verdict::of(Action::Update, reasons);
        assert_eq!(verdict, Verdict { fields: value(found, declared), only_drift, ..expected });
    }
}

#[test]
fn what_an_earlier_run_left_half_way_is_no_drift() {
    let record = made(&a("1"));
    let recorded = Some(Recorded { record: &record, moved_from: None, unfinished: true, drift: true });
    let verdict = declared(&wanted(a("1")), recorded, &seen("0"), &key());
    assert!(verdict.resumes && !verdict.only_drift);
    assert_eq!((verdict.action, verdict.reasons), (Action::Update, vec![Reason::Interrupted]));
    assert_eq!(declared(&wanted(a("1")), recorded, &seen("1"), &key()).action, Action::NoOp);
}

#[test]
fn declared_recorded_different_in_what_cannot_change_is_replaced() {
    let verdict = judge(Thing { size: 2, ..a("1") }, Some(&made(&a("1"))), &seen("1"));
    assert_eq!((verdict.action, verdict.reasons), (Action::Replace, vec![pending()]));
}

#[test]
fn declared_recorded_absent_is_created_and_labelled_drift() {
    let record = made(&a("1"));
    assert_eq!(judge(a("1"), Some(&record), &absent()), Verdict::of(Action::Create, vec![Reason::Gone]));
    let both = Verdict::of(Action::Create, vec![Reason::Gone, pending()]);
    assert_eq!(judge(a("2"), Some(&record), &absent()), both);
}

#[test]
fn declared_interrupted_present_is_applied_again_even_when_equal() {
    let record = Record { status: Status::Interrupted, ..made(&a("1")) };
    let resumed = |action| Verdict { resumes: true, ..Verdict::of(action, vec![Reason::Interrupted]) };
    let again = resumed(Action::Update);
    assert_eq!(judge(a("1"), Some(&record), &seen("1")), again);
    assert_eq!(judge(a("1"), Some(&record), &seen("0")), Verdict { fields: value("0", "1"), ..again.clone() });
    assert_eq!(again.act(), Some(Act::Resume));
    assert_eq!(judge(a("1"), Some(&record), &absent()), resumed(Action::Create));
}

#[test]
fn undeclared_recorded_present_is_destroyed_absent_is_forgotten() {
    let record = made(&a("1"));
    let judge = |seen: Seen| removed(&a("1"), &record, &seen, Reason::Removed);
    assert_eq!(judge(seen("1")), Verdict::of(Action::Destroy, vec![Reason::Removed]));
    assert_eq!(judge(absent()), Verdict::of(Action::Forget, vec![Reason::Removed]));
}

#[test]
fn unknown_is_a_problem_and_never_a_change() {
    // What is not known never gets as far as this table (plan::nodes); what cannot be read is here.
    let odd = Seen { observation: Observation::Present(serde_json::Value::Null), digest: String::new() };
    let record = made(&a("1"));
    for verdict in [judge(a("1"), None, &odd), judge(a("1"), Some(&record), &odd)] {
        assert!(matches!(verdict.problem, Some(Problem::Unknown { .. })), "{verdict:?}");
        assert_eq!(verdict.action, Action::NoOp);
    }
    let verdict = removed(&a("1"), &record, &odd, Reason::Removed);
    assert!(matches!(verdict, Verdict { problem: Some(Problem::Unknown { .. }), action: Action::NoOp, .. }));
}

#[test]
fn adopted_things_are_forgotten_because_they_are_as_they_were() {
    let prior = Prior { before: seen("1").observation, kept: BTreeMap::new() };
    let record = Record { prior, ..made(&a("1")) };
    assert_eq!(removed(&a("1"), &record, &seen("1"), Reason::Removed).action, Action::Forget);
    assert_eq!(removed(&a("1"), &record, &seen("2"), Reason::Removed).action, Action::Destroy);
}

#[test]
fn a_right_host_with_an_old_record_is_recorded_anew_without_a_change() {
    let noise = seen_as(&ThingSeen { value: "1".into(), size: 0, text: String::new(), noise: 7 });
    let record = made(&a("1"));
    let moved_lane = Record { lane: Some(Lane::ControlPlane), ..record.clone() };
    let other_needs = Record { needs: ["h/c/x".parse().unwrap()].into(), ..record.clone() };
    let older = Record { version: 0, ..record.clone() };
    let again = Verdict { rerecord: true, ..Verdict::of(Action::NoOp, vec![]) };
    assert_eq!(judge(a("1"), Some(&record), &noise), again);
    let adopted = judge(Thing { warns: true, ..a("1") }, Some(&record), &seen("1"));
    let pending = Reason::Pending { source: "/things/0".into() };
    assert_eq!(adopted, Verdict::of(Action::Adopt, vec![pending]), "what cluster.yaml changed is shown");
    for record in [moved_lane, other_needs, older] {
        assert_eq!(judge(a("1"), Some(&record), &seen("1")), again);
    }
}

#[test]
fn a_record_that_moved_is_taken_over_without_touching_the_host() {
    let (record, from) = (made(&a("1")), "h/old/thing[a]".parse().unwrap());
    let recorded = Some(Recorded { record: &record, moved_from: Some(&from), unfinished: false, drift: false });
    let moved = Reason::Moved { other: from.clone() };
    let verdict = declared(&wanted(a("1")), recorded, &seen("1"), &key());
    assert_eq!(verdict, Verdict { moved: Some(from.clone()), ..Verdict::of(Action::Adopt, vec![moved.clone()]) });
    let verdict = declared(&wanted(a("2")), recorded, &seen("1"), &key());
    assert_eq!((verdict.action, verdict.reasons), (Action::Update, vec![pending(), moved]));
}

#[test]
fn what_the_host_makes_impossible_is_refused_before_anything_is_changed() {
    let verdict = judge(a("impossible"), None, &seen("2"));
    assert_eq!(verdict.problem, Some(Problem::Refused { text: "the host cannot do that".into() }));
    assert_eq!(verdict.action, Action::NoOp);
}
