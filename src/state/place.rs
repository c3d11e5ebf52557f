//! The place of a state: where state, generations, journal and lock are kept together.
//!
//! Code above this contract knows no file and no address. Messages take the name of a [`Part`] from its place. Reading
//! needs only a [`Place`]. Writing needs a [`Writer`], which a place gives only to the holder of its lock, so that a
//! place can make every write depend on the lock.
//!
//! The contract has four things, not named blobs, because a local directory does two things that no blob store can: a
//! kernel lock shows at once that a holder is gone, and the journal grows by one append and one fsync. A remote place
//! builds the same on five calls: get, create if absent, replace if unchanged, delete, list.
//!
//! | contract | local directory | five calls |
//! |---|---|---|
//! | [`Place::read`] | read the file | get `state.json` |
//! | [`Writer::replace`] | write the generation, compare, rename | create the generation, replace if the tag is unchanged |
//! | [`Place::journal`] | read the file | list, then get each batch |
//! | [`Journal::append`] | append, fsync | create batch N; the next lock holder seals the list |
//! | [`Place::take`] | link the lock file, `flock` | create `lease.json`, or replace a free one with the next epoch |
//! | [`Writer::renew`] | rewrite the time in the file | replace `lease.json` if it still has our epoch |
//! | [`Left::remove`] | unlink if it is the same file | delete or replace if the tag is unchanged |
//!
//! A database puts serial and epoch into the condition of one statement. Terraform's HTTP protocol maps the lock to
//! LOCK and UNLOCK, compares by serial, keeps the journal as a second state, and has no list: it returns no neighbours.
//!
//! Guarantees of every place, tested by `contract.rs` against each of them:
//! - At most one writer passes [`Writer::check`]. A lock that was broken or taken over never passes it again.
//! - A replacement is complete or absent, and refused if the state is not the expected one.
//! - An append that succeeds is durable, and the next lock holder reads it.
//! - The last ten generations are kept; a copy that was set aside is kept until somebody removes it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use super::disk::Machine;
use super::error::StateError;
use super::file;
use super::holder::Holder;
use super::model::Version;

#[cfg(test)]
mod blobs;
#[cfg(test)]
mod contract;
mod generations;
mod local;
mod named;

pub(super) use generations::Aside;
pub use generations::Generation;
#[cfg(test)]
pub(super) use generations::KEPT;
pub use local::{local, local_on};
pub use named::{Named, Part};

/// Where state, generations, journal and lock of one cluster are kept.
pub trait Place: Send + Sync + Debug {
    /// The name of a part, for messages.
    fn name(&self, part: Part) -> Named;

    /// This machine: its clock, and its name as the holder of a lock.
    fn machine(&self) -> &dyn Machine;

    /// The time limits of the lock.
    fn timing(&self) -> Timing;

    /// The bytes of the state; none when there is no state yet.
    fn read(&self) -> Result<Option<Vec<u8>>, StateError>;

    /// All kept versions, in order of [`Generation::order`].
    fn generations(&self) -> Result<Vec<Generation>, StateError>;

    /// The bytes of one of them.
    fn generation(&self, kept: &Generation) -> Result<Vec<u8>, StateError>;

    /// The journal; none when there is none.
    fn journal(&self) -> Result<Option<LeftJournal>, StateError>;

    /// Creates or checks what the place needs before its lock can be taken.
    fn prepare(&self) -> Result<(), StateError>;

    /// The lock as it is now, seen by the process `here`.
    fn lock(&self, here: &Holder, purpose: Purpose) -> Result<Lock, StateError>;

    /// Takes the lock for this holder; none when another process was faster.
    fn take(&self, holder: Holder) -> Result<Option<Arc<dyn Writer>>, StateError>;

    /// The states of other clusters next to this one, as far as the place can list them.
    fn neighbours(&self) -> Result<Vec<Arc<dyn Place>>, StateError>;
}

/// A place as the holder of its lock sees it: all that can be written there.
pub trait Writer: Send + Sync + Debug {
    /// The holder.
    fn holder(&self) -> &Holder;

    /// Checks that the lock is still ours. Cheap enough to be called before each write.
    ///
    /// # Errors
    /// [`StateError::LockLost`] when it was broken or taken over.
    fn check(&self) -> Result<(), StateError>;

    /// Renews the lease, after the same check.
    fn renew(&self) -> Result<(), StateError>;

    /// Gives the lock back if it is still ours. An error cannot be reported: the lease then expires.
    fn release(&self);

    /// Replaces the state by `bytes`, which hold version `next`, and keeps a copy as a generation.
    ///
    /// # Errors
    /// [`StateError::Moved`] when the state is not the expected one; [`StateError::LockLost`].
    fn replace(&self, expected: Expected<'_>, next: &Version, bytes: &[u8]) -> Result<(), StateError>;

    /// Keeps these bytes next to the generations until somebody removes them. Returns their name.
    fn set_aside(&self, aside: Aside<'_>, bytes: &[u8]) -> Result<Named, StateError>;

    /// Creates the journal that continues this version and has this first line.
    fn create_journal(&self, continues: &Version, first: &str) -> Result<Box<dyn Journal>, StateError>;
}

/// A journal that this run writes.
pub trait Journal: Left {
    /// Adds a batch, whole or not at all. When this returns, the batch is durable and visible to the next lock holder.
    ///
    /// # Errors
    /// [`StateError::LockLost`] when the next lock holder may have read the journal without the batch.
    fn append(&mut self, batch: &str) -> Result<(), StateError>;
}

/// Something found in a place, or left there.
pub trait Left: Send + Sync + Debug {
    /// Removes it, unless another process has replaced it.
    fn remove(&self) -> Result<(), StateError>;
}

/// A journal as found.
#[derive(Debug)]
pub struct LeftJournal {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The journal, to be removed when it has been merged.
    pub left: Box<dyn Left>,
}

/// The lock of a place.
#[derive(Debug)]
pub enum Lock {
    /// Nobody holds it.
    Free,
    /// It has a holder. While this value exists, no other process removes the lock of a dead holder.
    Held {
        /// The holder.
        holder: Box<Holder>,
        /// Whether the holder is alive, as far as the place can tell at once.
        held: Held,
        /// The lock, to be broken or taken over.
        left: Box<dyn Left>,
    },
    /// It is held, but the holder cannot be read.
    Unreadable {
        /// Why.
        reason: String,
    },
}

impl Lock {
    /// Why the lock with this name cannot be taken.
    pub(super) fn refusal(self, at: Named) -> StateError {
        match self {
            Self::Held { holder, .. } => StateError::Locked { at, holder },
            Self::Unreadable { reason } => StateError::LockUnreadable { at, reason },
            Self::Free => StateError::LockUnreadable { at, reason: "it appears and disappears".to_owned() },
        }
    }
}

/// Why a lock is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To show it. Several processes may do so at the same time.
    Show,
    /// To take it over or to break it.
    Take,
}

/// Whether the holder of a lock is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Its process runs on this machine.
    Alive,
    /// It runs on another machine and renews its lease.
    Elsewhere,
    /// It ran on another machine and did not renew its lease while it was watched.
    Silent,
    /// Its process ran on this machine and is gone; the next run takes over the lock.
    Gone,
}

/// The state that a replacement expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// No state.
    Nothing,
    /// This version.
    Version(&'a Version),
    /// Exactly these bytes, which cannot be read as a state.
    Unreadable(&'a [u8]),
}

impl<'a> From<Option<&'a Version>> for Expected<'a> {
    fn from(version: Option<&'a Version>) -> Self {
        version.map_or(Self::Nothing, Self::Version)
    }
}

impl Expected<'_> {
    /// Compares with the state that was found; `at` is its name.
    ///
    /// # Errors
    /// [`StateError::Moved`] when they differ.
    pub(super) fn check(self, at: &Named, found: Option<&[u8]>) -> Result<(), StateError> {
        let moved = |expected: String, found: String| StateError::Moved { at: at.clone(), expected, found };
        if let Self::Unreadable(bytes) = self {
            let same = found == Some(bytes);
            return if same {
                Ok(())
            } else {
                Err(moved("an unreadable state".to_owned(), "a different state".to_owned()))
            };
        }
        let expected = if let Self::Version(version) = self { Some(version) } else { None };
        let found = found.map(|bytes| file::version(at, bytes)).transpose()?;
        if found.as_ref() == expected {
            return Ok(());
        }
        let text = |version: Option<&Version>| version.map_or("no state".to_owned(), ToString::to_string);
        Err(moved(text(expected), text(found.as_ref())))
    }
}

/// The time limits of a lock.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// A lease that was not renewed for so long may have lost its holder.
    pub lease: Duration,
    /// A holder renews this often: a sixth of the lease, so that a slow disk does not lose it.
    pub renewal: Duration,
    /// How long a lease that seems expired is watched before it is taken over, because the clocks
    /// of two machines may differ: longer than a renewal.
    pub watch: Duration,
}

impl Timing {
    pub(super) const DEFAULT: Self =
        Self { lease: Duration::from_mins(1), renewal: Duration::from_secs(10), watch: Duration::from_secs(15) };
}
