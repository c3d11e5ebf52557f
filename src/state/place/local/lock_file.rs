//! The lock as a file.
//!
//! The file appears whole or not at all: it is written under another name and then linked into place unless a file is
//! there. Its holder keeps a kernel lock on it. On one machine the kernel therefore shows at once, and without process
//! ids, that a holder is gone. A machine that shares the directory has only the time of the last renewal.
//!
//! A process that takes over or breaks a lock removes the file. A holder whose file is gone has lost the lock.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::LeftFile;
use super::files::io;
use super::paths::folder_of;
use crate::state::disk::{Access, Disk, OpenFile};
use crate::state::error::StateError;
use crate::state::holder::{Holder, timestamp};
use crate::state::place::{Held, Lock, Named, Purpose};

/// How the names of lock files begin that are not in place yet.
const ASIDE: &str = ".lock.";

/// The lock file of a held lock.
#[derive(Debug)]
pub(super) struct LockFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Box<dyn OpenFile>,
    holder: Holder,
}

impl LockFile {
    /// Puts a lock file in place, if there is none.
    pub(super) fn place(disk: &Arc<dyn Disk>, path: &Path, holder: Holder) -> Result<Option<Self>, StateError> {
        let failed = |error: std::io::Error| io("create", path, &error);
        let aside = path.with_file_name(format!("{ASIDE}{}", holder.id));
        // Readable by everyone who shares the directory, to show the holder.
        let file = disk.create(&aside, Access::Shared);
        // The temporary name would mean nothing to the operator.
        let file = file.map_err(|error| failed(error.kind().into()))?;
        // Locked before it has content and its name, so that no process takes it for an abandoned one.
        let locked = file.try_lock().and_then(|ours| if ours { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) });
        let written = locked.and_then(|()| file.write_at(content(&holder).as_bytes(), 0)).and_then(|()| file.sync());
        match written.and_then(|()| disk.rename_new(&aside, path)) {
            Ok(()) => Ok(Some(Self { disk: Arc::clone(disk), path: path.to_owned(), file, holder })),
            Err(error) => {
                drop(disk.remove(&aside));
                match error.kind() {
                    // Another process has the lock, or has just taken this file for an abandoned one.
                    ErrorKind::AlreadyExists | ErrorKind::WouldBlock | ErrorKind::NotFound => Ok(None),
                    _ => Err(failed(error)),
                }
            }
        }
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    pub(super) fn holder(&self) -> &Holder {
        &self.holder
    }

    pub(super) fn check(&self) -> Result<(), StateError> {
        if is_at(self.disk(), self.file.as_ref(), &self.path) {
            Ok(())
        } else {
            Err(StateError::LockLost { at: Named::new(&self.path.display()), id: self.holder.id.clone() })
        }
    }

    /// Writes the time in place: the text keeps its length, and a kill does not tear one small write.
    pub(super) fn renew(&self) -> Result<(), StateError> {
        self.check()?;
        let renewed = timestamp(self.disk.machine().now());
        let text = content(&Holder { renewed, ..self.holder.clone() });
        self.file.write_at(text.as_bytes(), 0).map_err(|error| io("write", &self.path, &error))
    }

    /// The next run takes over a file that cannot be removed, because the kernel lock ends with this process.
    pub(super) fn release(&self) {
        drop(self.disk.remove_same(&self.path, self.file.as_ref()));
    }
}

/// The lock file at this path. While the result exists, so does the kernel lock that is taken here on an abandoned
/// file: two processes that find it cannot both remove it.
pub(super) fn seen(disk: &Arc<dyn Disk>, path: &Path, here: &Holder, purpose: Purpose) -> Result<Lock, StateError> {
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lock::Free),
        Err(error) => return Err(io("read", path, &error)),
    };
    let free = match purpose {
        // Two readers must not take each other for the holder.
        Purpose::Show => file.try_lock_shared(),
        Purpose::Take => file.try_lock(),
    };
    let free = free.map_err(|error| io("lock", path, &error))?;
    if !is_at(disk.as_ref(), file.as_ref(), path) {
        return Ok(Lock::Free);
    }
    let holder: Holder = match file.read().and_then(|bytes| Ok(serde_json::from_slice(&bytes)?)) {
        Ok(holder) => holder,
        Err(error) => return Ok(Lock::Unreadable { reason: error.to_string() }),
    };
    let held = match free {
        false => Held::Alive,
        true if here.shares_kernel_with(&holder) => Held::Gone,
        true => Held::Elsewhere,
    };
    let left = Box::new(LeftFile { disk: Arc::clone(disk), path: path.to_owned(), file });
    Ok(Lock::Held { holder: Box::new(holder), held, left })
}

/// Removes the temporary lock files that a kill left behind: nobody has them locked, and their owner would hold this
/// lock if it were alive. If the owner is on another machine or unknown, the file must not have been written for the
/// time of a lease; an owner that is alive tries again. Errors are left to the next lock.
pub(super) fn remove_left_behind(disk: &dyn Disk, lock: &Path, here: &Holder, lease: Duration) {
    for left in disk.list(folder_of(lock)).unwrap_or_default() {
        if !left.name.starts_with(ASIDE) {
            continue;
        }
        let path = lock.with_file_name(&left.name);
        let Ok(file) = disk.open(&path) else { continue };
        if !matches!(file.try_lock(), Ok(true)) {
            continue;
        }
        let owner = file.read().ok().and_then(|bytes| serde_json::from_slice::<Holder>(&bytes).ok());
        let silent = disk.machine().now().duration_since(left.modified).unwrap_or_default();
        if silent > lease || owner.is_some_and(|owner| here.shares_kernel_with(&owner)) {
            drop(disk.remove_same(&path, file.as_ref()));
        }
    }
}

fn content(holder: &Holder) -> String {
    let text = serde_json::to_string_pretty(holder).expect("a struct of texts and numbers");
    format!("{text}\n")
}

/// Whether this open file is the one at the path.
fn is_at(disk: &dyn Disk, file: &dyn OpenFile, path: &Path) -> bool {
    matches!((file.id(), disk.id(path)), (Ok(open), Ok(named)) if open == named)
}

#[cfg(test)]
mod tests;
