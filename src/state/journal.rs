//! The journal: all changes since the state file was written, one JSON object per line.
//!
//! Each line carries a checksum of the rest of the line and the number of the first line of its
//! batch. A batch is one write and one fsync, and the next batch is not written before the fsync
//! has returned. Hence the rule by which a kill or a power cut is told from damage: a bad line
//! whose batch is the last one was never promised to anybody and is dropped with what follows; a
//! bad line before a later batch had been safe, and is an error.

use std::borrow::Cow;
use std::collections::btree_map::Entry as MapEntry;

use serde::{Deserialize, Serialize};

use super::error::StateError;
use super::model::{FORMAT, Record, State, Status, Version};
use super::place::Named;
use crate::resource::{Address, sha256_hex};

/// One thing that happened, or is about to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// An act is about to begin. Written before the host is touched.
    Intent {
        /// The resource.
        address: Address,
        /// The entry to keep if the end is never recorded: interrupted, with what was there before.
        record: Box<Record>,
        /// Resources that must act because this one changes.
        reactions: Vec<Address>,
    },
    /// A step learned something that destroy will need.
    Kept {
        /// The resource.
        address: Address,
        /// Name of the value.
        name: String,
        /// The value.
        value: String,
    },
    /// The act ended and the resource is as declared; or it was adopted.
    Done {
        /// The resource.
        address: Address,
        /// The state entry.
        record: Box<Record>,
    },
    /// The resource was destroyed, or is no longer managed.
    Forgotten {
        /// The resource.
        address: Address,
    },
    /// The resource has reacted to all that it owed a reaction to.
    Reacted {
        /// The resource.
        address: Address,
    },
}

impl Entry {
    /// An act on this resource is about to begin.
    pub fn intent(address: Address, record: Record, reactions: Vec<Address>) -> Self {
        let record = Box::new(Record { status: Status::Interrupted, ..record });
        Self::Intent { address, record, reactions }
    }

    /// The act on this resource ended, or it was adopted: it is ready.
    pub fn done(address: Address, record: Record) -> Self {
        Self::Done { address, record: Box::new(Record { status: Status::Ready, ..record }) }
    }

    /// Changes the state as this entry says. Never fails: an entry about what is not recorded
    /// changes nothing.
    pub(super) fn apply(self, state: &mut State) {
        match self {
            Self::Intent { address, record, reactions } => {
                for owing in reactions {
                    state.reactions.entry(owing).or_default().insert(address.clone());
                }
                remember(state, address, *record);
            }
            Self::Kept { address, name, value } => {
                if let Some(record) = state.resources.get_mut(&address) {
                    record.prior.kept.insert(name, value);
                }
            }
            Self::Done { address, record } => remember(state, address, *record),
            Self::Forgotten { address } => {
                state.resources.remove(&address);
                state.reactions.remove(&address);
            }
            Self::Reacted { address } => {
                state.reactions.remove(&address);
            }
        }
    }

    /// Whether it records a completed event, not an intent.
    pub(super) fn is_fact(&self) -> bool {
        !matches!(self, Self::Intent { .. })
    }
}

/// Records a resource. What steps had learned before stays, unless the new record says otherwise.
fn remember(state: &mut State, address: Address, record: Record) {
    match state.resources.entry(address) {
        MapEntry::Vacant(free) => drop(free.insert(record)),
        MapEntry::Occupied(mut taken) => {
            let old = std::mem::replace(taken.get_mut(), record);
            let kept = &mut taken.get_mut().prior.kept;
            for (name, value) in old.prior.kept {
                kept.entry(name).or_insert(value);
            }
        }
    }
}

/// The state after these entries. Its serial does not change.
#[must_use]
pub fn fold(mut state: State, entries: &[Entry]) -> State {
    for entry in entries {
        entry.clone().apply(&mut state);
    }
    state
}

/// The first line: lineage and serial that the journal continues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Base {
    format: u32,
    lineage: String,
    serial: u64,
}

impl Base {
    fn of(version: &Version) -> Self {
        Self { format: FORMAT, lineage: version.lineage.clone(), serial: version.serial }
    }
}

/// A line without its checksum.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    batch: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<Base>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry: Option<Cow<'a, Entry>>,
}

const BEFORE: &str = "{\"sum\":\"";
const AFTER: &str = "\",";

impl Line<'_> {
    fn append(&self, text: &mut String) {
        let json = serde_json::to_string(self).expect("an entry has text keys and no failing serializer");
        let rest = &json[1..];
        for part in [BEFORE, &sha256_hex(rest.as_bytes()), AFTER, rest, "\n"] {
            text.push_str(part);
        }
    }

    fn parse(line: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(line).map_err(|error| format!("is not text: {error}"))?;
        let (sum, rest) = text
            .strip_prefix(BEFORE)
            .and_then(|text| text.split_once(AFTER))
            .ok_or("has no checksum at its beginning")?;
        if sha256_hex(rest.as_bytes()) != sum {
            return Err("checksum mismatch".to_owned());
        }
        serde_json::from_str(&format!("{{{rest}")).map_err(|error| format!("cannot be parsed: {error}"))
    }
}

/// The first line of a journal that continues this state.
pub(super) fn first_line(version: &Version) -> String {
    let mut text = String::new();
    Line { batch: 0, base: Some(Base::of(version)), entry: None }.append(&mut text);
    text
}

/// The lines of one batch; `first` is the number of its first line in the file, from 0.
pub(super) fn batch(first: usize, entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        Line { batch: first, base: None, entry: Some(Cow::Borrowed(entry)) }.append(&mut text);
    }
    text
}

/// A journal as read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Journal {
    /// Lineage and serial that it continues; none if its first line is truncated.
    pub(super) continues: Option<Version>,
    /// The entries.
    pub(super) entries: Vec<Entry>,
}

/// Reads a journal; `at` is its name in messages.
pub(super) fn parse(at: &Named, bytes: &[u8]) -> Result<Journal, StateError> {
    let damaged = |line: usize, what: String| StateError::DamagedJournal { at: at.clone(), line: line + 1, what };
    let mut journal = Journal::default();
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').enumerate();
    while let Some((number, line)) = lines.next() {
        // Without its newline the line was cut off.
        let parsed = line.strip_suffix(b"\n").ok_or_else(|| "is truncated".to_owned()).and_then(Line::parse);
        match parsed {
            Ok(Line { base: Some(base), entry: None, .. }) if number == 0 => {
                if base.format > FORMAT {
                    return Err(StateError::Newer { at: at.clone(), found: base.format, known: FORMAT });
                }
                journal.continues = Some(Version { lineage: base.lineage, serial: base.serial });
            }
            Ok(Line { base: None, entry: Some(entry), .. }) if number > 0 => journal.entries.push(entry.into_owned()),
            Ok(_) => return Err(damaged(number, "is out of order".to_owned())),
            Err(what) => {
                let later = lines.filter_map(|(_, line)| Line::parse(line.strip_suffix(b"\n")?).ok());
                if later.into_iter().any(|line| line.batch > number) {
                    return Err(damaged(number, what));
                }
                break;
            }
        }
    }
    Ok(journal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{address, interrupted, record};
    use super::*;

    fn base() -> State {
        State::fresh("lab", "11111111-2222-4333-8444-555555555555".into(), "5a17".into())
    }

    fn name() -> Named {
        Named::new(&"state/lab.journal")
    }

    fn intent(n: usize, reactions: &[usize]) -> Entry {
        let reactions = reactions.iter().copied().map(address).collect();
        Entry::Intent { address: address(n), record: Box::new(interrupted("a")), reactions }
    }

    fn done(n: usize, mark: &str) -> Entry {
        Entry::Done { address: address(n), record: Box::new(record(mark)) }
    }

    /// A journal of these batches, and where each line ends.
    fn written(batches: &[Vec<Entry>]) -> Vec<u8> {
        let mut text = first_line(&base().version());
        for entries in batches {
            let first = text.lines().count();
            text.push_str(&batch(first, entries));
        }
        text.into_bytes()
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let at = || (0..6usize).prop_map(address);
        prop_oneof![
            (at(), "[a-z\"\\\\\n]{0,8}", prop::collection::vec(at(), 0..3)).prop_map(|(address, mark, reactions)| {
                Entry::Intent { address, record: Box::new(interrupted(&mark)), reactions }
            }),
            (at(), "[A-Z]{1,4}", any::<String>()).prop_map(|(address, name, value)| Entry::Kept {
                address,
                name,
                value
            }),
            (at(), any::<String>())
                .prop_map(|(address, mark)| Entry::Done { address, record: Box::new(record(&mark)) }),
            at().prop_map(|address| Entry::Forgotten { address }),
            at().prop_map(|address| Entry::Reacted { address }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn a_journal_cut_at_any_byte_gives_all_that_was_whole(
            batches in prop::collection::vec(prop::collection::vec(entry(), 1..3), 0..4),
        ) {
            let bytes = written(&batches);
            let entries: Vec<Entry> = batches.concat();
            for end in 0..=bytes.len() {
                let whole = bytes[..end].split(|&byte| byte == b'\n').count() - 1;
                let read = parse(&name(), &bytes[..end]).unwrap();
                prop_assert_eq!(read.continues.is_some(), whole > 0);
                prop_assert_eq!(&read.entries[..], &entries[..whole.saturating_sub(1)]);
            }
            // Every Done that nothing follows is in the state, ready.
            let state = fold(base(), &entries);
            for (at, entry) in entries.iter().enumerate() {
                let Entry::Done { address, record } = entry else { continue };
                let touches = |other: &Entry| matches!(other,
                    Entry::Intent { address: a, .. } | Entry::Done { address: a, .. } | Entry::Forgotten { address: a }
                        if a == address);
                if !entries[at + 1..].iter().any(touches) {
                    prop_assert_eq!(&state.resources[address].attributes, &record.attributes);
                    prop_assert_eq!(state.resources[address].status, super::super::Status::Ready);
                }
            }
        }

        #[test]
        fn a_changed_byte_before_the_last_batch_is_an_error_and_never_another_entry(
            batches in prop::collection::vec(prop::collection::vec(entry(), 1..3), 2..4),
            at in any::<prop::sample::Index>(),
            bit in 0..8u8,
        ) {
            let mut bytes = written(&batches);
            let last = written(&batches[..batches.len() - 1]).len();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let entries: Vec<Entry> = batches.concat();
            match parse(&name(), &bytes) {
                Ok(read) => {
                    prop_assert!(at >= last, "damage at {at} of {last} went unseen");
                    prop_assert_eq!(&read.entries[..], &entries[..read.entries.len()]);
                }
                Err(error) => prop_assert!(matches!(error, StateError::DamagedJournal { .. }), "{}", error),
            }
        }
    }

    #[test]
    fn a_power_cut_that_loses_the_middle_of_the_last_batch_is_no_damage() {
        let kept = written(&[vec![intent(1, &[])]]);
        let mut bytes = written(&[vec![intent(1, &[])], vec![done(1, "a"), done(2, "b"), done(3, "c")]]);
        bytes[kept.len() + 10..kept.len() + 40].fill(0);
        assert_eq!(parse(&name(), &bytes).unwrap().entries, [intent(1, &[])]);
    }

    #[test]
    fn the_message_names_file_and_line() {
        let mut bytes = written(&[vec![intent(1, &[])], vec![done(1, "a")]]);
        let second = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 100;
        bytes[second] ^= 1;
        let error = parse(&name(), &bytes).unwrap_err();
        assert_eq!(error.to_string(), "state/lab.journal: line 2: checksum mismatch");
    }

    #[test]
    fn a_journal_of_a_newer_format_is_refused() {
        let mut text = String::new();
        let base = Base { format: 9, ..Base::of(&base().version()) };
        Line { batch: 0, base: Some(base), entry: None }.append(&mut text);
        assert!(matches!(parse(&name(), text.as_bytes()), Err(StateError::Newer { found: 9, .. })));
    }

    #[test]
    fn an_intent_without_its_end_stays_interrupted_and_its_reactions_stay_owed() {
        let state =
            fold(base(), &[intent(1, &[2, 3]), intent(4, &[2]), done(4, "d"), Entry::Reacted { address: address(3) }]);
        assert_eq!(state.resources[&address(1)].status, super::super::Status::Interrupted);
        assert_eq!(state.resources[&address(4)].status, super::super::Status::Ready);
        assert_eq!(state.reactions.keys().collect::<Vec<_>>(), [&address(2)]);
        assert_eq!(state.reactions[&address(2)], [address(1), address(4)].into());
    }

    #[test]
    fn what_steps_learned_survives_done_and_goes_with_the_record() {
        let kept = Entry::Kept { address: address(1), name: "PULLED".into(), value: "socat".into() };
        let entries = [intent(1, &[]), kept.clone(), done(1, "a")];
        assert_eq!(fold(base(), &entries).resources[&address(1)].prior.kept["PULLED"], "socat");
        let gone = Entry::Forgotten { address: address(1) };
        let state = fold(base(), &[&entries[..], &[gone, kept, intent(1, &[])]].concat());
        assert!(state.resources[&address(1)].prior.kept.is_empty());
    }
}
