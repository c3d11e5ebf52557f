//! A state in a local file.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::backend::{Backend, Generation};
use super::error::StateError;
use super::file;
use super::model::Version;
use super::paths::{Paths, folder_of};

/// Between serial and surgery in the name of a generation that was set aside.
pub(super) const BEFORE: &str = "-before-";

/// A state file with its kept generations beside it.
#[derive(Clone, Debug)]
pub struct LocalFile {
    paths: Paths,
}

impl LocalFile {
    /// Kept generations, the current one included: enough to come back from a bad day, small
    /// enough to need no care.
    pub const GENERATIONS: usize = 10;

    /// The state file at this path, which need not exist.
    pub fn new(path: &Path) -> Self {
        Self { paths: Paths::new(path) }
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
        kept[..excess].iter().try_for_each(|one| remove(&one.path))
    }

    fn make_backups(&self) -> Result<(), StateError> {
        make_folder(self.paths.folder())?;
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700);
        private.create(&self.paths.backups).map_err(|error| StateError::io("create", &self.paths.backups, &error))
    }

    fn put(&self, version: &Version, bytes: &[u8]) -> Result<(), StateError> {
        self.make_backups()?;
        // The copy goes first: when there is no room for both, the state is as it was.
        replace(&self.kept(version.serial), bytes)?;
        replace(&self.paths.state, bytes)?;
        // The state is written; what could not be removed is tried again with the next one.
        drop(self.prune(version.serial));
        Ok(())
    }

    fn moved(&self, expected: String, found: String) -> StateError {
        StateError::Moved { path: self.paths.state.clone(), expected, found }
    }

    fn generations(&self) -> Result<Vec<Generation>, StateError> {
        let folder = &self.paths.backups;
        let failed = |error: std::io::Error| StateError::io("list", folder, &error);
        let files = match fs::read_dir(folder) {
            Ok(files) => files,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut all = Vec::new();
        for file in files {
            let file = file.map_err(failed)?;
            let name = file.file_name().to_string_lossy().into_owned();
            // Anything else in the folder is somebody's, not ours.
            let Some(stem) = name.strip_suffix(".json") else { continue };
            let (serial, before) = match stem.split_once(BEFORE) {
                Some((serial, operation)) => (serial, Some(operation.to_owned())),
                None => (stem, None),
            };
            let Ok(serial) = serial.parse() else { continue };
            let about = file.metadata().map_err(failed)?;
            let written = about.modified().map_err(failed)?;
            all.push(Generation { serial, written, size: about.len(), path: file.path(), before });
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
        read(&self.paths.state)
    }

    fn write_if(&self, expected: Option<&Version>, version: &Version, bytes: &[u8]) -> Result<(), StateError> {
        let found = self.read()?.map(|bytes| file::version(self.path(), &bytes)).transpose()?;
        if found.as_ref() != expected {
            let text = |version: Option<&Version>| version.map_or("no state".to_owned(), ToString::to_string);
            return Err(self.moved(text(expected), text(found.as_ref())));
        }
        self.put(version, bytes)
    }

    fn write_over(&self, found: Option<&[u8]>, version: &Version, bytes: &[u8]) -> Result<(), StateError> {
        if self.read()?.as_deref() != found {
            return Err(self.moved("what could not be read".to_owned(), "something else".to_owned()));
        }
        self.put(version, bytes)
    }

    fn set_aside(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, StateError> {
        self.make_backups()?;
        let path = self.paths.backups.join(name);
        replace(&path, bytes)?;
        Ok(path)
    }

    fn history(&self) -> Result<Vec<Generation>, StateError> {
        // A damaged state is when the history is needed most, and then no word of it is believed.
        let current = self.read()?.and_then(|bytes| file::from_bytes(self.path(), &bytes).ok());
        let mut all = self.generations()?;
        all.retain(|one| current.as_ref().is_none_or(|current| one.serial <= current.serial));
        // Set aside and still among the last ten: the one that stays is told.
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
        if let Some(bytes) = read(&self.kept(serial))? {
            return Ok(bytes);
        }
        let aside = self.generations()?.into_iter().find(|one| one.serial == serial);
        let bytes = aside.map(|one| read(&one.path)).transpose()?.flatten();
        bytes.ok_or_else(|| StateError::NoGeneration { path: self.paths.backups.clone(), serial })
    }
}

/// The bytes of a file; none when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("read", path, &error)),
    }
}

/// Makes the folder of state files.
pub(super) fn make_folder(folder: &Path) -> Result<(), StateError> {
    fs::create_dir_all(folder).map_err(|error| StateError::io("create", folder, &error))
}

/// Creates a file that only its owner may read.
pub(super) fn create_private(path: &Path) -> Result<File, StateError> {
    // Removed first, because opening an old one would keep its permissions.
    remove(path)?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| StateError::io("create", path, &error))
}

/// Removes a file, which need not exist.
pub(super) fn remove(path: &Path) -> Result<(), StateError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StateError::io("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Makes what was created, renamed or removed in a folder last.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StateError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| StateError::io("sync", folder, &error))
}

/// Replaces a file so that at any moment, and after a power cut, it is wholly old or wholly new.
/// The name of the new one is fixed: the lock makes us the only writer, and a kill leaves one
/// file behind at most, which the next write removes.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.new"));
    let written = create_private(&new).and_then(|mut file| {
        let done = file.write_all(bytes).and_then(|()| file.sync_all());
        done.map_err(|error| StateError::io("write", &new, &error))
    });
    if let Err(error) = written {
        // Gives back the room on a full disk; a failure of this one would hide the first.
        drop(fs::remove_file(&new));
        return Err(error);
    }
    fs::rename(&new, path).map_err(|error| StateError::io("replace", path, &error))?;
    sync_folder(folder_of(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::model::State;
    use super::*;

    fn write(file: &LocalFile, from: Option<u64>, to: u64) -> Result<(), StateError> {
        let mut state = State::fresh("lab", "line".into(), "salt".into());
        state.serial = to;
        let expected = from.map(|serial| Version { lineage: "line".into(), serial });
        file.write_if(expected.as_ref(), &state.version(), &file::to_bytes(&state))
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
        assert!(error.hint().unwrap().starts_with("nothing is lost"));
        assert_eq!(file.read().unwrap(), before);
        assert_eq!(file.history().unwrap().len(), 1);
    }
}
