//! The guarantees of every place. Each test runs against the local directory and against five calls on blobs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::blobs::{Blobs, InMemory};
use super::generations::KEPT;
use super::{Aside, Expected, Held, Lock, Part, Place, Purpose, local_on};
use crate::state::model::Version;
use crate::state::samples::{address, interrupted, record};
use crate::state::{
    Attempt, Claim, Disk, Found, Lease, SimulatedDisk, State, StateError, Status, Store, acquire, break_lock, earlier,
    from_bytes, history, replace, show, to_bytes,
};

/// One kind of place, and its machines.
struct Subject {
    disk: SimulatedDisk,
    /// None for the local directory.
    blobs: Option<Blobs>,
}

impl Subject {
    fn local_directory() -> Self {
        Self { disk: SimulatedDisk::new(), blobs: None }
    }

    fn five_calls() -> Self {
        Self { disk: SimulatedDisk::new(), blobs: Some(Blobs::default()) }
    }

    /// The place of a cluster as a new process on this machine sees it.
    fn of(&self, cluster: &str, machine: &str) -> Arc<dyn Place> {
        let process = self.disk.process(machine);
        match &self.blobs {
            Some(blobs) => Arc::new(InMemory { blobs: blobs.clone(), cluster: cluster.to_owned(), process }),
            None => local_on(process, &Path::new("state").join(format!("{cluster}.json"))),
        }
    }

    fn on(&self, machine: &str) -> Arc<dyn Place> {
        self.of("lab", machine)
    }

    /// Replaces the state by garbage, behind every contract.
    fn damage(&self) {
        if let Some(blobs) = &self.blobs {
            blobs.delete("lab/state.json");
            assert!(blobs.create("lab/state.json", b"garbage"));
        } else {
            let file = self.disk.process("desk").open(Path::new("state/lab.json")).unwrap();
            file.truncate(0).unwrap();
            file.write_at(b"garbage", 0).unwrap();
        }
    }

    /// Longer than a lease.
    fn silence(&self) {
        self.disk.advance(Duration::from_secs(61));
    }
}

macro_rules! contract {
    ($($test:ident)*) => {
        mod local_directory {
            $(#[test] fn $test() { super::$test(&super::Subject::local_directory()); })*
        }
        mod five_calls {
            $(#[test] fn $test() { super::$test(&super::Subject::five_calls()); })*
        }
    };
}

contract! {
    an_empty_place_has_nothing
    of_two_claims_one_waits_for_the_other
    a_holder_that_renews_keeps_its_lock
    a_silent_holder_is_taken_over_and_cannot_write_any_more
    a_broken_lock_is_lost_and_the_next_one_is_left_alone
    a_stale_replacement_is_refused_and_changes_nothing
    ten_generations_are_kept
    a_copy_that_was_set_aside_stays
    a_journal_is_read_as_it_was_written
    a_removal_leaves_the_journal_of_another_run_alone
    a_batch_that_the_next_holder_may_have_missed_is_not_acknowledged
    the_journal_of_an_ended_run_is_merged_on_another_machine
    a_run_that_began_from_an_older_state_is_refused
    a_damaged_state_is_replaced_by_a_generation_and_its_journal
    a_missing_state_is_no_new_cluster
    a_place_lists_the_states_next_to_it
}

fn lease(place: &Arc<dyn Place>) -> Lease {
    acquire(place, "apply", Duration::ZERO).unwrap()
}

fn state(serial: u64) -> State {
    State { serial, ..State::fresh("lab", "line".into(), "salt".into()) }
}

fn version(serial: u64) -> Version {
    state(serial).version()
}

fn put(lease: &Lease, from: Option<u64>, to: u64) -> Result<(), StateError> {
    let expected = from.map(version);
    lease.writer().replace(expected.as_ref().into(), &version(to), &to_bytes(&state(to)))
}

fn lost<T>(result: &Result<T, StateError>) -> bool {
    matches!(result, Err(StateError::LockLost { .. }))
}

fn an_empty_place_has_nothing(it: &Subject) {
    let place = it.on("desk");
    assert_eq!(place.read().unwrap(), None);
    assert_eq!(place.generations().unwrap(), []);
    assert!(place.journal().unwrap().is_none());
    assert!(matches!(place.lock(&place.machine().holder("show"), Purpose::Show), Ok(Lock::Free)));
    assert_eq!(show(&place, |_| {}).unwrap(), None);
    let names: Vec<String> = [Part::State, Part::Generations, Part::Journal, Part::Lock]
        .map(|part| place.name(part).to_string())
        .into_iter()
        .filter(|name| name.contains("lab"))
        .collect();
    assert_eq!(names.len(), 4, "each part has a name: {names:?}");
}

fn of_two_claims_one_waits_for_the_other(it: &Subject) {
    let (first, second) = (it.on("desk"), it.on("lap"));
    let held = lease(&first);
    let mut claim = Claim::new(&second, "destroy").unwrap();
    let Attempt::Refused(StateError::Locked { holder, .. }) = claim.attempt().unwrap() else { panic!("it is held") };
    assert_eq!(*holder, *held.holder());
    drop(held);
    let Attempt::Taken(held) = claim.attempt().unwrap() else { panic!("it is free") };
    assert_eq!(held.holder().operation, "destroy");
    held.writer().check().unwrap();
}

fn a_holder_that_renews_keeps_its_lock(it: &Subject) {
    let (first, second) = (it.on("desk"), it.on("lap"));
    let held = lease(&first);
    let mut claim = Claim::new(&second, "apply").unwrap();
    for _ in 0..5 {
        it.silence();
        held.renew().unwrap();
        assert!(matches!(claim.attempt().unwrap(), Attempt::Refused(StateError::Locked { .. })));
    }
    held.writer().check().unwrap();
}

fn a_silent_holder_is_taken_over_and_cannot_write_any_more(it: &Subject) {
    let (first, second) = (it.on("desk"), it.on("lap"));
    let silent = lease(&first);
    put(&silent, None, 1).unwrap();
    let mut journal = silent.writer().create_journal(&version(1), "first\n").unwrap();
    let mut claim = Claim::new(&second, "apply").unwrap();
    let taken = (0..4).find_map(|_| {
        it.silence();
        match claim.attempt().unwrap() {
            Attempt::Taken(lease) => Some(lease),
            Attempt::Refused(_) => None,
        }
    });
    let taken = taken.expect("a silent holder is taken over");
    let writer = silent.writer();
    assert!(lost(&writer.check()) && lost(&silent.renew()));
    assert!(lost(&put(&silent, Some(1), 2)));
    assert!(lost(&writer.set_aside(Aside::Damaged { by: 2 }, b"x")));
    assert!(lost(&writer.create_journal(&version(1), "first\n")));
    assert!(lost(&journal.append("second\n")));
    assert_eq!(first.read().unwrap().unwrap(), to_bytes(&state(1)));
    drop(silent);
    taken.writer().check().unwrap();
    assert_eq!(show(&first, |_| {}).unwrap().map(|(holder, held)| (holder.id, held)), {
        Some((taken.holder().id.clone(), Held::Elsewhere))
    });
    put(&taken, Some(1), 2).unwrap();
}

fn a_broken_lock_is_lost_and_the_next_one_is_left_alone(it: &Subject) {
    let (first, second) = (it.on("desk"), it.on("lap"));
    assert!(matches!(break_lock(&second, "x"), Err(StateError::NotThatLock { found: None, .. })));
    let broken = lease(&first);
    assert!(matches!(break_lock(&second, "x"), Err(StateError::NotThatLock { found: Some(_), .. })));
    broken.writer().check().unwrap();
    assert_eq!(break_lock(&second, &broken.holder().id).unwrap(), *broken.holder());
    assert!(lost(&broken.writer().check()));
    let next = lease(&second);
    drop(broken);
    next.writer().check().unwrap();
}

fn a_stale_replacement_is_refused_and_changes_nothing(it: &Subject) {
    let place = it.on("desk");
    let held = lease(&place);
    put(&held, None, 1).unwrap();
    put(&held, Some(1), 2).unwrap();
    for stale in [None, Some(1), Some(3)] {
        let error = put(&held, stale, 3).unwrap_err();
        assert!(matches!(&error, StateError::Moved { .. }), "{error}");
        assert!(error.to_string().ends_with("found serial 2 of lineage line"), "{error}");
    }
    let unreadable = Expected::Unreadable(b"garbage");
    let error = held.writer().replace(unreadable, &version(3), &to_bytes(&state(3))).unwrap_err();
    assert!(matches!(error, StateError::Moved { .. }), "{error}");
    assert_eq!(place.read().unwrap().unwrap(), to_bytes(&state(2)));
    assert_eq!(place.generations().unwrap().len(), 2);
}

fn ten_generations_are_kept(it: &Subject) {
    let place = it.on("desk");
    let held = lease(&place);
    put(&held, None, 1).unwrap();
    for serial in 2..=13 {
        put(&held, Some(serial - 1), serial).unwrap();
    }
    let all = place.generations().unwrap();
    assert_eq!(all.len(), KEPT);
    assert_eq!(all.iter().map(|one| one.serial).collect::<Vec<_>>(), (4..=13).collect::<Vec<_>>());
    for one in &all {
        let bytes = place.generation(one).unwrap();
        assert_eq!(from_bytes(&one.name, &bytes).unwrap(), state(one.serial));
        assert_eq!(one.size, bytes.len() as u64);
    }
    assert_eq!(place.generation(&all[9]).unwrap(), place.read().unwrap().unwrap());
}

fn a_copy_that_was_set_aside_stays(it: &Subject) {
    let place = it.on("desk");
    let held = lease(&place);
    put(&held, None, 1).unwrap();
    let aside = Aside::Before { serial: 1, command: "rm" };
    let name = held.writer().set_aside(aside, &to_bytes(&state(1))).unwrap();
    assert!(name.to_string().ends_with("1-before-rm.json"), "{name}");
    held.writer().set_aside(Aside::Journal { by: 2 }, b"lines").unwrap();
    for serial in 2..=13 {
        put(&held, Some(serial - 1), serial).unwrap();
    }
    let all = place.generations().unwrap();
    assert_eq!(all.len(), KEPT + 1, "what is set aside does not count, and a journal is no generation");
    assert_eq!((all[0].serial, all[0].before.as_deref(), &all[0].name), (1, Some("rm"), &name));
    assert_eq!(place.generation(&all[0]).unwrap(), to_bytes(&state(1)));
}

fn a_journal_is_read_as_it_was_written(it: &Subject) {
    let (writing, reading) = (it.on("desk"), it.on("lap"));
    let held = lease(&writing);
    put(&held, None, 1).unwrap();
    let mut journal = held.writer().create_journal(&version(1), "first\n").unwrap();
    for batch in ["second\nthird\n", "fourth\n"] {
        journal.append(batch).unwrap();
    }
    let left = reading.journal().unwrap().unwrap();
    assert_eq!(String::from_utf8(left.bytes).unwrap(), "first\nsecond\nthird\nfourth\n");
    journal.remove().unwrap();
    assert!(reading.journal().unwrap().is_none());
}

fn a_removal_leaves_the_journal_of_another_run_alone(it: &Subject) {
    let place = it.on("desk");
    let held = lease(&place);
    put(&held, None, 1).unwrap();
    let first = held.writer().create_journal(&version(1), "first\n").unwrap();
    let found = place.journal().unwrap().unwrap().left;
    found.remove().unwrap();
    let _second = held.writer().create_journal(&version(1), "second\n").unwrap();
    found.remove().unwrap();
    first.remove().unwrap();
    assert_eq!(place.journal().unwrap().unwrap().bytes, b"second\n");
}

fn a_batch_that_the_next_holder_may_have_missed_is_not_acknowledged(it: &Subject) {
    let (first, second) = (it.on("desk"), it.on("lap"));
    let store = Store::open(&first, "lab").unwrap();
    let held = lease(&first);
    let id = held.holder().id.clone();
    store.begin(held, |_| {}).unwrap();
    store.done(address(1), record("a")).unwrap();
    break_lock(&second, &id).unwrap();
    let next = Store::open(&second, "lab").unwrap();
    next.begin(lease(&second), |_| {}).unwrap();
    assert!(lost(&store.intent(address(2), interrupted("b"), vec![])));
    assert!(lost(&store.finish()));
    next.done(address(3), record("c")).unwrap();
    next.finish().unwrap();
    let state = Store::read_only(&first).unwrap().unwrap();
    assert_eq!(state.resources.keys().collect::<Vec<_>>(), [&address(3), &address(1)]);
}

fn the_journal_of_an_ended_run_is_merged_on_another_machine(it: &Subject) {
    let (first, second) = (it.on("desk"), it.on("lap"));
    let store = Store::open(&first, "lab").unwrap();
    store.begin(lease(&first), |_| {}).unwrap();
    store.done(address(1), record("a")).unwrap();
    store.kept(address(1), "PULLED", "socat").unwrap();
    store.intent(address(2), interrupted("b"), vec![address(1)]).unwrap();
    // It ends without its finish.
    drop(store);
    let store = Store::open(&second, "lab").unwrap();
    let read = store.snapshot();
    assert_eq!((read.serial, read.resources.len()), (2, 2));
    assert_eq!(read.record(&address(1)).unwrap().prior.kept["PULLED"], "socat");
    assert_eq!(read.record(&address(2)).unwrap().status, Status::Interrupted);
    store.begin(lease(&second), |_| {}).unwrap();
    assert!(second.journal().unwrap().is_none());
    store.finish().unwrap();
    assert_eq!(Store::read_only(&first).unwrap().unwrap(), read);
}

fn a_run_that_began_from_an_older_state_is_refused(it: &Subject) {
    let (first, second) = (it.on("desk"), it.on("lap"));
    let late = Store::open(&first, "lab").unwrap();
    let store = Store::open(&second, "lab").unwrap();
    store.begin(lease(&second), |_| {}).unwrap();
    store.done(address(1), record("a")).unwrap();
    store.finish().unwrap();
    assert!(matches!(late.begin(lease(&first), |_| {}), Err(StateError::Moved { .. })));
    // The refused run gave the lock back.
    lease(&second);
}

fn a_damaged_state_is_replaced_by_a_generation_and_its_journal(it: &Subject) {
    let place = it.on("desk");
    let store = Store::open(&place, "lab").unwrap();
    store.begin(lease(&place), |_| {}).unwrap();
    store.done(address(1), record("a")).unwrap();
    drop(store);
    it.damage();
    let found = Found::at(&place).unwrap();
    let Found::Broken { why, bytes } = &found else { panic!("{found:?}") };
    assert!(why.hint().unwrap().to_string().contains("mainstay state rollback 1"), "{why}");
    assert_eq!(bytes.as_deref(), Some(&b"garbage"[..]));
    let (wanted, entries) = earlier(&place, 1, &found).unwrap();
    assert_eq!((wanted.resources.len(), entries), (1, 1));
    let done = replace(&place, found, lease(&place), "rollback", wanted.clone()).unwrap();
    let [state, journal] = &done.aside[..] else { panic!("{done:?}") };
    assert!(state.to_string().ends_with("damaged-replaced-by-2"), "{state}");
    assert!(journal.to_string().ends_with("journal-replaced-by-2"), "{journal}");
    assert!(place.journal().unwrap().is_none());
    assert_eq!(Store::read_only(&place).unwrap().unwrap(), State { serial: 2, ..wanted });
    assert_eq!(history(&place).unwrap().iter().map(|(one, _)| one.serial).collect::<Vec<_>>(), [1, 2]);
}

fn a_missing_state_is_no_new_cluster(it: &Subject) {
    let place = it.on("desk");
    let store = Store::open(&place, "lab").unwrap();
    store.begin(lease(&place), |_| {}).unwrap();
    store.done(address(1), record("a")).unwrap();
    store.finish().unwrap();
    match &it.blobs {
        Some(blobs) => blobs.delete("lab/state.json"),
        None => it.disk.process("desk").remove(Path::new("state/lab.json")).unwrap(),
    }
    let error = Store::open(&place, "lab").unwrap_err();
    assert!(error.to_string().ends_with("is missing (serial 2 had 1 resources)"), "{error}");
    let found = Found::at(&place).unwrap();
    let (wanted, _) = earlier(&place, 2, &found).unwrap();
    assert_eq!(replace(&place, found, lease(&place), "rollback", wanted).unwrap().serial, 3);
    assert_eq!(Store::open(&place, "lab").unwrap().snapshot().resources.len(), 1);
}

fn a_place_lists_the_states_next_to_it(it: &Subject) {
    let (lab, prod) = (it.on("desk"), it.of("prod", "desk"));
    for place in [&lab, &prod] {
        put(&lease(place), None, 1).unwrap();
    }
    let others: Vec<_> = lab.neighbours().unwrap().iter().map(|it| it.name(Part::State)).collect();
    assert_eq!(others, [prod.name(Part::State)]);
}
