//! The operations that a state needs from its machine, and the guarantees that it relies on.
//!
//! Everything that state, journal and lock do with files, clocks and names of machines goes through
//! [`Disk`], so that each byte and each rename can be cut off, lost or torn in a test. What may be
//! relied on, and nothing else:
//!
//! - what was written is seen by every process at once, but outlasts a power cut only when
//!   [`OpenFile::sync`] has returned after it; until then any part of it may be lost, and not only
//!   from its end;
//! - that a file was created, renamed or removed outlasts a power cut only when
//!   [`Disk::sync_folder`] of its folder has returned after it, whatever was done with its content;
//!   the same goes for a folder that was made;
//! - a rename is whole or not there at all;
//! - after a failed sync the content on disk is unknown, and a later sync does not fix it;
//! - a kernel lock belongs to an open file and ends with it, or with its process.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::holder::Holder;

mod real;
pub(super) mod simulated;

pub use real::RealDisk;

/// Who may read what is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Its owner alone.
    Private,
    /// Everybody who gets at the folder.
    Shared,
}

/// Identifies a file independently of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
}

/// A file in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name in the folder.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written to last.
    pub modified: SystemTime,
}

/// The files of a machine, as one process sees them.
pub trait Disk: Send + Sync + Debug {
    /// The machine on which that process runs.
    fn machine(&self) -> &dyn Machine;

    /// The content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The files of a folder, in any order.
    fn list(&self, folder: &Path) -> io::Result<Vec<Listed>>;

    /// Whether a folder is there.
    fn is_folder(&self, path: &Path) -> bool;

    /// Makes a folder in one that exists.
    fn make_folder(&self, folder: &Path, access: Access) -> io::Result<()>;

    /// Creates a file for writing where nothing is yet.
    fn create(&self, path: &Path, access: Access) -> io::Result<Box<dyn OpenFile>>;

    /// Opens a file as it is, for writing if that is allowed.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// The file that has this name now.
    fn id(&self, path: &Path) -> io::Result<FileId>;

    /// Renames a file within its directory, replacing an existing one.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// The same where nothing is yet.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when something is.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes the file at the path if it is this one. Looking and removing are one act within this
    /// process, and between processes only as far as the kernel lock on the file makes them one.
    fn remove_same(&self, path: &Path, file: &dyn OpenFile) -> io::Result<()>;

    /// Makes creations, renames and removals in a directory durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// An open file.
pub trait OpenFile: Send + Sync + Debug {
    /// All that is in it.
    fn read(&self) -> io::Result<Vec<u8>>;

    /// Writes all of `bytes` at this offset; on an error, any part of them may be there.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts it off.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Makes content and length lasting; its name is a matter of [`Disk::sync_folder`].
    fn sync(&self) -> io::Result<()>;

    /// Takes the kernel lock, if nobody else has it; says whether we have it now.
    fn try_lock(&self) -> io::Result<bool>;

    /// Takes the kernel lock as one reader of many, if nobody has it alone; says whether we have it now.
    fn try_lock_shared(&self) -> io::Result<bool>;

    /// Which file it is.
    fn id(&self) -> io::Result<FileId>;
}

/// Information about the machine of a process, and the time.
pub trait Machine: Send + Sync + Debug {
    /// The time of day by the machine's clock, which may be wrong and may be set at any moment.
    fn now(&self) -> SystemTime;

    /// Monotonic time since an arbitrary moment.
    fn uptime(&self) -> Duration;

    /// Waits.
    fn pause(&self, time: Duration);

    /// This process as the holder of a lock that it takes now, with a new id.
    fn holder(&self, operation: &str) -> Holder;

    /// Whether leases that are held here are renewed by a thread. Otherwise
    /// [`Lease::renew`](super::Lease::renew) is to be called.
    fn renews(&self) -> bool;
}

/// This machine's disk.
pub(super) fn real() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}
