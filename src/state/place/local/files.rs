//! Files that are whole at any moment, and durable when a call returns.

use std::io::ErrorKind;
use std::path::Path;

use super::paths::folder_of;
use crate::state::disk::{Access, Disk, OpenFile};
use crate::state::error::{StateError, nothing_is_lost};
use crate::state::place::Named;

/// An error of this operation on this file.
pub(super) fn io(act: &'static str, path: &Path, error: &std::io::Error) -> StateError {
    let (at, reason) = (Named::new(&path.display()), error.to_string());
    StateError::Io { act, at, reason, hint: hint(error.kind(), path) }
}

fn hint(kind: ErrorKind, path: &Path) -> String {
    let folder = folder_of(path).display();
    nothing_is_lost(&match kind {
        ErrorKind::IsADirectory => {
            let path = path.display();
            return format!("{path} is a directory: move it away, or set `state.local.path` to a file");
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            format!("move what is in the way (see `ls -ld {folder}`)")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            format!("free some space (see `df -h {folder}`)")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("give yourself access (see `ls -la {folder}`)")
        }
        _ => "fix the cause".to_owned(),
    })
}

/// The bytes of a file; none when there is no such file.
pub(super) fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match disk.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("read", path, &error)),
    }
}

/// Creates a directory and its parents. Each of them is durable when this returns: otherwise a power cut would take it
/// away with the files in it.
pub(super) fn make_folder(disk: &dyn Disk, folder: &Path, access: Access) -> Result<(), StateError> {
    let mut made = disk.make_folder(folder, access);
    let parent = folder_of(folder);
    if made.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) && parent != folder {
        make_folder(disk, parent, access)?;
        made = disk.make_folder(folder, access);
    }
    match made {
        Ok(()) => sync_folder(disk, parent),
        Err(_) if disk.is_folder(folder) => Ok(()),
        Err(error) => Err(io("create", folder, &error)),
    }
}

/// Makes the existence of a directory durable: the process that created it may have been killed before it did so.
pub(super) fn keep_folder(disk: &dyn Disk, folder: &Path) -> Result<(), StateError> {
    let parent = folder_of(folder);
    match disk.sync_folder(parent) {
        // Some parents cannot be read by this user, or do not support a sync.
        Err(error) if !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput) => {
            Err(io("sync", parent, &error))
        }
        // Directories further up are seldom new, so their errors are ignored.
        _ if folder_of(parent) != parent => keep_folder(disk, parent).or(Ok(())),
        _ => Ok(()),
    }
}

/// Creates a file that only its owner may read.
fn create_private(disk: &dyn Disk, path: &Path) -> Result<Box<dyn OpenFile>, StateError> {
    // Removed first, because opening an old one would keep its permissions.
    remove(disk, path)?;
    disk.create(path, Access::Private).map_err(|error| io("create", path, &error))
}

/// Removes a file, which need not exist.
pub(super) fn remove(disk: &dyn Disk, path: &Path) -> Result<(), StateError> {
    match disk.remove(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Removes the file at the path if it is this one.
pub(super) fn remove_same(disk: &dyn Disk, path: &Path, file: &dyn OpenFile) -> Result<(), StateError> {
    disk.remove_same(path, file).map_err(|error| io("remove", path, &error))
}

/// Makes creations, renames and removals in a directory durable.
pub(super) fn sync_folder(disk: &dyn Disk, folder: &Path) -> Result<(), StateError> {
    disk.sync_folder(folder).map_err(|error| io("sync", folder, &error))
}

/// Replaces a file so that at any moment, and after a power cut, it is wholly old or wholly new. `ours` is asked just
/// before the rename. The temporary name is fixed: the lock makes us the only writer, and a kill leaves at most one
/// file behind, which the next write removes.
pub(super) fn replace(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
    ours: impl FnOnce() -> Result<(), StateError>,
) -> Result<(), StateError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.new"));
    let file = create_private(disk, &new)?;
    let written = file.write_at(bytes, 0).and_then(|()| file.sync());
    let written = written.map_err(|error| io("write", &new, &error)).and_then(|()| ours());
    if let Err(error) = written {
        // Gives back the space on a full disk; an error of the removal would hide the first one.
        drop(disk.remove_same(&new, file.as_ref()));
        return Err(error);
    }
    disk.rename(&new, path).map_err(|error| io("replace", path, &error))?;
    sync_folder(disk, folder_of(path))
}
