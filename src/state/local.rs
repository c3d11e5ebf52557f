//! A state in a local file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backend::{Backend, Generation, Ours};
use super::disk::{self, Access, Disk, OpenFile};
use super::error::StateError;
use super::file;
use super::model::Version;
use super::paths::{Paths, folder_of};

/// Between serial and surgery in the name of a generation that was set aside.
pub(super) const BEFORE: &str = "-before-";

/// A state file with its kept generations beside it.
#[derive(Clone, Debug)]
pub struct LocalFile {
    disk: Arc<dyn Disk>,
    paths: Paths,
}

impl LocalFile {
    /// Kept generations, the current one included: enough to come back from a bad day, small
    /// enough to need no care.
    pub const GENERATIONS: usize = 10;

    /// The state file at this path, which need not exist.
    pub fn new(path: &Path) -> Self {
        Self::new_on(disk::real(), path)
    }

    /// The same on another disk.
    pub fn new_on(disk: Arc<dyn Disk>, path: &Path) -> Self {
        Self { disk, paths: Paths::new(path) }
    }

    fn kept(&self, serial: u64) -> PathBuf {
        self.paths.backups.join(format!("{serial}.json"))
    }

    /// Removes what is older than [`LocalFile::GENERATIONS`]; what was set aside stays. A generation
    /// of a later serial than the state's, which a kill between copy and rename leaves behind, is
    /// replaced when that serial is written.
    fn prune(&self, current: u64) -> Result<(), StateError> {
        let mut kept = self.generations()?;
        kept.retain(|one| one.serial <= current && one.before.is_none());
        let excess = kept.len().saturating_sub(Self::GENERATIONS);
        kept[..excess].iter().try_for_each(|one| remove(self.disk(), &one.path))
    }

    fn make_backups(&self) -> Result<(), StateError> {
        make_folder(self.disk(), self.paths.folder(), Access::Shared)?;
        make_folder(self.disk(), &self.paths.backups, Access::Private)
    }

    fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    fn put(&self, version: &Version, bytes: &[u8], ours: &Ours<'_>) -> Result<(), StateError> {
        self.make_backups()?;
        if self.read()?.is_none() {
            keep_folder(self.disk(), self.paths.folder())?;
        }
        // The copy is written first: if there is no space for both, the state is unchanged.
        replace(self.disk(), &self.kept(version.serial), bytes, ours)?;
        replace(self.disk(), &self.paths.state, bytes, ours)?;
        // The state is written; a failed removal is retried with the next write.
        drop(self.prune(version.serial));
        Ok(())
    }

    fn moved(&self, expected: String, found: String) -> StateError {
        StateError::Moved { path: self.paths.state.clone(), expected, found }
    }

    fn generations(&self) -> Result<Vec<Generation>, StateError> {
        let folder = &self.paths.backups;
        let files = match self.disk.list(folder) {
            Ok(files) => files,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StateError::io("list", folder, &error)),
        };
        let mut all = Vec::new();
        for file in files {
            // Anything else in the folder is somebody's, not ours.
            let Some(stem) = file.name.strip_suffix(".json") else { continue };
            let (serial, before) = match stem.split_once(BEFORE) {
                Some((serial, operation)) => (serial, Some(operation.to_owned())),
                None => (stem, None),
            };
            let Ok(serial) = serial.parse() else { continue };
            let path = folder.join(&file.name);
            all.push(Generation { serial, written: file.modified, size: file.size, path, before });
        }
        all.sort_by(|a, b| (a.serial, &a.before).cmp(&(b.serial, &b.before)));
        Ok(all)
    }
}

impl Backend for LocalFile {
    fn path(&self) -> &Path {
        &self.paths.state
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StateError> {
        read(self.disk(), &self.paths.state)
    }

    fn write_if(
        &self,
        expected: Option<&Version>,
        version: &Version,
        bytes: &[u8],
        ours: &Ours<'_>,
    ) -> Result<(), StateError> {
        let found = self.read()?.map(|bytes| file::version(self.path(), &bytes)).transpose()?;
        if found.as_ref() != expected {
            let text = |version: Option<&Version>| version.map_or("no state".to_owned(), ToString::to_string);
            return Err(self.moved(text(expected), text(found.as_ref())));
        }
        self.put(version, bytes, ours)
    }

    fn write_over(
        &self,
        found: Option<&[u8]>,
        version: &Version,
        bytes: &[u8],
        ours: &Ours<'_>,
    ) -> Result<(), StateError> {
        if self.read()?.as_deref() != found {
            return Err(self.moved("an unreadable state".to_owned(), "a different state".to_owned()));
        }
        self.put(version, bytes, ours)
    }

    fn set_aside(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, StateError> {
        self.make_backups()?;
        let path = self.paths.backups.join(name);
        replace(self.disk(), &path, bytes, &|| Ok(()))?;
        Ok(path)
    }

    fn history(&self) -> Result<Vec<Generation>, StateError> {
        // A damaged state is when the history is needed most, and then no word of it is believed.
        let current = self.read()?.and_then(|bytes| file::from_bytes(self.path(), &bytes).ok());
        let mut all = self.generations()?;
        all.retain(|one| current.as_ref().is_none_or(|current| one.serial <= current.serial));
        // Set aside and still among the last ten: the permanent copy is reported.
        all.dedup_by(|later, kept| {
            let same = later.serial == kept.serial;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Ok(all)
    }

    fn generation(&self, serial: u64) -> Result<Vec<u8>, StateError> {
        if let Some(bytes) = read(self.disk(), &self.kept(serial))? {
            return Ok(bytes);
        }
        let aside = self.generations()?.into_iter().find(|one| one.serial == serial);
        let bytes = aside.map(|one| read(self.disk(), &one.path)).transpose()?.flatten();
        bytes.ok_or_else(|| StateError::NoGeneration { path: self.paths.backups.clone(), serial })
    }
}

/// The bytes of a file; none when there is no such file.
pub(super) fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match disk.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("read", path, &error)),
    }
}

/// Makes a folder and all that it is in. Each one that is made is lasting when this returns:
/// otherwise a power cut takes it away with all that was safely written in it.
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
        Err(error) => Err(StateError::io("create", folder, &error)),
    }
}

/// Makes lasting that this folder is there: whoever made it may have been killed before it had done so.
fn keep_folder(disk: &dyn Disk, folder: &Path) -> Result<(), StateError> {
    let parent = folder_of(folder);
    match disk.sync_folder(parent) {
        // Not everything that a folder can be in may be read by us, or knows of this.
        Err(error) if !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput) => {
            Err(StateError::io("sync", parent, &error))
        }
        // Folders further up are seldom new, and not for us to complain of.
        _ if folder_of(parent) != parent => keep_folder(disk, parent).or(Ok(())),
        _ => Ok(()),
    }
}

/// Creates a file that only its owner may read.
pub(super) fn create_private(disk: &dyn Disk, path: &Path) -> Result<Box<dyn OpenFile>, StateError> {
    // Removed first, because opening an old one would keep its permissions.
    remove(disk, path)?;
    disk.create(path, Access::Private).map_err(|error| StateError::io("create", path, &error))
}

/// Removes a file, which need not exist.
pub(super) fn remove(disk: &dyn Disk, path: &Path) -> Result<(), StateError> {
    match disk.remove(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StateError::io("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Makes creations, renames and removals in a directory durable.
pub(super) fn sync_folder(disk: &dyn Disk, folder: &Path) -> Result<(), StateError> {
    disk.sync_folder(folder).map_err(|error| StateError::io("sync", folder, &error))
}

/// Replaces a file so that at any moment, and after a power cut, it is wholly old or wholly new.
/// The name of the new one is fixed: the lock makes us the only writer, and a kill leaves one
/// file behind at most, which the next write removes.
fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8], ours: &Ours<'_>) -> Result<(), StateError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.new"));
    let file = create_private(disk, &new)?;
    let written = file.write_at(bytes, 0).and_then(|()| file.sync());
    let written = written.map_err(|error| StateError::io("write", &new, &error)).and_then(|()| ours());
    if let Err(error) = written {
        // Gives back the room on a full disk; a failure of this one would hide the first.
        drop(disk.remove_same(&new, file.as_ref()));
        return Err(error);
    }
    disk.rename(&new, path).map_err(|error| StateError::io("replace", path, &error))?;
    sync_folder(disk, folder_of(path))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::super::model::State;
    use super::*;

    fn write(file: &LocalFile, from: Option<u64>, to: u64) -> Result<(), StateError> {
        let mut state = State::fresh("lab", "line".into(), "salt".into());
        state.serial = to;
        let expected = from.map(|serial| Version { lineage: "line".into(), serial });
        file.write_if(expected.as_ref(), &state.version(), &file::to_bytes(&state), &|| Ok(()))
    }

    #[test]
    fn ten_generations_are_kept_and_only_the_owner_may_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = LocalFile::new(&folder.path().join("new/lab.json"));
        assert!(file.read().unwrap().is_none());
        write(&file, None, 1).unwrap();
        for serial in 2..=13 {
            write(&file, Some(serial - 1), serial).unwrap();
        }
        let history = file.history().unwrap();
        assert_eq!(history.iter().map(|one| one.serial).collect::<Vec<_>>(), (4..=13).collect::<Vec<_>>());
        assert_eq!(file.generation(13).unwrap(), file.read().unwrap().unwrap());
        assert_eq!(file::from_bytes(file.path(), &file.generation(4).unwrap()).unwrap().serial, 4);
        assert!(matches!(file.generation(3), Err(StateError::NoGeneration { serial: 3, .. })));
        for path in [file.path(), &history[0].path] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let left: Vec<_> =
            fs::read_dir(folder.path().join("new")).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn a_state_that_moved_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = LocalFile::new(&folder.path().join("lab.json"));
        write(&file, None, 1).unwrap();
        for expected in [None, Some(2)] {
            let error = write(&file, expected, 3).unwrap_err();
            assert!(error.to_string().ends_with("found serial 1 of lineage line"), "{error}");
        }
        write(&file, Some(1), 2).unwrap();
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_state_and_no_litter() {
        let folder = tempfile::tempdir().unwrap();
        let file = LocalFile::new(&folder.path().join("lab.json"));
        write(&file, None, 1).unwrap();
        let before = file.read().unwrap();
        // What stands in the way of the new file stands for a full disk or a folder of someone else.
        fs::create_dir(folder.path().join(".lab.json.new")).unwrap();
        let error = write(&file, Some(1), 2).unwrap_err();
        assert!(error.to_string().contains(".lab.json.new: cannot "), "{error}");
        assert!(error.hint().unwrap().to_string().contains("is a directory"));
        assert_eq!(file.read().unwrap(), before);
        assert_eq!(file.history().unwrap().len(), 1);
    }
}
