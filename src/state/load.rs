//! Reading a state file and its journal.

use std::io::ErrorKind;
use std::path::Path;

use super::backend::Backend;
use super::disk::{Disk, OpenFile};
use super::error::StateError;
use super::file;
use super::journal::{self, Journal};
use super::migrate::to_present;
use super::model::{State, Version};

/// The files on disk.
pub(super) struct Loaded {
    pub(super) state: State,
    /// The content of the state file, if it exists.
    pub(super) on_disk: Option<Version>,
    /// Entries in `state` that are not in the state file.
    pub(super) unfolded: usize,
    /// The journal that an earlier run has left.
    pub(super) left: Option<Box<dyn OpenFile>>,
}

/// Reads state and journal. The journal goes first: while someone else works, the state that is
/// read after it is the one that it continues, or a later one that holds all that it says.
pub(super) fn load(
    disk: &dyn Disk,
    backend: &dyn Backend,
    journal: &Path,
    fresh: impl FnOnce() -> State,
) -> Result<Loaded, StateError> {
    let left = match disk.open(journal) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(StateError::io("read", journal, &error)),
    };
    let bytes = left.as_ref().map(|left| left.read()).transpose();
    let bytes = bytes.map_err(|error| StateError::io("read", journal, &error))?;
    let found = bytes.map(|bytes| journal::parse(journal, &bytes)).transpose()?;
    let Journal { continues, entries } = found.unwrap_or_default();
    let Some(bytes) = backend.read()? else {
        return match continues {
            Some(version) => Err(foreign(journal, &version, None)),
            None => match gone(backend)? {
                Some(error) => Err(error),
                None => Ok(Loaded { state: fresh(), on_disk: None, unfolded: 0, left }),
            },
        };
    };
    let state = file::from_bytes(backend.path(), &bytes).map_err(|error| match error {
        StateError::Damaged { path, what, .. } => {
            let newest = backend.history().ok().and_then(|all| Some(all.last()?.serial));
            StateError::Damaged { path, what, newest }
        }
        other => other,
    })?;
    let version = state.version();
    match continues {
        Some(base) if base.lineage != version.lineage || base.serial > version.serial => {
            Err(foreign(journal, &base, Some(&version)))
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

/// Without a state file, whether one is missing: a generation that has records tells.
fn gone(backend: &dyn Backend) -> Result<Option<StateError>, StateError> {
    let read = |serial| Some(file::from_bytes(backend.path(), &backend.generation(serial).ok()?).ok()?.resources.len());
    let newest = backend.history()?.iter().rev().find_map(|one| Some((one.serial, read(one.serial)?)));
    let error = |(serial, resources)| StateError::Gone { path: backend.path().to_owned(), serial, resources };
    Ok(newest.filter(|(_, resources)| *resources > 0).map(error))
}

/// The first serial that no kept generation has, where there is no state to continue.
pub(super) fn next_serial(backend: &dyn Backend) -> Result<u64, StateError> {
    Ok(backend.history()?.last().map_or(1, |newest| newest.serial + 1))
}

fn foreign(journal: &Path, base: &Version, state: Option<&Version>) -> StateError {
    StateError::ForeignJournal {
        path: journal.to_owned(),
        journal: base.to_string(),
        state: state.map_or("missing".to_owned(), ToString::to_string),
    }
}
