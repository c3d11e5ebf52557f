//! Failures, interrupts, and what touches no host.

use std::time::Duration;

use super::super::event::{Ending, Event};
use super::super::{EngineError, Interrupt};
use super::rig::{Rig, Staged, address, failing, right, step};
use crate::plan::Problem;
use crate::resource::Action;
use crate::state::{Status, Store, acquire, local};

/// a ← b ← c, a ← d; e alone.
fn chain(rig: &mut Rig) {
    rig.create("h/c/staged[a]", &[]);
    rig.create("h/c/staged[b]", &["h/c/staged[a]"]);
    rig.create("h/c/staged[c]", &["h/c/staged[b]"]);
    rig.create("h/c/staged[d]", &["h/c/staged[a]"]);
    rig.create("h/c/staged[e]", &[]);
}

#[tokio::test]
async fn a_failure_blocks_what_depends_on_it_and_nothing_else() {
    let mut rig = Rig::default();
    chain(&mut rig);
    rig.fleet.set_fault("h/c/staged[b]", true).unwrap();
    let ran = rig.run().await;
    assert_eq!(ran.failure("h/c/staged[b]").1, "exit 1\nsimulated failure (`mainstay sim fail`)");
    assert_eq!(ran.ending("h/c/staged[c]"), &Ending::Skipped { because: address("h/c/staged[b]") });
    for done in ["a", "d", "e"] {
        assert_eq!(ran.ending(&format!("h/c/staged[{done}]")), &Ending::Done);
    }
    let ends = ran.events.iter().filter(|event| matches!(event, Event::Ended { .. })).count();
    assert_eq!(ends, 5, "each resource ends exactly once");
    assert!(matches!(ran.events.first(), Some(Event::RunStarted { total: 5 })));
    assert!(matches!(ran.events.last(), Some(Event::RunEnded { .. })));
    assert!(!ran.state.resources.contains_key(&address("h/c/staged[c]")));
}

#[tokio::test]
async fn all_that_depends_on_a_failure_is_blocked_however_far_away() {
    let mut rig = Rig::default();
    chain(&mut rig);
    rig.fleet.set_fault("h/c/staged[a]", true).unwrap();
    let ran = rig.run().await;
    for skipped in ["b", "c", "d"] {
        let because = address("h/c/staged[a]");
        assert_eq!(ran.ending(&format!("h/c/staged[{skipped}]")), &Ending::Skipped { because });
    }
    assert_eq!(ran.ending("h/c/staged[e]"), &Ending::Done);
}

#[tokio::test]
async fn a_host_that_is_down_fails_alone() {
    let mut rig = Rig::default();
    rig.create("up/c/staged", &[]);
    rig.create("down/c/staged", &[]);
    rig.fleet.set_down(&crate::resource::HostName::new("down"), true).unwrap();
    let ran = rig.run().await;
    assert_eq!(ran.ending("up/c/staged"), &Ending::Done);
    assert!(ran.failure("down/c/staged").1.contains("cannot connect"), "{:?}", ran.failure("down/c/staged"));
}

#[tokio::test]
async fn failing_fast_starts_nothing_new() {
    let mut rig = Rig { fail_fast: true, parallelism: 1, ..Rig::default() };
    rig.create("a/c/staged", &[]);
    rig.create("b/c/staged", &[]);
    rig.create("c/c/staged", &["a/c/staged"]);
    rig.fleet.set_fault("a", true).unwrap();
    let ran = rig.run().await;
    assert_eq!(ran.failure("a/c/staged").0, "write");
    assert_eq!(ran.ending("b/c/staged"), &Ending::NotStarted);
    assert_eq!(ran.ending("c/c/staged"), &Ending::Skipped { because: address("a/c/staged") });
    assert!(!ran.outcome.interrupted);
    assert_eq!(ran.started(), ["a/c/staged"]);
}

#[tokio::test]
async fn the_first_interrupt_lets_running_ones_end_and_starts_nothing_new() {
    for _ in 0..20 {
        let mut rig = Rig { parallelism: 1, ..Rig::default() };
        let interrupt = rig.interrupt.clone();
        rig = rig.on_act(move |_| {
            interrupt.send_replace(Interrupt::Graceful);
            None
        });
        let two = Staged { steps: vec![step("one"), step("two")], ..Staged::default() };
        rig.change("a/c/staged", Action::Create, two, &[]);
        rig.create("b/c/staged", &[]);
        rig.create("c/c/staged", &["a/c/staged"]);
        let ran = rig.run().await;
        assert_eq!(ran.steps("a/c/staged"), ["one", "two"]);
        assert_eq!(ran.ending("a/c/staged"), &Ending::Done);
        assert_eq!(ran.ending("b/c/staged"), &Ending::NotStarted);
        assert_eq!(ran.ending("c/c/staged"), &Ending::NotStarted);
        assert!(ran.outcome.interrupted && !ran.outcome.complete());
        assert_eq!(ran.events.iter().filter(|event| **event == Event::Interrupted).count(), 1);
        assert_eq!(ran.state.resources[&address("a/c/staged")].status, Status::Ready);
    }
}

#[tokio::test]
async fn the_second_interrupt_stops_at_once_and_says_what_was_cut_off() {
    let mut rig = Rig::default();
    let interrupt = rig.interrupt.clone();
    rig = rig.on_act(move |_| {
        interrupt.send_replace(Interrupt::Now);
        None
    });
    let two = Staged { steps: vec![step("one"), step("two")], ..Staged::default() };
    rig.change("a/c/staged", Action::Create, two, &[]);
    rig.create("b/c/staged", &["a/c/staged"]);
    let ran = rig.run().await;
    assert_eq!(ran.steps("a/c/staged"), ["one"]);
    assert_eq!(ran.failure("a/c/staged").0, "interrupted");
    assert_ne!(ran.ending("b/c/staged"), &Ending::Done);
    assert!(ran.outcome.interrupted);
    assert_eq!(ran.state.resources[&address("a/c/staged")].status, Status::Interrupted);
}

#[tokio::test]
async fn an_interrupt_before_the_start_starts_nothing() {
    let mut rig = Rig::default();
    rig.create("a/c/staged", &[]);
    let interrupt = rig.interrupt.clone();
    let receiver = interrupt.subscribe();
    interrupt.send_replace(Interrupt::Graceful);
    let ran = rig.run().await;
    assert_eq!(ran.acts, []);
    assert_eq!(ran.ending("a/c/staged"), &Ending::NotStarted);
    drop(receiver);
}

#[tokio::test]
async fn recording_touches_no_host() {
    let mut rig = Rig::default().on_act(|_| Some(failing("touched")));
    rig.change("h/c/staged[adopted]", Action::Adopt, Staged::default(), &[]);
    rig.change("h/c/staged[forgotten]", Action::Forget, Staged::default(), &[]);
    rig.change("h/c/staged[again]", Action::NoOp, Staged::default(), &[]).rerecord = true;
    rig.change("h/c/staged[same]", Action::NoOp, Staged::default(), &[]);
    rig.create("h/c/staged[unknown]", &[]).problem = Some(Problem::Unknown { text: "no answer".into() });
    rig.create("h/c/staged[blocked]", &[]).problem = Some(Problem::Blocked { by: address("h/c/staged[unknown]") });
    let ran = rig.run().await;
    assert_eq!(ran.acts, []);
    assert_eq!((ran.outcome.adopted, ran.outcome.forgotten), (1, 1));
    let recorded: Vec<String> = ran.state.resources.keys().map(ToString::to_string).collect();
    assert_eq!(recorded, ["h/c/staged[adopted]", "h/c/staged[again]"]);
    let adopted = &ran.state.resources[&address("h/c/staged[adopted]")];
    assert_eq!((adopted.status, &adopted.prior.before), (Status::Ready, &right().observation));
    assert_eq!(ran.failure("h/c/staged[unknown]"), ("check", "no answer"));
    assert_eq!(ran.ending("h/c/staged[blocked]"), &Ending::Skipped { because: address("h/c/staged[unknown]") });
    assert!(!ran.outcome.complete());
}

/// Acting without a record would lose what was done; a lock that was taken away means just that.
#[tokio::test]
async fn without_a_record_nothing_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("prod.json");
    let place = local(&path);
    let store = Store::open(&place, "prod").unwrap();
    store.begin(acquire(&place, "apply", Duration::ZERO).unwrap(), |_| {}).unwrap();
    store.finish().unwrap();
    let mut rig = Rig::default();
    rig.create("h/c/staged", &[]);
    let acts = std::sync::Arc::clone(&rig.acts);
    let (ran, _) = rig.run_on(store).await;
    assert!(matches!(ran.map(|it| it.outcome), Err(EngineError::State(_))));
    assert!(acts.lock().unwrap().is_empty());
}
