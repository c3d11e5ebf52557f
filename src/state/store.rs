//! The store: the state and the journal of a place, and the state in memory, for many tasks at a time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::batches::Appending;
use super::error::StateError;
use super::file;
use super::journal::Entry;
use super::load::{Loaded, load, next_serial};
use super::lock::Lease;
use super::model::{Record, State, Version};
use super::place::{Aside, Named, Part, Place};
use crate::resource::Address;

/// A state that is read, changed entry by entry, and written.
///
/// Reading needs no lock. Writing needs a [`Lease`], handed over in [`Store::begin`] and given back
/// by [`Store::finish`]. In between any number of threads ([`Store::append_all`]) and tasks
/// ([`Store::add`]) may add entries; each call returns when its entries are on disk, and those that
/// come at the same time share one fsync.
#[derive(Debug)]
pub struct Store {
    place: Arc<dyn Place>,
    inner: Mutex<Inner>,
    /// A batch was written, for threads and for tasks.
    pub(super) settled: Condvar,
    pub(super) batch_ended: Notify,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) state: State,
    /// The version of the state in the place, if there is one.
    pub(super) on_disk: Option<Version>,
    /// Entries in `state` that are in the journal only.
    pub(super) unfolded: usize,
    pub(super) writing: Option<Writing>,
    /// Entries that wait for the next batch, how many ever came, and how many are on disk.
    pub(super) queue: Vec<Entry>,
    pub(super) came: u64,
    pub(super) written: u64,
    /// Whether some caller is writing a batch now.
    pub(super) flushing: bool,
    /// Why nothing can be written any more. What an fsync that failed has left on disk is
    /// unknown, so it is not tried again.
    pub(super) failed: Option<StateError>,
}

#[derive(Debug)]
pub(super) struct Writing {
    pub(super) lease: Arc<Lease>,
    /// Created with the first entry, so that a run that finds nothing to do writes nothing.
    pub(super) journal: Option<Appending>,
}

impl Store {
    /// Reads the state of this place, with what its journal says; without a state, the state of a
    /// cluster of which nothing is made yet. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// When the state or its journal cannot be read, are damaged, newer than us or of another
    /// cluster.
    pub fn open(place: &Arc<dyn Place>, cluster: &str) -> Result<Self, StateError> {
        Self::open_or(place, State::new(cluster))
    }

    /// The same with a given state in place of one that does not exist, for a saved first plan
    /// ([`State::fresh`]).
    pub fn open_or(place: &Arc<dyn Place>, fresh: State) -> Result<Self, StateError> {
        let wanted = fresh.cluster.clone();
        let store = Self::load(place, fresh)?;
        store.with(|state| check_cluster(place, state, &wanted))?;
        Ok(store)
    }

    /// The state of this place, whatever its cluster's name; none when there is no state.
    pub fn open_existing(place: &Arc<dyn Place>) -> Result<Option<Self>, StateError> {
        let store = Self::load(place, State::new(""))?;
        let exists = store.lock().on_disk.is_some();
        Ok(exists.then_some(store))
    }

    fn load(place: &Arc<dyn Place>, fresh: State) -> Result<Self, StateError> {
        let Loaded { state, on_disk, unfolded, .. } = load(place.as_ref(), || fresh)?;
        let inner = Inner {
            state,
            on_disk,
            unfolded,
            writing: None,
            queue: Vec::new(),
            came: 0,
            written: 0,
            flushing: false,
            failed: None,
        };
        Ok(Self {
            place: Arc::clone(place),
            inner: Mutex::new(inner),
            settled: Condvar::new(),
            batch_ended: Notify::new(),
        })
    }

    /// The state of this place with what its journal says, for those who only look, whatever the
    /// cluster's name; none when there is no state.
    pub fn read_only(place: &Arc<dyn Place>) -> Result<Option<State>, StateError> {
        let store = Self::open_existing(place)?;
        Ok(store.map(|store| store.inner.into_inner().unwrap_or_else(PoisonError::into_inner).state))
    }

    /// A call outside begin and finish.
    pub(super) fn not_begun(&self) -> StateError {
        StateError::NotBegun { at: self.place.name(Part::State) }
    }

    /// Says that the run lives, see [`Lease::renew`]; nothing to do outside of begin and finish.
    pub fn renew(&self) -> Result<(), StateError> {
        let lease = self.lock().writing.as_ref().map(|writing| Arc::clone(&writing.lease));
        lease.map_or(Ok(()), |lease| lease.renew())
    }

    /// A copy of the state as it is now.
    pub fn snapshot(&self) -> State {
        self.lock().state.clone()
    }

    /// The current state entry at this address.
    pub fn record(&self, address: &Address) -> Option<Record> {
        self.lock().state.record(address).cloned()
    }

    /// Reads the state in place; `look` must be brief and must not call the store.
    pub fn with<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock().state)
    }

    /// Begins to write, under this lease. `edit` changes what no entry changes (hosts, pod ranges;
    /// everything, for surgery on the state). The state file is written when there is none yet,
    /// when the journal of an earlier run is to be folded in, or when `edit` has changed something.
    ///
    /// # Errors
    /// [`StateError::Moved`] when someone else wrote since the state was read; the lease is given
    /// back on every error.
    pub fn begin(&self, lease: Lease, edit: impl FnOnce(&mut State)) -> Result<(), StateError> {
        let mut inner = self.lock();
        lease.writer().check()?;
        let now = load(self.place.as_ref(), || inner.state.clone())?;
        let Loaded { on_disk, unfolded, left, .. } = now;
        if (&on_disk, unfolded) != (&inner.on_disk, inner.unfolded) {
            let text = |disk: Option<&Version>, unfolded: usize| match disk {
                Some(version) => format!("{version} with {unfolded} entries in the journal"),
                None => "no state".to_owned(),
            };
            return Err(StateError::Moved {
                at: self.place.name(Part::State),
                expected: text(inner.on_disk.as_ref(), inner.unfolded),
                found: text(on_disk.as_ref(), unfolded),
            });
        }
        let mut edited = inner.state.clone();
        edit(&mut edited);
        if inner.on_disk.is_none() || inner.unfolded > 0 || edited != inner.state {
            self.save(&mut inner, &lease, edited)?;
        }
        if let Some(left) = left {
            left.remove()?;
        }
        inner.writing = Some(Writing { lease: Arc::new(lease), journal: None });
        Ok(())
    }

    /// Ends writing: folds the journal into the state file, which grows by one serial, and gives
    /// the lock back. Without entries since [`Store::begin`] nothing is written.
    ///
    /// # Errors
    /// When the state file cannot be written. The journal stays then, and the next run folds it in.
    pub fn finish(&self) -> Result<(), StateError> {
        self.finish_with(|_| {})
    }

    /// The same, with a last change of what no entry changes, for example hosts that have no
    /// records any more.
    pub fn finish_with(&self, edit: impl FnOnce(&mut State)) -> Result<(), StateError> {
        let mut inner = self.drain(self.lock());
        let Some(writing) = inner.writing.take() else {
            return Ok(());
        };
        writing.lease.writer().check()?;
        let mut edited = inner.state.clone();
        edit(&mut edited);
        if inner.unfolded > 0 || edited != inner.state {
            self.save(&mut inner, &writing.lease, edited)?;
        }
        inner.failed = None;
        writing.journal.map_or(Ok(()), |journal| journal.remove())
    }

    /// Surgery: writes `wanted`, lineage included, as a later serial, after what is there was set aside
    /// under a name that no later write pushes out. Returns the new serial and that name.
    pub(super) fn replace(&self, lease: Lease, operation: &str, mut wanted: State) -> Result<(u64, Named), StateError> {
        self.begin(lease, |_| {})?;
        let mut inner = self.lock();
        let Some(writing) = inner.writing.take() else {
            return Err(self.not_begun());
        };
        let (writer, serial) = (writing.lease.writer(), inner.state.serial);
        let aside = writer.set_aside(Aside::Before { serial, command: operation }, &file::to_bytes(&inner.state))?;
        wanted.serial = wanted.serial.max(serial + 1);
        let version = wanted.version();
        writer.replace(inner.on_disk.as_ref().into(), &version, &file::to_bytes(&wanted))?;
        inner.on_disk = Some(version);
        inner.state = wanted;
        Ok((inner.state.serial, aside))
    }

    fn save(&self, inner: &mut Inner, lease: &Lease, mut state: State) -> Result<(), StateError> {
        // Lineage and serial are never edited, because other runs compare them.
        state.lineage.clone_from(&inner.state.lineage);
        state.serial = match &inner.on_disk {
            Some(version) => version.serial + 1,
            None => next_serial(self.place.as_ref())?,
        };
        let version = state.version();
        lease.writer().replace(inner.on_disk.as_ref().into(), &version, &file::to_bytes(&state))?;
        inner.state = state;
        inner.on_disk = Some(version);
        inner.unfolded = 0;
        Ok(())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change under the mutex is whole, so a panic elsewhere has not broken it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks that the state of this place is of the cluster with this name.
///
/// # Errors
/// [`StateError::OtherCluster`].
pub fn check_cluster(place: &Arc<dyn Place>, state: &State, wanted: &str) -> Result<(), StateError> {
    if state.cluster == wanted {
        return Ok(());
    }
    let (found, wanted) = (state.cluster.clone(), wanted.to_owned());
    Err(StateError::OtherCluster { at: place.name(Part::State), found, wanted })
}

#[cfg(test)]
mod survives;
#[cfg(test)]
mod tests;
