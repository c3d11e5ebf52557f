//! What outlasts kills, power cuts, full disks and other writers, at any byte and any operation.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use serde_json::json;

use super::super::claim::{Attempt, Claim, acquire};
use super::super::place::{KEPT, local_on};
use super::super::samples::{address, interrupted, record};
use super::super::surgery::history;
use super::super::{Cut, SimulatedDisk, SimulatedProcess, fold};
use super::*;
use crate::resource::HostName;

const PATH: &str = "state/lab.json";

/// The place as a process sees it.
fn place(process: &Arc<SimulatedProcess>) -> Arc<dyn Place> {
    local_on(Arc::clone(process) as _, Path::new(PATH))
}

fn fresh() -> State {
    State::fresh("lab", "11111111-2222-4333-8444-555555555555".into(), "5a17".into())
}

/// An entry, in a form that a failed case can show: where, and how much text is in it.
#[derive(Clone, Debug)]
enum Word {
    Intent(usize, usize, Vec<usize>),
    Done(usize, usize),
    Kept(usize, usize),
    Forgotten(usize),
    Reacted(usize),
}

fn word() -> impl Strategy<Value = Word> {
    let at = || 0..5usize;
    let length = || prop_oneof![1..5usize, Just(600)];
    prop_oneof![
        3 => (at(), length(), vec(at(), 0..2)).prop_map(|(at, length, owed)| Word::Intent(at, length, owed)),
        3 => (at(), length()).prop_map(|(at, length)| Word::Done(at, length)),
        1 => (at(), length()).prop_map(|(at, length)| Word::Kept(at, length)),
        1 => at().prop_map(Word::Forgotten),
        1 => at().prop_map(Word::Reacted),
    ]
}

impl Word {
    fn entry(&self) -> Entry {
        let text = |length: &usize| "x".repeat(*length);
        match self {
            Self::Intent(at, length, owed) => {
                let reactions = owed.iter().copied().map(address).collect();
                Entry::intent(address(*at), interrupted(&text(length)), reactions)
            }
            Self::Done(at, length) => Entry::done(address(*at), record(&text(length))),
            Self::Kept(at, length) => Entry::Kept { address: address(*at), name: "NAME".into(), value: text(length) },
            Self::Forgotten(at) => Entry::Forgotten { address: address(*at) },
            Self::Reacted(at) => Entry::Reacted { address: address(*at) },
        }
    }
}

fn entries(batches: &[Vec<Word>]) -> Vec<Batch> {
    batches.iter().map(|batch| batch.iter().map(Word::entry).collect()).collect()
}

/// What is recorded, in few words.
fn brief(state: &State) -> String {
    let size = |record: &Record| record.attributes["path"].as_str().map_or(0, str::len);
    let one = |(address, record): (&Address, &Record)| {
        format!("{address} {:?} {} {:?}", record.status, size(record), record.prior.kept.values().map(String::len))
    };
    let all: Vec<String> = state.resources.iter().map(one).collect();
    format!("serial {}: {}; owed {:?}", state.serial, all.join(", "), state.reactions)
}

type Batch = Vec<Entry>;

/// What was promised, and what was tried and not promised.
#[derive(Clone, Debug, Default)]
struct Told {
    safe: Vec<Entry>,
    tried: Batch,
    hosts: usize,
    serial: u64,
}

impl Told {
    /// That a state holds all that was promised, and nothing else but a part of what was tried.
    fn holds(&self, state: &State) -> Result<(), TestCaseError> {
        prop_assert!(state.serial >= self.serial, "serial {} after {}", state.serial, self.serial);
        prop_assert_eq!(&state.lineage, &fresh().lineage);
        prop_assert!(state.hosts.len() >= self.hosts, "{} hosts of {}", state.hosts.len(), self.hosts);
        let base = fold(fresh(), &self.safe);
        let tried = |count: usize| fold(base.clone(), &self.tried[..count]);
        let facts: Batch = self.tried.iter().filter(|entry| entry.is_fact()).cloned().collect();
        let mut allowed = (0..=self.tried.len()).map(tried).chain([fold(base.clone(), &facts)]);
        let same = |one: &State| one.resources == state.resources && one.reactions == state.reactions;
        prop_assert!(
            allowed.any(|one| same(&one)),
            "{}\nis not what was told:\n{}\nand some of {} entries",
            brief(state),
            brief(&base),
            self.tried.len()
        );
        Ok(())
    }

    /// What a run begins with is what is there from now on.
    fn settle(&mut self, state: &State) {
        let facts: Batch = self.tried.iter().filter(|entry| entry.is_fact()).cloned().collect();
        let prefixes = (0..=self.tried.len()).map(|count| self.tried[..count].to_vec());
        let safe = prefixes.chain([facts]).map(|tried| [self.safe.clone(), tried].concat()).find(|entries| {
            let one = fold(fresh(), entries);
            one.resources == state.resources && one.reactions == state.reactions
        });
        self.safe = safe.expect("`holds` has said so");
        self.tried.clear();
        self.hosts = state.hosts.len();
        self.serial = state.serial;
    }
}

/// One run: opens, begins, adds these batches, finishes. What it was told goes into `told`.
fn run(
    process: &Arc<SimulatedProcess>,
    batches: &[Batch],
    told: &mut Told,
) -> Result<Result<(), StateError>, TestCaseError> {
    let place = place(process);
    let store = match Store::open_or(&place, fresh()) {
        Ok(store) => store,
        Err(error) if process.is_dead() => return Ok(Err(error)),
        Err(error) => return Err(TestCaseError::fail(format!("the state does not open: {error}"))),
    };
    told.holds(&store.snapshot())?;
    let lease = match acquire(&place, "apply", Duration::ZERO) {
        Ok(lease) => lease,
        Err(error) => return Ok(Err(error)),
    };
    let name = HostName::new(format!("h{}", process.number()));
    if let Err(error) = store.begin(lease, |state| drop(state.hosts.insert(name, json!({})))) {
        return Ok(Err(error));
    }
    told.settle(&store.snapshot());
    let mut result = Ok(());
    for batch in batches {
        if let Err(error) = store.append_all(batch.clone()) {
            told.tried.clone_from(batch);
            result = Err(error);
            break;
        }
        told.safe.extend(batch.iter().cloned());
    }
    let finished = store.finish();
    if finished.is_ok() {
        told.settle(&store.snapshot());
    }
    Ok(result.and(finished))
}

/// Whatever happened: a process that starts now does all that one can do.
fn all_is_well(disk: &SimulatedDisk, told: &mut Told) -> Result<(), TestCaseError> {
    let process = disk.process("desk");
    let last = vec![vec![Entry::Done { address: address(9), record: Box::new(record("last")) }]];
    let ran = run(&process, &last, told)?;
    prop_assert!(ran.is_ok(), "the next run fails: {ran:?}");
    let state = Store::read_only(&place(&process)).unwrap().unwrap();
    told.holds(&state)?;
    let generations = history(&place(&process)).unwrap();
    prop_assert!(generations.len() <= KEPT);
    for (generation, content) in &generations {
        prop_assert_eq!(content.as_ref().map(|state| state.serial).ok(), Some(generation.serial), "{:?}", content);
    }
    prop_assert_eq!(generations.last().unwrap().1.as_ref().ok(), Some(&state));
    Ok(())
}

/// Where a process dies.
#[derive(Clone, Debug)]
struct Death {
    at: Index,
    byte: bool,
    power: Option<u64>,
}

fn death() -> impl Strategy<Value = Death> {
    (any::<Index>(), any::<bool>(), any::<Option<u64>>()).prop_map(|(at, byte, power)| Death { at, byte, power })
}

/// The cut, given what a run does that is not cut.
fn cut(death: &Death, disk: &SimulatedDisk, batches: &[Batch], told: &Told) -> Result<Cut, TestCaseError> {
    let copy = disk.copy();
    let whole = copy.process("desk");
    let ran = run(&whole, batches, &mut told.clone())?;
    prop_assert!(ran.is_ok(), "{ran:?}");
    let used = whole.used();
    let at = |all: u64| death.at.index(usize::try_from(all).unwrap() + 1) as u64;
    Ok(if death.byte { Cut::Byte(at(used.bytes)) } else { Cut::Change(at(used.changes)) })
}

/// The same cases each time; `PROPTEST_CASES=100000` draws as many others.
fn config() -> ProptestConfig {
    let seed = RngSeed::Fixed(4);
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig { failure_persistence: None, ..ProptestConfig::default() },
        None => ProptestConfig { cases: 60, failure_persistence: None, rng_seed: seed, ..ProptestConfig::default() },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_kill_or_a_power_cut_anywhere_loses_nothing_that_was_promised(
        runs in vec((vec(vec(word(), 1..4), 0..5), death()), 1..5),
    ) {
        let disk = SimulatedDisk::new();
        let mut told = Told::default();
        for (batches, death) in &runs {
            let batches = &entries(batches);
            let cut = cut(death, &disk, batches, &told)?;
            let process = disk.process("desk");
            process.fail_after(cut);
            let ran = run(&process, batches, &mut told)?;
            prop_assert!(ran.is_ok() || process.is_dead(), "{ran:?}");
            process.kill();
            if let Some(seed) = death.power {
                disk.crash(seed);
            }
        }
        all_is_well(&disk, &mut told)?;
    }

    #[test]
    fn a_full_disk_and_a_sync_that_fails_are_told_and_nothing_promised_is_lost(
        runs in vec((vec(vec(word(), 1..4), 0..5), 0..12_000_u64, 0..30_u64, any::<Option<u64>>()), 1..4),
    ) {
        let disk = SimulatedDisk::new();
        let mut told = Told::default();
        for (batches, room, syncs, power) in &runs {
            let batches = &entries(batches);
            disk.full_after(Some(*room));
            disk.fail_syncs_after(Some(*syncs));
            let process = disk.process("desk");
            let ran = run(&process, batches, &mut told)?;
            if let Err(error) = &ran {
                prop_assert!(error.hint().is_some_and(|hint| hint.to_string().contains("lost")), "{error}");
            }
            process.kill();
            if let Some(seed) = power {
                disk.crash(*seed);
            }
            disk.full_after(None);
            disk.fail_syncs_after(None);
        }
        all_is_well(&disk, &mut told)?;
    }

    #[test]
    fn of_two_who_write_at_once_nobody_loses_what_it_was_promised(
        first in vec(vec(word(), 1..3), 1..4),
        second in vec(vec(word(), 1..3), 1..3),
        at in any::<Index>(),
        far in any::<bool>(),
        plans_first in any::<bool>(),
        power in any::<Option<u64>>(),
    ) {
        let (first, second) = (entries(&first), entries(&second));
        let disk = SimulatedDisk::new();
        let writer = |process: Arc<SimulatedProcess>, batches: &[Batch]| Writer {
            process,
            batches: batches.to_vec(),
            plans_first,
            safe: Vec::new(),
            tried: Vec::new(),
        };
        let mut whole = writer(disk.copy().process("desk"), &first);
        prop_assert!(whole.write().is_ok());
        let at = at.index(usize::try_from(whole.process.used().operations).unwrap()) as u64;

        let mut silent = writer(disk.process("desk"), &first);
        let other = writer(disk.process(if far { "far" } else { "desk" }), &second);
        let came: Arc<Mutex<Option<Came>>> = Arc::default();
        let (slot, clock) = (Arc::clone(&came), far.then(|| disk.clone()));
        silent.process.before(at, move || {
            let mut other = other;
            let store = other.take_over(clock.as_ref());
            *slot.lock().unwrap() = Some((other, store));
        });
        let first_ended = silent.write();
        let (mut other, store) = came.lock().unwrap().take().expect("it acts before an operation that comes");
        if let Some(store) = store {
            other.add(&store, vec![Entry::done(address(8), record("more"))]);
            match power {
                Some(seed) => disk.crash(seed),
                None => drop(store.finish()),
            }
        }
        // One came wholly after what the other was promised.
        let state = Store::read_only(&place(&disk.process("desk"))).unwrap().unwrap();
        let told = |one: &Writer, two: &Writer| -> Vec<Vec<Entry>> {
            let ends = |it: &Writer| (0..=it.tried.len()).map(|n| [&it.safe[..], &it.tried[..n]].concat()).collect();
            let (one, two): (Vec<Vec<Entry>>, Vec<Vec<Entry>>) = (ends(one), ends(two));
            one.iter().flat_map(|one| two.iter().map(|two| [&one[..], &two[..]].concat())).collect()
        };
        let allowed = [told(&silent, &other), told(&other, &silent)].concat();
        let same = |entries: &Vec<Entry>| {
            let one = fold(fresh(), entries);
            one.resources == state.resources && one.reactions == state.reactions
        };
        let told = [&silent, &other].map(|it| (brief(&fold(fresh(), &it.safe)), it.tried.len()));
        prop_assert!(allowed.iter().any(same), "{}\nfirst: {first_ended:?}; told: {told:#?}", brief(&state));
        // A lock of another machine has to be silent for a while.
        disk.advance(Duration::from_secs(61));
        let mut told = Told { safe: allowed.into_iter().find(|entries| same(entries)).unwrap(), ..Told::default() };
        all_is_well(&disk, &mut told)?;
    }
}

/// Who came between, and its store if it could take the lock.
type Came = (Writer, Option<Store>);

/// Somebody who writes beside another.
#[derive(Debug)]
struct Writer {
    process: Arc<SimulatedProcess>,
    batches: Vec<Batch>,
    /// Reads the state before it takes the lock.
    plans_first: bool,
    safe: Vec<Entry>,
    tried: Batch,
}

impl Writer {
    fn place(&self) -> Arc<dyn Place> {
        place(&self.process)
    }

    fn open(&self) -> Result<Store, StateError> {
        Store::open_or(&self.place(), fresh())
    }

    /// Adds a batch; says whether it was promised.
    fn add(&mut self, store: &Store, batch: Batch) -> bool {
        let added = store.append_all(batch.clone()).is_ok();
        if added { &mut self.safe } else { &mut self.tried }.extend(batch);
        added
    }

    /// A whole run.
    fn write(&mut self) -> Result<(), StateError> {
        let planned = if self.plans_first { Some(self.open()?) } else { None };
        let lease = acquire(&self.place(), "apply", Duration::ZERO)?;
        let store = match planned {
            Some(store) => store,
            None => self.open()?,
        };
        store.begin(lease, |_| {})?;
        for batch in self.batches.clone() {
            if !self.add(&store, batch) {
                break;
            }
        }
        store.finish()
    }

    /// Takes the lock, with patience where there is a clock, and writes; the end is left to the caller.
    fn take_over(&mut self, clock: Option<&SimulatedDisk>) -> Option<Store> {
        let mut claim = Claim::new(&self.place(), "apply").unwrap();
        let tries = if clock.is_some() { 4 } else { 1 };
        for _ in 0..tries {
            if let Attempt::Taken(lease) = claim.attempt().unwrap() {
                let store = self.open().unwrap();
                store.begin(*lease, |_| {}).unwrap();
                let well = self.batches.clone().into_iter().all(|batch| self.add(&store, batch));
                assert!(well, "who has just taken the lock can write");
                return Some(store);
            }
            if let Some(clock) = clock {
                clock.advance(Duration::from_secs(61));
            }
        }
        assert!(clock.is_none(), "a silent holder is taken over from");
        None
    }
}
