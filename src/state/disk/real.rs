//! The disk of this machine.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Access, Disk, FileId, Listed, Machine, OpenFile};
use crate::input;
use crate::state::holder::Holder;

/// The disk, the clock and the names of this machine.
#[derive(Clone, Copy, Debug)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile(File);

impl Access {
    fn of_folder(self) -> u32 {
        match self {
            Self::Private => 0o700,
            Self::Shared => 0o777,
        }
    }

    fn of_file(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Shared => 0o644,
        }
    }
}

fn id_of(about: &fs::Metadata) -> FileId {
    FileId { device: about.dev(), inode: about.ino() }
}

impl Disk for RealDisk {
    fn machine(&self) -> &dyn Machine {
        self
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        input::read(path, input::STATE)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Listed>> {
        let listed = |file: io::Result<fs::DirEntry>| {
            let file = file?;
            let about = file.metadata()?;
            let name = file.file_name().to_string_lossy().into_owned();
            Ok(Listed { name, size: about.len(), modified: about.modified()? })
        };
        fs::read_dir(folder)?.map(listed).collect()
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn make_folder(&self, folder: &Path, access: Access) -> io::Result<()> {
        DirBuilder::new().mode(access.of_folder()).create(folder)
    }

    fn create(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(access.of_file()).open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        // Network file systems lock only what is open for writing; someone else's file can only be read.
        let file = OpenOptions::new().read(true).write(true).open(path).or_else(|_| input::open(path))?;
        Ok(Box::new(RealFile(file)))
    }

    fn id(&self, path: &Path) -> io::Result<FileId> {
        Ok(id_of(&fs::metadata(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let from = tempfile::TempPath::try_from_path(from)?;
        // What was not renamed is removed.
        from.persist_noclobber(to).map_err(|error| error.error)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_same(&self, path: &Path, file: &dyn OpenFile) -> io::Result<()> {
        static REMOVING: Mutex<()> = Mutex::new(());
        let _one = REMOVING.lock().unwrap_or_else(PoisonError::into_inner);
        match (file.id(), self.id(path)) {
            (Ok(open), Ok(named)) if open == named => fs::remove_file(path),
            _ => Ok(()),
        }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

impl OpenFile for RealFile {
    fn read(&self) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.0.metadata()?.len()).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        let mut read = 0;
        while read < length {
            match self.0.read_at(&mut bytes[read..], read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(read);
        Ok(bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        locked(self.0.try_lock())
    }

    fn try_lock_shared(&self) -> io::Result<bool> {
        locked(self.0.try_lock_shared())
    }

    fn id(&self) -> io::Result<FileId> {
        Ok(id_of(&self.0.metadata()?))
    }
}

fn locked(tried: Result<(), TryLockError>) -> io::Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Machine for RealDisk {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn uptime(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn holder(&self, operation: &str) -> Holder {
        Holder::here(operation)
    }

    fn renews(&self) -> bool {
        true
    }
}
