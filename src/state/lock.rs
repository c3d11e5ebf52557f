//! The lock: a lease in a file.
//!
//! The file appears whole or not at all (written aside, then linked into place unless something
//! is there), and its holder keeps a kernel lock on it for as long as it lives. On one machine the
//! kernel tells whether the holder is gone, at once and without guessing by process ids. From
//! another machine, over a shared folder, only time can tell: a lease that was not renewed for
//! [`Timing::lease`] and stays so while it is being watched has no holder any more.
//!
//! Whoever takes over or breaks a lock removes the file. A holder whose file is gone has lost the
//! lock and writes nothing more ([`Lease::check`]).

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use super::error::StateError;
use super::holder::{Holder, timestamp};
use super::local::make_folder;
use super::paths::{Paths, folder_of};

/// How long things take.
#[derive(Clone, Copy, Debug)]
struct Timing {
    /// A lease that was not renewed for so long may have lost its holder.
    lease: Duration,
    /// A holder renews this often: a sixth of the lease, so that a slow disk does not lose it.
    renewal: Duration,
    /// How long a lease that seems expired is watched before it is taken over, because the clocks
    /// of two machines may differ: longer than a renewal.
    watch: Duration,
}

impl Timing {
    const DEFAULT: Self =
        Self { lease: Duration::from_mins(1), renewal: Duration::from_secs(10), watch: Duration::from_secs(15) };
}

/// Between two tries while waiting.
const POLL: Duration = Duration::from_millis(50);

/// Tries go on for so long even without a timeout: someone who only looks at a lock file, or is
/// just about to give it back, must not fail us.
const GRACE: Duration = Duration::from_millis(200);

/// A held lock. Dropping it gives it back.
#[derive(Debug)]
pub struct Lease {
    path: PathBuf,
    file: Arc<File>,
    holder: Holder,
    stop: Option<(Sender<()>, JoinHandle<()>)>,
}

/// Whether the holder of a lock lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It lives.
    Alive,
    /// It works on another machine and was heard of within a minute.
    Elsewhere,
    /// It is gone; the next run takes the lock over.
    Gone,
}

/// Takes the lock of the state file at `state`; waits up to `timeout` for it (zero: one try).
///
/// # Errors
/// [`StateError::Locked`] when someone else still holds it then; [`StateError::Io`] when the lock
/// file cannot be written.
pub fn acquire(state: &Path, operation: &str, timeout: Duration) -> Result<Lease, StateError> {
    acquire_with(state, operation, timeout, Timing::DEFAULT)
}

fn acquire_with(state: &Path, operation: &str, timeout: Duration, timing: Timing) -> Result<Lease, StateError> {
    let paths = Paths::new(state);
    make_folder(paths.folder())?;
    let here = Holder::here(operation);
    let mut deadline = Instant::now() + timeout.max(GRACE);
    let mut watched: Option<(Box<Holder>, Instant)> = None;
    loop {
        let found = Found::at(&paths.lock, &here)?;
        match &found {
            Found::Nothing => {
                if let Some(lease) = Lease::place(&paths.lock, here.taking(), timing)? {
                    return Ok(lease);
                }
            }
            Found::Lock { file, held: Held::Gone, .. } => {
                remove_same(&paths.lock, file)?;
                continue;
            }
            Found::Lock { file, holder, held: Held::Elsewhere } if holder.silent_for() > timing.lease => match &watched
            {
                Some((seen, since)) if seen == holder => {
                    if since.elapsed() > timing.watch {
                        remove_same(&paths.lock, file)?;
                        continue;
                    }
                }
                Some(_) => watched = Some((holder.clone(), Instant::now())),
                None => {
                    watched = Some((holder.clone(), Instant::now()));
                    // Only once: a holder that renews is alive, whatever its clock says.
                    deadline = deadline.max(Instant::now() + timing.watch + GRACE);
                }
            },
            Found::Lock { .. } | Found::Unreadable { .. } => {}
        }
        if Instant::now() >= deadline {
            return Err(found.refusal(&paths.lock));
        }
        // The file and its kernel lock are let go before the wait.
        drop(found);
        thread::sleep(POLL);
    }
}

/// Who holds the lock of the state file at `state`, and whether that one lives; none when nobody
/// does.
///
/// # Errors
/// [`StateError::LockUnreadable`] or [`StateError::Io`] when the lock file cannot be read.
pub fn show(state: &Path) -> Result<Option<(Holder, Held)>, StateError> {
    let path = Paths::new(state).lock;
    match Found::at(&path, &Holder::here("look"))? {
        Found::Nothing => Ok(None),
        Found::Lock { holder, held: Held::Elsewhere, .. } if holder.silent_for() > Timing::DEFAULT.lease => {
            Ok(Some((*holder, Held::Gone)))
        }
        Found::Lock { holder, held, .. } => Ok(Some((*holder, held))),
        unreadable @ Found::Unreadable { .. } => Err(unreadable.refusal(&path)),
    }
}

/// The holder of the lock with this id, and whether it lives.
///
/// # Errors
/// As [`break_lock`].
pub fn held_as(state: &Path, id: &str) -> Result<(Holder, Held), StateError> {
    let wrong = |found| StateError::NotThatLock { path: Paths::new(state).lock, wanted: id.to_owned(), found };
    match show(state)? {
        Some((holder, held)) if holder.id == id => Ok((holder, held)),
        found => Err(wrong(found.map(|(holder, _)| holder.id))),
    }
}

/// Breaks the lock with this id, whoever holds it. A holder that lives notices before it writes
/// again, and stops.
///
/// # Errors
/// [`StateError::NotThatLock`] when the lock has another id or nobody holds it.
pub fn break_lock(state: &Path, id: &str) -> Result<Holder, StateError> {
    let path = Paths::new(state).lock;
    let wrong = |found| StateError::NotThatLock { path: path.clone(), wanted: id.to_owned(), found };
    match Found::at(&path, &Holder::here("look"))? {
        Found::Nothing => Err(wrong(None)),
        Found::Lock { holder, .. } if holder.id != id => Err(wrong(Some(holder.id))),
        Found::Lock { holder, file, .. } => {
            remove_same(&path, &file)?;
            Ok(*holder)
        }
        unreadable @ Found::Unreadable { .. } => Err(unreadable.refusal(&path)),
    }
}

impl Lease {
    /// Puts a lock file in place, if there is none.
    fn place(path: &Path, holder: Holder, timing: Timing) -> Result<Option<Self>, StateError> {
        let failed = |error: std::io::Error| StateError::io("create", path, &error);
        // Readable by all: whoever shares the folder may see who works.
        let mut file = tempfile::Builder::new()
            .prefix(".lock.")
            .permissions(Permissions::from_mode(0o644))
            .tempfile_in(folder_of(path))
            // The random name says nothing to anybody.
            .map_err(|error| failed(error.kind().into()))?;
        file.write_all(content(&holder).as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        // Locked before it has its name, so that nobody ever sees it without its kernel lock.
        file.as_file().try_lock().map_err(|error| failed(error.into()))?;
        let file = match file.persist_noclobber(path) {
            Ok(file) => Arc::new(file),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(failed(error.error)),
        };
        let stop = renew(path.to_owned(), Arc::clone(&file), holder.clone(), timing.renewal).map_err(failed)?;
        Ok(Some(Self { path: path.to_owned(), file, holder, stop: Some(stop) }))
    }

    /// Who we are.
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// That the lock is still ours. Cheap: to be asked before each write.
    ///
    /// # Errors
    /// [`StateError::LockLost`] when it was broken or taken over.
    pub fn check(&self) -> Result<(), StateError> {
        if is_at(&self.file, &self.path) {
            Ok(())
        } else {
            Err(StateError::LockLost { path: self.path.clone(), id: self.holder.id.clone() })
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.stop.take() {
            drop(stop);
            // A renewal that panicked has nothing to tell us.
            drop(thread.join());
        }
        // What cannot be removed is taken over by the next run: the kernel lock ends here.
        drop(remove_same(&self.path, &self.file));
    }
}

/// Renews the lease until the sender is dropped or the file is no longer ours.
fn renew(
    path: PathBuf,
    file: Arc<File>,
    mut holder: Holder,
    every: Duration,
) -> std::io::Result<(Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = channel::<()>();
    let thread = thread::Builder::new().name("lease".to_owned()).spawn(move || {
        while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) && is_at(&file, &path) {
            holder.renewed = timestamp(SystemTime::now());
            // In place: the text keeps its length, and one small write is not torn by a kill. A
            // failure shows itself as an old time, and the next turn tries again.
            drop(file.write_all_at(content(&holder).as_bytes(), 0));
        }
    })?;
    Ok((stop, thread))
}

fn content(holder: &Holder) -> String {
    let text = serde_json::to_string_pretty(holder).expect("a struct of texts and numbers");
    format!("{text}\n")
}

/// What stands at the path of a lock file. While it lives, so does the kernel lock that a look at
/// an abandoned file has taken: two who find it cannot both remove it.
enum Found {
    Nothing,
    Lock { file: File, holder: Box<Holder>, held: Held },
    Unreadable { reason: String },
}

impl Found {
    fn at(path: &Path, here: &Holder) -> Result<Self, StateError> {
        let failed = |error: std::io::Error| StateError::io("read", path, &error);
        // Network file systems lock only what is open for writing; someone else's file can only be read.
        let opened = OpenOptions::new().read(true).write(true).open(path).or_else(|_| File::open(path));
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::Nothing),
            Err(error) => return Err(failed(error)),
        };
        let free = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(StateError::io("lock", path, &error)),
        };
        if !is_at(&file, path) {
            return Ok(Self::Nothing);
        }
        let mut text = String::new();
        if let Err(error) = file.read_to_string(&mut text) {
            return Ok(Self::Unreadable { reason: error.to_string() });
        }
        let holder: Holder = match serde_json::from_str(&text) {
            Ok(holder) => holder,
            Err(error) => return Ok(Self::Unreadable { reason: error.to_string() }),
        };
        let held = match free {
            false => Held::Alive,
            true if here.shares_kernel_with(&holder) => Held::Gone,
            true => Held::Elsewhere,
        };
        Ok(Self::Lock { file, holder: Box::new(holder), held })
    }

    fn refusal(self, path: &Path) -> StateError {
        let path = path.to_owned();
        match self {
            Self::Lock { holder, .. } => StateError::Locked { path, holder },
            Self::Unreadable { reason } => StateError::LockUnreadable { path, reason },
            Self::Nothing => StateError::LockUnreadable { path, reason: "it comes and goes".to_owned() },
        }
    }
}

/// Whether this open file is the one at the path.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Removes the file at the path, if it is this one. Within this process looking and removing are
/// one act; between processes the kernel lock on the file makes them one.
fn remove_same(path: &Path, file: &File) -> Result<(), StateError> {
    static REMOVING: Mutex<()> = Mutex::new(());
    let _one = REMOVING.lock().unwrap_or_else(PoisonError::into_inner);
    if is_at(file, path) { super::local::remove(path) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
