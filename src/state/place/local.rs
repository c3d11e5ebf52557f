//! A place in a local or shared directory.
//!
//! The state file is replaced by a rename. The journal is one file that is appended to. The lock is a file that is
//! linked into place, and its holder keeps a kernel lock on it. Formats and names are described in `state/README.md`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::files::{io, read};
use self::journal_file::JournalFile;
use self::lock_file::LockFile;
use self::paths::Paths;
use super::generations::{current, outdated};
use super::{
    Aside, Expected, Generation, Journal, Left, LeftJournal, Lock, Named, Part, Place, Purpose, Timing, Writer,
};
use crate::state::disk::{self, Access, Disk, Machine, OpenFile};
use crate::state::error::StateError;
use crate::state::holder::Holder;
use crate::state::model::Version;

mod files;
mod journal_file;
mod lock_file;
mod paths;

/// The place with the state file at this path, which need not exist. Generations, journal and lock are next to it.
pub fn local(path: &Path) -> Arc<dyn Place> {
    local_on(disk::real(), path)
}

/// The same on another disk.
pub fn local_on(disk: Arc<dyn Disk>, path: &Path) -> Arc<dyn Place> {
    Arc::new(Local { disk, paths: Paths::new(path), timing: Timing::DEFAULT })
}

/// A state file and the files next to it.
#[derive(Clone, Debug)]
struct Local {
    disk: Arc<dyn Disk>,
    paths: Paths,
    timing: Timing,
}

impl Local {
    fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    fn kept(&self, one: &Generation) -> PathBuf {
        self.paths.backups.join(one.file())
    }

    fn make_backups(&self) -> Result<(), StateError> {
        files::make_folder(self.disk(), self.paths.folder(), Access::Shared)?;
        files::make_folder(self.disk(), &self.paths.backups, Access::Private)
    }
}

impl Place for Local {
    fn name(&self, part: Part) -> Named {
        let Paths { state, journal, lock, backups } = &self.paths;
        match part {
            Part::State => Named::new(&state.display()),
            Part::Generations => Named::new(&backups.display()),
            Part::Journal => Named::with(&journal.display(), format!("run `mv {0} {0}.damaged`", journal.display())),
            Part::Lock => Named::with(&lock.display(), format!("remove {}", lock.display())),
        }
    }

    fn machine(&self) -> &dyn Machine {
        self.disk.machine()
    }

    fn timing(&self) -> Timing {
        self.timing
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StateError> {
        read(self.disk(), &self.paths.state)
    }

    fn generations(&self) -> Result<Vec<Generation>, StateError> {
        let folder = &self.paths.backups;
        let files = match self.disk.list(folder) {
            Ok(files) => files,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io("list", folder, &error)),
        };
        let mut all = Vec::new();
        for file in files {
            // Other files in the folder are not ours.
            let Some((serial, before)) = Generation::parse(&file.name) else { continue };
            let name = Named::new(&folder.join(&file.name).display());
            all.push(Generation { serial, written: file.modified, size: file.size, name, before });
        }
        all.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok(all)
    }

    fn generation(&self, kept: &Generation) -> Result<Vec<u8>, StateError> {
        let path = self.kept(kept);
        self.disk.read(&path).map_err(|error| io("read", &path, &error))
    }

    fn journal(&self) -> Result<Option<LeftJournal>, StateError> {
        let path = &self.paths.journal;
        let file = match self.disk.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", path, &error)),
        };
        let bytes = file.read().map_err(|error| io("read", path, &error))?;
        let left = LeftFile { disk: Arc::clone(&self.disk), path: path.clone(), file };
        Ok(Some(LeftJournal { bytes, left: Box::new(left) }))
    }

    fn prepare(&self) -> Result<(), StateError> {
        files::make_folder(self.disk(), self.paths.folder(), Access::Shared)
    }

    fn lock(&self, here: &Holder, purpose: Purpose) -> Result<Lock, StateError> {
        lock_file::seen(&self.disk, &self.paths.lock, here, purpose)
    }

    fn take(&self, holder: Holder) -> Result<Option<Arc<dyn Writer>>, StateError> {
        let lock = LockFile::place(&self.disk, &self.paths.lock, holder)?;
        Ok(lock.map(|lock| {
            lock_file::remove_left_behind(self.disk(), &self.paths.lock, lock.holder(), self.timing.lease);
            Arc::new(LocalWriter { place: self.clone(), lock: Arc::new(lock) }) as Arc<dyn Writer>
        }))
    }

    fn neighbours(&self) -> Result<Vec<Arc<dyn Place>>, StateError> {
        let folder = self.paths.folder();
        let files = self.disk.list(folder).map_err(|error| io("list", folder, &error))?;
        let mut names: Vec<String> = files.into_iter().map(|file| file.name).collect();
        names.retain(|name| Path::new(name).extension().is_some_and(|it| it == "json"));
        names.retain(|name| self.paths.state.file_name() != Some(name.as_ref()));
        names.sort();
        Ok(names.iter().map(|name| local_on(Arc::clone(&self.disk), &folder.join(name))).collect())
    }
}

/// The same as the holder of the lock sees it.
#[derive(Debug)]
struct LocalWriter {
    place: Local,
    lock: Arc<LockFile>,
}

impl LocalWriter {
    /// Replaces a file, unless the lock was lost. The lock is checked as late as possible, because a file system cannot
    /// compare and rename in one step.
    fn put(&self, path: &Path, bytes: &[u8]) -> Result<(), StateError> {
        files::replace(self.place.disk(), path, bytes, || self.lock.check())
    }
}

impl Writer for LocalWriter {
    fn holder(&self) -> &Holder {
        self.lock.holder()
    }

    fn check(&self) -> Result<(), StateError> {
        self.lock.check()
    }

    fn renew(&self) -> Result<(), StateError> {
        self.lock.renew()
    }

    fn release(&self) {
        self.lock.release();
    }

    fn replace(&self, expected: Expected<'_>, next: &Version, bytes: &[u8]) -> Result<(), StateError> {
        let Local { paths, .. } = &self.place;
        let found = self.place.read()?;
        expected.check(&self.place.name(Part::State), found.as_deref())?;
        self.place.make_backups()?;
        if found.is_none() {
            files::keep_folder(self.place.disk(), paths.folder())?;
        }
        // The copy is written first: if there is no space for both, the state is unchanged.
        self.put(&paths.backups.join(current(next.serial)), bytes)?;
        self.put(&paths.state, bytes)?;
        // The state is written; a failed removal is retried with the next write.
        for one in outdated(self.place.generations().unwrap_or_default(), next.serial) {
            drop(files::remove(self.place.disk(), &self.place.kept(&one)));
        }
        Ok(())
    }

    fn set_aside(&self, aside: Aside<'_>, bytes: &[u8]) -> Result<Named, StateError> {
        self.place.make_backups()?;
        let path = self.place.paths.backups.join(aside.to_string());
        self.put(&path, bytes)?;
        Ok(Named::new(&path.display()))
    }

    fn create_journal(&self, _: &Version, first: &str) -> Result<Box<dyn Journal>, StateError> {
        Ok(Box::new(JournalFile::create(Arc::clone(&self.lock), &self.place.paths.journal, first)?))
    }
}

/// A file that was found; removed only if the path still names it.
#[derive(Debug)]
struct LeftFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Box<dyn OpenFile>,
}

impl Left for LeftFile {
    fn remove(&self) -> Result<(), StateError> {
        files::remove_same(self.disk.as_ref(), &self.path, self.file.as_ref())
    }
}

#[cfg(test)]
mod tests;
