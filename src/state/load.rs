//! Reading a state and its journal.

use super::error::StateError;
use super::file;
use super::journal::{self, Journal};
use super::migrate::to_present;
use super::model::{State, Version};
use super::place::{Generation, Left, Part, Place};

/// What a place has.
pub(super) struct Loaded {
    pub(super) state: State,
    /// The version of the state there, if there is one.
    pub(super) on_disk: Option<Version>,
    /// Entries in `state` that are in the journal only.
    pub(super) unfolded: usize,
    /// The journal that an earlier run has left.
    pub(super) left: Option<Box<dyn Left>>,
}

/// Reads state and journal. The journal is read first: while another run works, the state that is read after it is the
/// the state that the journal continues, or a later state with all entries of the journal.
pub(super) fn load(place: &dyn Place, fresh: impl FnOnce() -> State) -> Result<Loaded, StateError> {
    let (bytes, left) = place.journal()?.map(|found| (found.bytes, found.left)).unzip();
    let found = bytes.map(|bytes| journal::parse(&place.name(Part::Journal), &bytes)).transpose()?;
    let Journal { continues, entries } = found.unwrap_or_default();
    let Some(bytes) = place.read()? else {
        return match continues {
            Some(version) => Err(foreign(place, &version, None)),
            None => match gone(place)? {
                Some(error) => Err(error),
                None => Ok(Loaded { state: fresh(), on_disk: None, unfolded: 0, left }),
            },
        };
    };
    let state = file::from_bytes(&place.name(Part::State), &bytes).map_err(|error| with_newest(place, error))?;
    let version = state.version();
    match continues {
        Some(base) if base.lineage != version.lineage || base.serial > version.serial => {
            Err(foreign(place, &base, Some(&version)))
        }
        Some(base) if base.serial == version.serial && !entries.is_empty() => {
            let (mut state, unfolded) = (state, entries.len());
            for entry in entries {
                entry.apply(&mut state);
            }
            // As it will be written: a plan made from it stays valid when that is done.
            state.serial += 1;
            Ok(Loaded { state: to_present(state), on_disk: Some(version), unfolded, left })
        }
        // No journal, or one that was folded in before a kill could remove it.
        _ => Ok(Loaded { state: to_present(state), on_disk: Some(version), unfolded: 0, left }),
    }
}

/// The saved versions up to the current one, oldest first; the last one is a copy of the state itself.
pub(super) fn kept(place: &dyn Place) -> Result<Vec<Generation>, StateError> {
    // A damaged state is when the history is needed most, and then its serial is not believed.
    let current = place.read()?.and_then(|bytes| file::from_bytes(&place.name(Part::State), &bytes).ok());
    let mut all = place.generations()?;
    all.retain(|one| current.as_ref().is_none_or(|current| one.serial <= current.serial));
    // Of a version that was set aside and is still among the last ten, the permanent copy is reported.
    all.dedup_by(|later, kept| {
        let same = later.serial == kept.serial;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
    Ok(all)
}

/// Adds to the error of a damaged state which version can be restored.
fn with_newest(place: &dyn Place, error: StateError) -> StateError {
    let StateError::Damaged { at, what, .. } = error else { return error };
    let newest = kept(place).ok().and_then(|all| Some(all.last()?.serial));
    StateError::Damaged { at, what, rescue: Some(newest.ok_or_else(|| place.name(Part::Generations))) }
}

/// Without a state, whether it is missing: a generation with resources shows that.
fn gone(place: &dyn Place) -> Result<Option<StateError>, StateError> {
    let read = |one: &Generation| Some(file::from_bytes(&one.name, &place.generation(one).ok()?).ok()?.resources.len());
    let newest = kept(place)?.into_iter().rev().find_map(|one| Some((one.serial, read(&one)?)));
    let (at, generations) = (place.name(Part::State), place.name(Part::Generations));
    let error = |(serial, resources)| StateError::Gone { at, generations, serial, resources };
    Ok(newest.filter(|(_, resources)| *resources > 0).map(error))
}

/// The first serial that no kept generation has, where there is no state to continue.
pub(super) fn next_serial(place: &dyn Place) -> Result<u64, StateError> {
    Ok(kept(place)?.last().map_or(1, |newest| newest.serial + 1))
}

fn foreign(place: &dyn Place, base: &Version, state: Option<&Version>) -> StateError {
    StateError::ForeignJournal {
        at: place.name(Part::Journal),
        journal: base.to_string(),
        state: state.map_or("missing".to_owned(), ToString::to_string),
    }
}
