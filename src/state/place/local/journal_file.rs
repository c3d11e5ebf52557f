//! The journal as a file that is appended to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{self, io};
use super::lock_file::LockFile;
use super::paths::folder_of;
use crate::state::disk::{Access, OpenFile};
use crate::state::error::StateError;
use crate::state::place::{Journal, Left};

/// A journal that is being written.
#[derive(Debug)]
pub(super) struct JournalFile {
    lock: Arc<LockFile>,
    path: PathBuf,
    file: Box<dyn OpenFile>,
    length: u64,
}

impl JournalFile {
    /// A journal with this first line, where there is none.
    pub(super) fn create(lock: Arc<LockFile>, path: &Path, first: &str) -> Result<Self, StateError> {
        lock.check()?;
        let file = lock.disk().create(path, Access::Private).map_err(|error| io("create", path, &error))?;
        let mut journal = Self { lock, path: path.to_owned(), file, length: 0 };
        let made = journal.write(first);
        match made.and_then(|()| files::sync_folder(journal.lock.disk(), folder_of(path))) {
            Ok(()) => Ok(journal),
            Err(error) => {
                drop(journal.remove());
                Err(error)
            }
        }
    }

    fn write(&mut self, text: &str) -> Result<(), StateError> {
        let written = self.file.write_at(text.as_bytes(), self.length).and_then(|()| self.file.sync());
        if let Err(error) = written {
            // Half a batch is dropped on reading anyway; this only keeps the file tidy.
            drop(self.file.truncate(self.length));
            return Err(io("write", &self.path, &error));
        }
        self.length += text.len() as u64;
        Ok(())
    }
}

impl Left for JournalFile {
    fn remove(&self) -> Result<(), StateError> {
        files::remove_same(self.lock.disk(), &self.path, self.file.as_ref())
    }
}

impl Journal for JournalFile {
    fn append(&mut self, batch: &str) -> Result<(), StateError> {
        self.lock.check()?;
        self.write(batch)?;
        // A process that took over the lock meanwhile may have read the journal before the batch was in it.
        self.lock.check()
    }
}
