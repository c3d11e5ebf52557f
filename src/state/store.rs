//! The store: a state file, its journal, and the state in memory, for many tasks at a time.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::backend::Backend;
use super::error::StateError;
use super::file;
use super::journal::{self, Entry, Journal};
use super::local::{self, LocalFile};
use super::lock::Lease;
use super::model::{Record, State, Status, Version};
use super::paths::Paths;
use crate::resource::Address;

/// A state that is read, changed entry by entry, and written.
///
/// Reading needs no lock. Writing needs a [`Lease`], handed over in [`Store::begin`] and given back
/// by [`Store::finish`]. In between any number of threads may add entries; each call returns when
/// its entry is on disk, and those that come at the same time share one fsync. They block, so an
/// asynchronous caller wraps them in `spawn_blocking`.
#[derive(Debug)]
pub struct Store {
    backend: Box<dyn Backend>,
    journal: PathBuf,
    inner: Mutex<Inner>,
    settled: Condvar,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// What the state file holds; none when there is none.
    on_disk: Option<Version>,
    /// Entries in `state` that are not in the state file.
    unfolded: usize,
    writing: Option<Writing>,
    /// Entries that wait for the next batch, how many ever came, and how many are on disk.
    queue: Vec<Entry>,
    came: u64,
    written: u64,
    /// Whether some caller is writing a batch now.
    flushing: bool,
    /// Why nothing can be written any more. What an fsync that failed has left on disk is
    /// unknown, so it is not tried again.
    failed: Option<StateError>,
}

#[derive(Debug)]
struct Writing {
    lease: Arc<Lease>,
    /// Created with the first entry, so that a run that finds nothing to do writes nothing.
    journal: Option<Appending>,
}

/// What is on disk.
struct Loaded {
    state: State,
    on_disk: Option<Version>,
    unfolded: usize,
}

impl Store {
    /// Reads the state at `path`, with what its journal says; without a file, the state of a
    /// cluster of which nothing is made yet. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// When the file or its journal cannot be read, are damaged, newer than us or of another
    /// cluster.
    pub fn open(path: &Path, cluster: &str) -> Result<Self, StateError> {
        Self::open_or(path, State::new(cluster))
    }

    /// The same with a given state in place of a file that does not exist, for a saved first plan
    /// ([`State::fresh`]).
    pub fn open_or(path: &Path, fresh: State) -> Result<Self, StateError> {
        let backend = Box::new(LocalFile::new(path));
        let journal = Paths::new(path).journal;
        let wanted = fresh.cluster.clone();
        let Loaded { state, on_disk, unfolded } = load(backend.as_ref(), &journal, || fresh)?;
        if state.cluster != wanted {
            return Err(StateError::OtherCluster { path: path.to_owned(), found: state.cluster, wanted });
        }
        Ok(Self::of(backend, journal, Loaded { state, on_disk, unfolded }))
    }

    /// The state at `path`, whatever its cluster's name; none when there is no file.
    pub fn open_existing(path: &Path) -> Result<Option<Self>, StateError> {
        let backend = Box::new(LocalFile::new(path));
        let journal = Paths::new(path).journal;
        let loaded = load(backend.as_ref(), &journal, || State::new(""))?;
        Ok(loaded.on_disk.is_some().then(|| Self::of(backend, journal, loaded)))
    }

    fn of(backend: Box<dyn Backend>, journal: PathBuf, Loaded { state, on_disk, unfolded }: Loaded) -> Self {
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
        Self { backend, journal, inner: Mutex::new(inner), settled: Condvar::new() }
    }

    /// The state at `path` with what its journal says, for those who only look, whatever the
    /// cluster's name; none when there is no file.
    pub fn read_only(path: &Path) -> Result<Option<State>, StateError> {
        Ok(Self::open_existing(path)?.map(|store| store.snapshot()))
    }

    /// A copy of the state as it is now.
    pub fn snapshot(&self) -> State {
        self.lock().state.clone()
    }

    /// What is recorded at this address now.
    pub fn record(&self, address: &Address) -> Option<Record> {
        self.lock().state.record(address).cloned()
    }

    /// Looks at the state in place; `look` must be brief, and not call the store.
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
        let now = load(self.backend.as_ref(), &self.journal, || inner.state.clone())?;
        if (&now.on_disk, now.unfolded) != (&inner.on_disk, inner.unfolded) {
            let text = |disk: Option<&Version>, unfolded: usize| match disk {
                Some(version) => format!("{version} with {unfolded} entries in the journal"),
                None => "no state".to_owned(),
            };
            return Err(StateError::Moved {
                path: self.backend.path().to_owned(),
                expected: text(inner.on_disk.as_ref(), inner.unfolded),
                found: text(now.on_disk.as_ref(), now.unfolded),
            });
        }
        let mut edited = inner.state.clone();
        edit(&mut edited);
        if inner.on_disk.is_none() || inner.unfolded > 0 || edited != inner.state {
            self.save(&mut inner, edited)?;
        }
        local::remove(&self.journal)?;
        inner.writing = Some(Writing { lease: Arc::new(lease), journal: None });
        Ok(())
    }

    /// An act is about to begin: returns when that is on disk. `record` is what to remember if its
    /// end is never recorded, as interrupted; `reactions` are the resources that must act because
    /// of it.
    pub fn intent(&self, address: Address, record: Record, reactions: Vec<Address>) -> Result<(), StateError> {
        let record = Record { status: Status::Interrupted, ..record };
        self.append(Entry::Intent { address, record: Box::new(record), reactions })
    }

    /// A step learned something that destroy will need.
    pub fn kept(&self, address: Address, name: &str, value: &str) -> Result<(), StateError> {
        self.append(Entry::Kept { address, name: name.to_owned(), value: value.to_owned() })
    }

    /// The act ended, or the resource was adopted: it is ready. What steps had learned stays in the
    /// record.
    pub fn done(&self, address: Address, record: Record) -> Result<(), StateError> {
        let record = Record { status: Status::Ready, ..record };
        self.append(Entry::Done { address, record: Box::new(record) })
    }

    /// The resource is gone.
    pub fn forgotten(&self, address: Address) -> Result<(), StateError> {
        self.append(Entry::Forgotten { address })
    }

    /// The resource has reacted to all that it owed a reaction to.
    pub fn reacted(&self, address: Address) -> Result<(), StateError> {
        self.append(Entry::Reacted { address })
    }

    /// Adds an entry and returns when it is on disk.
    pub fn append(&self, entry: Entry) -> Result<(), StateError> {
        let mut inner = self.lock();
        if inner.writing.is_none() {
            return Err(StateError::NotBegun { path: self.backend.path().to_owned() });
        }
        if let Some(failed) = &inner.failed {
            return Err(failed.clone());
        }
        inner.queue.push(entry);
        inner.came += 1;
        let ticket = inner.came;
        loop {
            if inner.written >= ticket {
                return Ok(());
            }
            if let Some(failed) = &inner.failed {
                return Err(failed.clone());
            }
            inner = if inner.flushing {
                self.settled.wait(inner).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.flush(inner)
            };
        }
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
        let mut inner = self.lock();
        while inner.flushing || (!inner.queue.is_empty() && inner.failed.is_none()) {
            inner = self.settled.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(writing) = inner.writing.take() else {
            return Ok(());
        };
        writing.lease.check()?;
        let mut edited = inner.state.clone();
        edit(&mut edited);
        if inner.unfolded > 0 || edited != inner.state {
            self.save(&mut inner, edited)?;
        }
        inner.failed = None;
        local::remove(&self.journal)
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
        let writing = inner.writing.take();
        let serial = inner.state.serial;
        let aside = format!("{serial}{}{operation}.json", local::BEFORE);
        let aside = self.backend.set_aside(&aside, &file::to_bytes(&inner.state))?;
        writing.map_or(Ok(()), |writing| writing.lease.check())?;
        wanted.serial = wanted.serial.max(serial + 1);
        let version = wanted.version();
        self.backend.write_if(inner.on_disk.as_ref(), &version, &file::to_bytes(&wanted))?;
        inner.on_disk = Some(version);
        inner.state = wanted;
        Ok((inner.state.serial, aside))
    }

    /// Writes a batch without holding the mutex, so that the next one gathers meanwhile.
    fn flush<'a>(&'a self, mut inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        let batch = std::mem::take(&mut inner.queue);
        let (came, version) = (inner.came, inner.on_disk.clone());
        let writing = inner.writing.as_mut().expect("append has checked it, and finish waits for the queue");
        let (lease, mut journal) = (Arc::clone(&writing.lease), writing.journal.take());
        inner.flushing = true;
        drop(inner);

        let result = lease.check().and_then(|()| {
            let version = version.expect("begin writes the state file when there is none");
            let open = match journal.take() {
                Some(open) => open,
                None => Appending::create(&self.journal, &version)?,
            };
            journal.insert(open).append(&batch)
        });

        let mut inner = self.lock();
        if let Some(writing) = inner.writing.as_mut() {
            writing.journal = journal;
        }
        // What has happened is remembered even if the journal cannot be written: the state file
        // may still be. An intent that is not on disk is not acted upon.
        for entry in batch.iter().filter(|entry| result.is_ok() || entry.is_fact()) {
            entry.apply(&mut inner.state);
            inner.unfolded += 1;
        }
        match result {
            Ok(()) => inner.written = came,
            Err(error) => inner.failed = Some(error),
        }
        inner.flushing = false;
        self.settled.notify_all();
        inner
    }

    fn save(&self, inner: &mut Inner, mut state: State) -> Result<(), StateError> {
        // Never an edited lineage or serial: they are what others compare.
        state.lineage.clone_from(&inner.state.lineage);
        state.serial = match &inner.on_disk {
            Some(version) => version.serial + 1,
            None => next_serial(self.backend.as_ref())?,
        };
        let version = state.version();
        self.backend.write_if(inner.on_disk.as_ref(), &version, &file::to_bytes(&state))?;
        inner.state = state;
        inner.on_disk = Some(version);
        inner.unfolded = 0;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change under the mutex is whole, so a panic elsewhere has not broken it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads state and journal. The journal goes first: while someone else works, the state that is
/// read after it is the one that it continues, or a later one that holds all that it says.
fn load(backend: &dyn Backend, journal: &Path, fresh: impl FnOnce() -> State) -> Result<Loaded, StateError> {
    let found = local::read(journal)?.map(|bytes| journal::parse(journal, &bytes)).transpose()?;
    let Journal { continues, entries } = found.unwrap_or_default();
    let Some(bytes) = backend.read()? else {
        return match continues {
            Some(version) => Err(foreign(journal, &version, None)),
            None => match gone(backend)? {
                Some(error) => Err(error),
                None => Ok(Loaded { state: fresh(), on_disk: None, unfolded: 0 }),
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
            let mut state = journal::fold(state, &entries);
            // As it will be written: a plan made from it stays valid when that is done.
            state.serial += 1;
            Ok(Loaded { state, on_disk: Some(version), unfolded: entries.len() })
        }
        // No journal, or one that was folded in before a kill could remove it.
        _ => Ok(Loaded { state, on_disk: Some(version), unfolded: 0 }),
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

/// A journal that is being written.
#[derive(Debug)]
struct Appending {
    path: PathBuf,
    file: File,
    lines: usize,
    length: u64,
}

impl Appending {
    fn create(path: &Path, version: &Version) -> Result<Self, StateError> {
        let mut journal = Self { path: path.to_owned(), file: local::create_private(path)?, lines: 0, length: 0 };
        journal.write(&journal::first_line(version), 1)?;
        local::sync_folder(super::paths::folder_of(path))?;
        Ok(journal)
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), StateError> {
        self.write(&journal::batch(self.lines, entries), entries.len())
    }

    fn write(&mut self, text: &str, lines: usize) -> Result<(), StateError> {
        let written = self.file.write_all_at(text.as_bytes(), self.length).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a batch is dropped on reading anyway; this one only keeps the file tidy.
            drop(self.file.set_len(self.length).and_then(|()| self.file.flush()));
            return Err(StateError::io("write", &self.path, &error));
        }
        self.lines += lines;
        self.length += text.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
