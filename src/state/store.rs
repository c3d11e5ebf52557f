//! The store: a state file, its journal, and the state in memory, for many tasks at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::appending::Appending;
use super::backend::Backend;
use super::disk::{self, Disk};
use super::error::StateError;
use super::file;
use super::journal::Entry;
use super::load::{Loaded, load, next_serial};
use super::local::{self, LocalFile};
use super::lock::Lease;
use super::model::{Record, State, Version};
use super::paths::Paths;
use crate::resource::Address;

/// A state that is read, changed entry by entry, and written.
///
/// Reading needs no lock. Writing needs a [`Lease`], handed over in [`Store::begin`] and given back
/// by [`Store::finish`]. In between any number of threads ([`Store::append_all`]) and tasks
/// ([`Store::add`]) may add entries; each call returns when its entries are on disk, and those that
/// come at the same time share one fsync.
#[derive(Debug)]
pub struct Store {
    pub(super) disk: Arc<dyn Disk>,
    backend: Box<dyn Backend>,
    pub(super) journal: PathBuf,
    inner: Mutex<Inner>,
    /// A batch was written, for threads and for tasks.
    pub(super) settled: Condvar,
    pub(super) batch_ended: Notify,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) state: State,
    /// The content of the state file, if it exists.
    pub(super) on_disk: Option<Version>,
    /// Entries in `state` that are not in the state file.
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
    /// Reads the state at `path`, with what its journal says; without a file, the state of a
    /// cluster of which nothing is made yet. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// When the file or its journal cannot be read, are damaged, newer than us or of another
    /// cluster.
    pub fn open(path: &Path, cluster: &str) -> Result<Self, StateError> {
        Self::open_on(disk::real(), path, cluster)
    }

    /// The same on another disk.
    pub fn open_on(disk: Arc<dyn Disk>, path: &Path, cluster: &str) -> Result<Self, StateError> {
        Self::open_or_on(disk, path, State::new(cluster))
    }

    /// The same with a given state in place of a file that does not exist, for a saved first plan
    /// ([`State::fresh`]).
    pub fn open_or(path: &Path, fresh: State) -> Result<Self, StateError> {
        Self::open_or_on(disk::real(), path, fresh)
    }

    /// The same on another disk.
    pub fn open_or_on(disk: Arc<dyn Disk>, path: &Path, fresh: State) -> Result<Self, StateError> {
        let wanted = fresh.cluster.clone();
        let store = Self::load(disk, path, fresh)?;
        let found = store.with(|state| state.cluster.clone());
        if found != wanted {
            return Err(StateError::OtherCluster { path: path.to_owned(), found, wanted });
        }
        Ok(store)
    }

    /// The state at `path`, whatever its cluster's name; none when there is no file.
    pub fn open_existing(path: &Path) -> Result<Option<Self>, StateError> {
        Self::open_existing_on(disk::real(), path)
    }

    /// The same on another disk.
    pub fn open_existing_on(disk: Arc<dyn Disk>, path: &Path) -> Result<Option<Self>, StateError> {
        let store = Self::load(disk, path, State::new(""))?;
        let exists = store.lock().on_disk.is_some();
        Ok(exists.then_some(store))
    }

    fn load(disk: Arc<dyn Disk>, path: &Path, fresh: State) -> Result<Self, StateError> {
        let backend = Box::new(LocalFile::new_on(Arc::clone(&disk), path));
        let journal = Paths::new(path).journal;
        let Loaded { state, on_disk, unfolded, .. } = load(disk.as_ref(), backend.as_ref(), &journal, || fresh)?;
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
            disk,
            backend,
            journal,
            inner: Mutex::new(inner),
            settled: Condvar::new(),
            batch_ended: Notify::new(),
        })
    }

    /// The state at `path` with what its journal says, for those who only look, whatever the
    /// cluster's name; none when there is no file.
    pub fn read_only(path: &Path) -> Result<Option<State>, StateError> {
        Self::read_only_on(disk::real(), path)
    }

    /// The same on another disk.
    pub fn read_only_on(disk: Arc<dyn Disk>, path: &Path) -> Result<Option<State>, StateError> {
        let store = Self::open_existing_on(disk, path)?;
        Ok(store.map(|store| store.inner.into_inner().unwrap_or_else(PoisonError::into_inner).state))
    }

    /// The place of the state, for messages.
    pub(super) fn path(&self) -> &Path {
        self.backend.path()
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
        lease.check()?;
        let now = load(self.disk.as_ref(), self.backend.as_ref(), &self.journal, || inner.state.clone())?;
        let Loaded { on_disk, unfolded, left, .. } = now;
        if (&on_disk, unfolded) != (&inner.on_disk, inner.unfolded) {
            let text = |disk: Option<&Version>, unfolded: usize| match disk {
                Some(version) => format!("{version} with {unfolded} entries in the journal"),
                None => "no state".to_owned(),
            };
            return Err(StateError::Moved {
                path: self.backend.path().to_owned(),
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
            let removed = self.disk.remove_same(&self.journal, left.as_ref());
            removed.map_err(|error| StateError::io("remove", &self.journal, &error))?;
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
        writing.lease.check()?;
        let mut edited = inner.state.clone();
        edit(&mut edited);
        if inner.unfolded > 0 || edited != inner.state {
            self.save(&mut inner, &writing.lease, edited)?;
        }
        inner.failed = None;
        writing.journal.map_or(Ok(()), |journal| journal.remove(self.disk.as_ref()))
    }

    /// Surgery: writes `wanted`, lineage included, as a later serial, after what is there was set aside
    /// under a name that no later write pushes out. Returns the new serial and that name.
    pub(super) fn replace(
        &self,
        lease: Lease,
        operation: &str,
        mut wanted: State,
    ) -> Result<(u64, PathBuf), StateError> {
        self.begin(lease, |_| {})?;
        let mut inner = self.lock();
        let Some(writing) = inner.writing.take() else {
            return Err(StateError::NotBegun { path: self.path().to_owned() });
        };
        let serial = inner.state.serial;
        let aside = format!("{serial}{}{operation}.json", local::BEFORE);
        let aside = self.backend.set_aside(&aside, &file::to_bytes(&inner.state))?;
        wanted.serial = wanted.serial.max(serial + 1);
        let version = wanted.version();
        let ours = || writing.lease.check();
        self.backend.write_if(inner.on_disk.as_ref(), &version, &file::to_bytes(&wanted), &ours)?;
        inner.on_disk = Some(version);
        inner.state = wanted;
        Ok((inner.state.serial, aside))
    }

    fn save(&self, inner: &mut Inner, lease: &Lease, mut state: State) -> Result<(), StateError> {
        // Lineage and serial are never edited, because other runs compare them.
        state.lineage.clone_from(&inner.state.lineage);
        state.serial = match &inner.on_disk {
            Some(version) => version.serial + 1,
            None => next_serial(self.backend.as_ref())?,
        };
        let version = state.version();
        self.backend.write_if(inner.on_disk.as_ref(), &version, &file::to_bytes(&state), &|| lease.check())?;
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

#[cfg(test)]
mod survives;
#[cfg(test)]
mod tests;
