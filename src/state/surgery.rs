//! Inspecting and replacing a whole state, even an unreadable one.
//!
//! Nothing is ever lost: the new state gets a later serial, and the previous one is set aside under a name that no
//! later write pushes out.

use std::sync::Arc;

use super::error::StateError;
use super::file;
use super::journal;
use super::load::{kept, next_serial};
use super::lock::Lease;
use super::model::State;
use super::place::{Aside, Expected, Generation, Named, Part, Place};
use super::store::{Store, check_cluster};

/// The state found in a place.
#[derive(Debug)]
pub enum Found {
    /// Nothing, and nothing is missing.
    Nothing,
    /// A readable state, including its journal.
    Whole(Box<Store>),
    /// A state that is damaged or missing, or whose journal is damaged or belongs to another state.
    Broken {
        /// What is wrong.
        why: StateError,
        /// The content of the file; none if it is missing.
        bytes: Option<Vec<u8>>,
    },
}

impl Found {
    /// Reads the state of this place.
    ///
    /// # Errors
    /// When the state cannot be read at all, or a newer mainstay wrote it.
    pub fn at(place: &Arc<dyn Place>) -> Result<Self, StateError> {
        let bytes = place.read()?;
        match Store::open_existing(place) {
            Ok(None) => Ok(Self::Nothing),
            Ok(Some(store)) => Ok(Self::Whole(Box::new(store))),
            Err(why) if why.is_damage() => Ok(Self::Broken { why, bytes }),
            Err(error) => Err(error),
        }
    }

    /// The state, where it can be read.
    pub fn state(&self) -> Option<State> {
        match self {
            Self::Whole(store) => Some(store.snapshot()),
            Self::Nothing | Self::Broken { .. } => None,
        }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The new serial.
    pub serial: u64,
    /// The names of the previous state and its journal.
    pub aside: Vec<Named>,
}

/// Writes `wanted` in the place of what was found: under its own serial if that is later than any
/// other, else under the next one.
///
/// # Errors
/// [`StateError::Moved`] when it is not there any more.
pub fn replace(
    place: &Arc<dyn Place>,
    found: Found,
    lease: Lease,
    operation: &str,
    mut wanted: State,
) -> Result<Replaced, StateError> {
    let bytes = match found {
        Found::Whole(store) => {
            let (serial, aside) = store.replace(lease, operation, wanted)?;
            return Ok(Replaced { serial, aside: vec![aside] });
        }
        Found::Nothing => None,
        Found::Broken { bytes, .. } => bytes,
    };
    let (writer, journal) = (lease.writer(), place.journal()?);
    wanted.serial = wanted.serial.max(next_serial(place.as_ref())?);
    let by = wanted.serial;
    let mut aside = Vec::new();
    if let Some(bytes) = &bytes {
        aside.push(writer.set_aside(Aside::Damaged { by }, bytes)?);
    }
    if let Some(journal) = &journal {
        aside.push(writer.set_aside(Aside::Journal { by }, &journal.bytes)?);
    }
    let expected = bytes.as_deref().map_or(Expected::Nothing, Expected::Unreadable);
    writer.replace(expected, &wanted.version(), &file::to_bytes(&wanted))?;
    if let Some(journal) = journal {
        journal.left.remove()?;
    }
    Ok(Replaced { serial: wanted.serial, aside })
}

/// The content of a saved version, or why it cannot be read.
pub type Content = Result<State, StateError>;

/// The saved versions with their content, oldest first.
pub fn history(place: &Arc<dyn Place>) -> Result<Vec<(Generation, Content)>, StateError> {
    let content = |one: &Generation| file::from_bytes(&one.name, &place.generation(one)?);
    Ok(kept(place.as_ref())?.into_iter().map(|one| (one.clone(), content(&one))).collect())
}

/// An earlier generation. Where the state file cannot be read and the journal continues this very
/// generation, with what the journal says: then nothing at all is lost. Also how many entries that
/// were.
///
/// # Errors
/// [`StateError::NoGeneration`], or that it cannot be read.
pub fn earlier(place: &Arc<dyn Place>, serial: u64, found: &Found) -> Result<(State, usize), StateError> {
    let one = place.generations()?.into_iter().find(|one| one.serial == serial);
    let one = one.ok_or_else(|| StateError::NoGeneration { at: place.name(Part::Generations), serial })?;
    let state = file::from_bytes(&one.name, &place.generation(&one)?)?;
    if let Found::Broken { .. } = found {
        let name = place.name(Part::Journal);
        let left = place.journal()?.and_then(|left| journal::parse(&name, &left.bytes).ok());
        if let Some(left) = left.filter(|left| left.continues.as_ref() == Some(&state.version())) {
            return Ok((journal::fold(state, &left.entries), left.entries.len()));
        }
    }
    Ok((state, 0))
}

/// Whether a state may be pushed over what was found: the same lineage, and a later serial. `false` if the states are
/// identical.
///
/// # Errors
/// Why not. [`StateError::OtherCluster`] holds with `force`, too.
pub fn check_push(place: &Arc<dyn Place>, found: &Found, pushed: &State, force: bool) -> Result<bool, StateError> {
    let now = match found {
        Found::Nothing => return Ok(true),
        Found::Broken { .. } if force => return Ok(true),
        Found::Broken { why, .. } => return Err(why.clone()),
        Found::Whole(store) => store.snapshot(),
    };
    check_cluster(place, pushed, &now.cluster)?;
    if now == *pushed {
        return Ok(false);
    }
    if force {
        return Ok(true);
    }
    let at = place.name(Part::State);
    if now.lineage != pushed.lineage {
        return Err(StateError::OtherLineage { at, found: now.version(), pushed: pushed.lineage.clone() });
    }
    match pushed.serial.cmp(&now.serial) {
        std::cmp::Ordering::Less => Err(StateError::OlderSerial { at, found: now.serial, pushed: pushed.serial }),
        std::cmp::Ordering::Equal => Err(StateError::SameSerial { at, serial: now.serial }),
        std::cmp::Ordering::Greater => Ok(true),
    }
}

#[cfg(test)]
mod tests;
