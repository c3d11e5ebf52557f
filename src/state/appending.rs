//! Writing a journal.

use std::path::{Path, PathBuf};

use super::disk::{Access, Disk, OpenFile};
use super::error::StateError;
use super::journal::{self, Entry};
use super::local;
use super::model::Version;
use super::paths::folder_of;

/// A journal that is being written.
#[derive(Debug)]
pub(super) struct Appending {
    path: PathBuf,
    file: Box<dyn OpenFile>,
    lines: usize,
    length: u64,
}

impl Appending {
    /// A journal that continues this version, where there is none.
    pub(super) fn create(disk: &dyn Disk, path: &Path, version: &Version) -> Result<Self, StateError> {
        let file = disk.create(path, Access::Private).map_err(|error| StateError::io("create", path, &error))?;
        let mut journal = Self { path: path.to_owned(), file, lines: 0, length: 0 };
        let made = journal.write(&journal::first_line(version), 1);
        match made.and_then(|()| local::sync_folder(disk, folder_of(path))) {
            Ok(()) => Ok(journal),
            Err(error) => {
                drop(journal.remove(disk));
                Err(error)
            }
        }
    }

    /// Removes it, unless another run has put its own in its place.
    pub(super) fn remove(&self, disk: &dyn Disk) -> Result<(), StateError> {
        disk.remove_same(&self.path, self.file.as_ref()).map_err(|error| StateError::io("remove", &self.path, &error))
    }

    /// Adds a batch, and returns when it is lasting.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Result<(), StateError> {
        self.write(&journal::batch(self.lines, entries), entries.len())
    }

    fn write(&mut self, text: &str, lines: usize) -> Result<(), StateError> {
        let written = self.file.write_at(text.as_bytes(), self.length).and_then(|()| self.file.sync());
        if let Err(error) = written {
            // Half a batch is dropped on reading anyway; this one only keeps the file tidy.
            drop(self.file.truncate(self.length));
            return Err(StateError::io("write", &self.path, &error));
        }
        self.lines += lines;
        self.length += text.len() as u64;
        Ok(())
    }
}
