//! Inspecting and replacing a whole state, even an unreadable one.
//!
//! Nothing is ever lost: the new state gets a later serial, and the previous one is set aside under a name that no
//! later write pushes out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backend::{Backend, Generation};
use super::disk::{self, Disk};
use super::error::StateError;
use super::file;
use super::journal;
use super::load::next_serial;
use super::local::{self, LocalFile};
use super::lock::Lease;
use super::model::State;
use super::paths::Paths;
use super::store::Store;

/// The state found at a path.
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
    /// Looks.
    ///
    /// # Errors
    /// When the file cannot be read at all, or a newer mainstay wrote it.
    pub fn at(path: &Path) -> Result<Self, StateError> {
        Self::at_on(disk::real(), path)
    }

    /// The same on another disk.
    pub fn at_on(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, StateError> {
        let bytes = LocalFile::new_on(Arc::clone(&disk), path).read()?;
        match Store::open_existing_on(disk, path) {
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
    /// Paths of the previous state.
    pub aside: Vec<PathBuf>,
}

/// Writes `wanted` in the place of what was found: under its own serial if that is later than any
/// other, else under the next one.
///
/// # Errors
/// [`StateError::Moved`] when it is not there any more.
pub fn replace(
    path: &Path,
    found: Found,
    lease: Lease,
    operation: &str,
    wanted: State,
) -> Result<Replaced, StateError> {
    replace_on(&disk::real(), path, found, lease, operation, wanted)
}

/// The same on another disk.
pub fn replace_on(
    disk: &Arc<dyn Disk>,
    path: &Path,
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
    let backend = LocalFile::new_on(Arc::clone(disk), path);
    let journal = Paths::new(path).journal;
    wanted.serial = wanted.serial.max(next_serial(&backend)?);
    let name = |what: &str| format!("{what}-replaced-by-{}", wanted.serial);
    let mut aside = Vec::new();
    if let Some(bytes) = &bytes {
        aside.push(backend.set_aside(&name("damaged"), bytes)?);
    }
    if let Some(entries) = local::read(disk.as_ref(), &journal)? {
        aside.push(backend.set_aside(&name("journal"), &entries)?);
    }
    backend.write_over(bytes.as_deref(), &wanted.version(), &file::to_bytes(&wanted), &|| lease.check())?;
    local::remove(disk.as_ref(), &journal)?;
    Ok(Replaced { serial: wanted.serial, aside })
}

/// The content of a saved version, or why it cannot be read.
pub type Content = Result<State, StateError>;

/// The saved versions with their content, oldest first.
pub fn history(path: &Path) -> Result<Vec<(Generation, Content)>, StateError> {
    history_on(&disk::real(), path)
}

/// The same on another disk.
pub fn history_on(disk: &Arc<dyn Disk>, path: &Path) -> Result<Vec<(Generation, Content)>, StateError> {
    let all = LocalFile::new_on(Arc::clone(disk), path).history()?;
    Ok(all.into_iter().map(|one| (one.clone(), whole(disk.as_ref(), &one.path))).collect())
}

fn whole(disk: &dyn Disk, path: &Path) -> Content {
    let bytes = disk.read(path).map_err(|error| StateError::io("read", path, &error))?;
    file::from_bytes(path, &bytes)
}

/// An earlier generation. Where the state file cannot be read and the journal continues this very
/// generation, with what the journal says: then nothing at all is lost. Also how many entries that
/// were.
///
/// # Errors
/// [`StateError::NoGeneration`], or that it cannot be read.
pub fn earlier(path: &Path, serial: u64, found: &Found) -> Result<(State, usize), StateError> {
    earlier_on(&disk::real(), path, serial, found)
}

/// The same on another disk.
pub fn earlier_on(disk: &Arc<dyn Disk>, path: &Path, serial: u64, found: &Found) -> Result<(State, usize), StateError> {
    let bytes = LocalFile::new_on(Arc::clone(disk), path).generation(serial)?;
    let state = file::from_bytes(&Paths::new(path).backups.join(format!("{serial}.json")), &bytes)?;
    if let Found::Broken { .. } = found {
        let journal = Paths::new(path).journal;
        let left = local::read(disk.as_ref(), &journal)?.and_then(|bytes| journal::parse(&journal, &bytes).ok());
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
pub fn check_push(path: &Path, found: &Found, pushed: &State, force: bool) -> Result<bool, StateError> {
    let path = path.to_owned();
    let now = match found {
        Found::Nothing => return Ok(true),
        Found::Broken { .. } if force => return Ok(true),
        Found::Broken { why, .. } => return Err(why.clone()),
        Found::Whole(store) => store.snapshot(),
    };
    if now.cluster != pushed.cluster {
        let (found, wanted) = (pushed.cluster.clone(), now.cluster);
        return Err(StateError::OtherCluster { path, found, wanted });
    }
    if now == *pushed {
        return Ok(false);
    }
    if force {
        return Ok(true);
    }
    if now.lineage != pushed.lineage {
        return Err(StateError::OtherLineage { path, found: now.version(), pushed: pushed.lineage.clone() });
    }
    match pushed.serial.cmp(&now.serial) {
        std::cmp::Ordering::Less => Err(StateError::OlderSerial { path, found: now.serial, pushed: pushed.serial }),
        std::cmp::Ordering::Equal => Err(StateError::SameSerial { path, serial: now.serial }),
        std::cmp::Ordering::Greater => Ok(true),
    }
}

#[cfg(test)]
mod tests;
