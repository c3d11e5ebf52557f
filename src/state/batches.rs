//! Adding entries: concurrent entries share one write and one fsync.

use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::error::StateError;
use super::journal::{self, Entry};
use super::model::{Record, Version};
use super::place::{Journal, Writer};
use super::store::{Inner, Store};
use crate::resource::Address;

/// The journal of this run.
#[derive(Debug)]
pub(super) struct Appending {
    journal: Box<dyn Journal>,
    lines: usize,
}

impl Appending {
    fn create(writer: &dyn Writer, continues: &Version) -> Result<Self, StateError> {
        let journal = writer.create_journal(continues, &journal::first_line(continues))?;
        Ok(Self { journal, lines: 1 })
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), StateError> {
        self.journal.append(&journal::batch(self.lines, entries))?;
        self.lines += entries.len();
        Ok(())
    }

    /// Removes it, when the state has its entries.
    pub(super) fn remove(&self) -> Result<(), StateError> {
        self.journal.remove()
    }
}

impl Store {
    /// An act is about to begin: returns when that is on disk. `record` is what to remember if its
    /// end is never recorded, as interrupted; `reactions` are the resources that must act because
    /// of it.
    pub fn intent(&self, address: Address, record: Record, reactions: Vec<Address>) -> Result<(), StateError> {
        self.append(Entry::intent(address, record, reactions))
    }

    /// A step learned something that destroy will need.
    pub fn kept(&self, address: Address, name: &str, value: &str) -> Result<(), StateError> {
        self.append(Entry::Kept { address, name: name.to_owned(), value: value.to_owned() })
    }

    /// The act ended, or the resource was adopted: it is ready. What steps had learned stays in the
    /// record.
    pub fn done(&self, address: Address, record: Record) -> Result<(), StateError> {
        self.append(Entry::done(address, record))
    }

    /// The resource was destroyed or forgotten.
    pub fn forgotten(&self, address: Address) -> Result<(), StateError> {
        self.append(Entry::Forgotten { address })
    }

    /// The resource has reacted to all that it owed a reaction to.
    pub fn reacted(&self, address: Address) -> Result<(), StateError> {
        self.append(Entry::Reacted { address })
    }

    /// Adds an entry and returns when it is on disk.
    pub fn append(&self, entry: Entry) -> Result<(), StateError> {
        self.append_all(vec![entry])
    }

    /// Adds entries, in one batch, and returns when they are on disk.
    ///
    /// # Errors
    /// When they cannot be written, or the lock was lost. Nothing can be added after that.
    pub fn append_all(&self, entries: Vec<Entry>) -> Result<(), StateError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut inner = self.lock();
        let ticket = self.queue(&mut inner, entries)?;
        loop {
            if let Some(result) = inner.outcome(ticket) {
                return result;
            }
            inner = if inner.flushing {
                self.settled.wait(inner).unwrap_or_else(PoisonError::into_inner)
            } else {
                self.flush(inner)
            };
        }
    }

    /// The same for a task of a runtime. What other tasks add in the same turn of the runtime goes in
    /// the same batch, also where one thread runs them all. Dropping it half-way leaves the entries
    /// to the next batch.
    ///
    /// # Errors
    /// As [`Store::append_all`].
    pub async fn add(&self, entries: Vec<Entry>) -> Result<(), StateError> {
        if entries.is_empty() {
            return Ok(());
        }
        let ticket = self.queue(&mut self.lock(), entries)?;
        // Other tasks that are ready add their entries first.
        tokio::task::yield_now().await;
        loop {
            let ended = self.batch_ended.notified();
            if let Some(result) = self.lock().outcome(ticket) {
                return result;
            }
            if self.lock().flushing {
                ended.await;
            } else {
                blocking(|| self.flush_queue());
            }
        }
    }

    fn queue(&self, inner: &mut Inner, entries: Vec<Entry>) -> Result<u64, StateError> {
        if inner.writing.is_none() {
            return Err(self.not_begun());
        }
        if let Some(failed) = &inner.failed {
            return Err(failed.clone());
        }
        inner.came += entries.len() as u64;
        inner.queue.extend(entries);
        Ok(inner.came)
    }

    fn flush_queue(&self) {
        let inner = self.lock();
        if !inner.flushing && !inner.queue.is_empty() {
            drop(self.flush(inner));
        }
    }

    /// Writes the queued entries and waits for other writers.
    pub(super) fn drain<'a>(&'a self, mut inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        loop {
            inner = if inner.flushing {
                self.settled.wait(inner).unwrap_or_else(PoisonError::into_inner)
            } else if inner.queue.is_empty() {
                return inner;
            } else {
                self.flush(inner)
            };
        }
    }

    /// Writes a batch without holding the mutex, so that the next one gathers meanwhile.
    fn flush<'a>(&'a self, mut inner: MutexGuard<'a, Inner>) -> MutexGuard<'a, Inner> {
        let batch = std::mem::take(&mut inner.queue);
        let (came, version) = (inner.came, inner.on_disk.clone());
        let writing = inner.writing.as_mut().expect("nothing is queued before begin, and finish drains the queue");
        let (lease, mut journal) = (Arc::clone(&writing.lease), writing.journal.take());
        inner.flushing = true;
        drop(inner);

        let write = || {
            let version = version.expect("begin writes the state file when there is none");
            let open = match journal.take() {
                Some(open) => open,
                None => Appending::create(lease.writer(), &version)?,
            };
            journal.insert(open).append(&batch)
        };
        let result = write();

        let mut inner = self.lock();
        if let Some(writing) = inner.writing.as_mut() {
            writing.journal = journal;
        }
        match result {
            Ok(()) => {
                inner.remember(batch);
                inner.written = came;
            }
            Err(error) => {
                // What has happened is remembered even if the journal cannot be written: the state
                // file may still be. An intent that is not on disk is not acted upon.
                let later = std::mem::take(&mut inner.queue);
                inner.remember(batch.into_iter().chain(later).filter(Entry::is_fact));
                inner.failed = Some(error);
            }
        }
        inner.flushing = false;
        self.settled.notify_all();
        self.batch_ended.notify_waiters();
        inner
    }
}

impl Inner {
    /// The result of the entries up to this one; none while it is pending.
    fn outcome(&self, ticket: u64) -> Option<Result<(), StateError>> {
        if self.written >= ticket { Some(Ok(())) } else { self.failed.clone().map(Err) }
    }

    fn remember(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            entry.apply(&mut self.state);
            self.unfolded += 1;
        }
    }
}

/// Runs a blocking operation. A runtime of many threads gives its other tasks to another one meanwhile; one of a
/// single thread waits, so that what it does is the same each time.
fn blocking<T>(act: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(act),
        _ => act(),
    }
}
