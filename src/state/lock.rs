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

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::disk::{self, Access, Disk, OpenFile};
use super::error::StateError;
use super::holder::{Holder, timestamp};
use super::paths::{Paths, folder_of};

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// A lease that was not renewed for so long may have lost its holder.
    pub(super) lease: Duration,
    /// A holder renews this often: a sixth of the lease, so that a slow disk does not lose it.
    pub(super) renewal: Duration,
    /// How long a lease that seems expired is watched before it is taken over, because the clocks
    /// of two machines may differ: longer than a renewal.
    pub(super) watch: Duration,
}

impl Timing {
    pub(super) const DEFAULT: Self =
        Self { lease: Duration::from_mins(1), renewal: Duration::from_secs(10), watch: Duration::from_secs(15) };
}

/// How the names of files begin that are not in place yet.
const ASIDE: &str = ".lock.";

/// A held lock. Dropping it gives it back.
#[derive(Debug)]
pub struct Lease {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn OpenFile>,
    holder: Holder,
    stop: Option<(Sender<()>, JoinHandle<()>)>,
}

/// Whether the holder of a lock is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Its process runs on this machine.
    Alive,
    /// It runs on another machine and renews its lease.
    Elsewhere,
    /// It ran on another machine and did not renew its lease while it was watched.
    Silent,
    /// Its process ran on this machine and is gone; the next run takes over the lock.
    Gone,
}

/// Interval between two reads of a watched lock: often enough to see a renewal, rarely enough not to delay other
/// runs.
const WATCH_POLL: Duration = Duration::from_millis(500);

/// Who holds the lock of the state file at `state`, and whether that process is alive; none when nobody holds it. A lease
/// that seems expired by its holder's clock is watched; `watching` is called before, with how long that takes at most.
///
/// # Errors
/// [`StateError::LockUnreadable`] or [`StateError::Io`] when the lock file cannot be read.
pub fn show(state: &Path, watching: impl FnOnce(Duration)) -> Result<Option<(Holder, Held)>, StateError> {
    show_on(disk::real().as_ref(), state, Timing::DEFAULT, watching)
}

/// The same on another disk.
fn show_on(
    disk: &dyn Disk,
    state: &Path,
    timing: Timing,
    watching: impl FnOnce(Duration),
) -> Result<Option<(Holder, Held)>, StateError> {
    let path = Paths::new(state).lock;
    let machine = disk.machine();
    let here = machine.holder("look");
    let now = || match Found::read(disk, &path, &here)? {
        Found::Nothing => Ok(None),
        Found::Lock { holder, held, .. } => Ok(Some((*holder, held))),
        unreadable @ Found::Unreadable { .. } => Err(unreadable.refusal(&path)),
    };
    let Some((holder, held)) = now()? else { return Ok(None) };
    if held != Held::Elsewhere || holder.renewed_near(machine.now(), timing.lease) {
        return Ok(Some((holder, held)));
    }
    watching(timing.watch);
    let until = machine.uptime() + timing.watch;
    while machine.uptime() < until {
        machine.pause(WATCH_POLL.min(timing.watch));
        // A process that is about to take the lock holds it for a moment, so only the content counts.
        match now()? {
            Some((same, _)) if same == holder => {}
            other => return Ok(other),
        }
    }
    Ok(Some((holder, Held::Silent)))
}

/// The holder of the lock with this id, and whether it is alive; see [`show`].
///
/// # Errors
/// As [`break_lock`].
pub fn held_as(state: &Path, id: &str, watching: impl FnOnce(Duration)) -> Result<(Holder, Held), StateError> {
    let wrong = |found| StateError::NotThatLock { path: Paths::new(state).lock, wanted: id.to_owned(), found };
    match show(state, watching)? {
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
    break_lock_on(disk::real().as_ref(), state, id)
}

/// The same on another disk.
pub fn break_lock_on(disk: &dyn Disk, state: &Path, id: &str) -> Result<Holder, StateError> {
    let path = Paths::new(state).lock;
    let wrong = |found| StateError::NotThatLock { path: path.clone(), wanted: id.to_owned(), found };
    match Found::at(disk, &path, &disk.machine().holder("look"))? {
        Found::Nothing => Err(wrong(None)),
        Found::Lock { holder, .. } if holder.id != id => Err(wrong(Some(holder.id))),
        Found::Lock { holder, file, .. } => {
            disk.remove_same(&path, file.as_ref()).map_err(|error| StateError::io("remove", &path, &error))?;
            Ok(*holder)
        }
        unreadable @ Found::Unreadable { .. } => Err(unreadable.refusal(&path)),
    }
}

impl Lease {
    /// Puts a lock file in place, if there is none.
    pub(super) fn place(
        disk: &Arc<dyn Disk>,
        path: &Path,
        holder: Holder,
        timing: Timing,
    ) -> Result<Option<Self>, StateError> {
        let failed = |error: std::io::Error| StateError::io("create", path, &error);
        let aside = path.with_file_name(format!("{ASIDE}{}", holder.id));
        // Readable by everyone who shares the directory, to show the holder.
        let file = disk.create(&aside, Access::Shared);
        // The name of the file aside says nothing to anybody.
        let file: Arc<dyn OpenFile> = file.map_err(|error| failed(error.kind().into()))?.into();
        // Locked before it says anything and before it has its name, so that nobody ever takes it for one that was left.
        let locked = file.try_lock().and_then(|ours| if ours { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) });
        let written = locked.and_then(|()| file.write_at(content(&holder).as_bytes(), 0)).and_then(|()| file.sync());
        match written.and_then(|()| disk.rename_new(&aside, path)) {
            Ok(()) => {}
            Err(error) => {
                drop(disk.remove(&aside));
                return match error.kind() {
                    // Another one has the lock, or has just taken this file for one that was left behind.
                    ErrorKind::AlreadyExists | ErrorKind::WouldBlock | ErrorKind::NotFound => Ok(None),
                    _ => Err(failed(error)),
                };
            }
        }
        let mut lease = Self { disk: Arc::clone(disk), path: path.to_owned(), file, holder, stop: None };
        if disk.machine().renews() {
            lease.stop = Some(renew(&lease, timing.renewal).map_err(failed)?);
        }
        Ok(Some(lease))
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
        if is_at(self.disk.as_ref(), self.file.as_ref(), &self.path) {
            Ok(())
        } else {
            Err(StateError::LockLost { path: self.path.clone(), id: self.holder.id.clone() })
        }
    }

    /// Says that we live. A thread does so by itself, except on a simulated machine
    /// ([`Machine::renews`](super::Machine::renews)).
    ///
    /// # Errors
    /// As [`Lease::check`], or that the lock file cannot be written.
    pub fn renew(&self) -> Result<(), StateError> {
        self.check()?;
        say_alive(self.disk.as_ref(), self.file.as_ref(), &self.holder)
            .map_err(|error| StateError::io("write", &self.path, &error))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.stop.take() {
            drop(stop);
            // A panic in the renewal thread gives no result.
            drop(thread.join());
        }
        // A file that cannot be removed is taken over by the next run, because the kernel lock ends here.
        drop(self.disk.remove_same(&self.path, self.file.as_ref()));
    }
}

/// Removes what a kill left behind while the lock at this path was being taken: files aside that nobody has locked, and
/// whose owner would hold that lock if it lived. Of an owner on another machine, or one that did not come to say who it
/// is, a lease's time without a write has to do; should it live, it takes another try. What cannot be removed is left
/// for the next lock.
pub(super) fn remove_left_behind(disk: &dyn Disk, lock: &Path, here: &Holder, timing: Timing) {
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
        if silent > timing.lease || owner.is_some_and(|owner| here.shares_kernel_with(&owner)) {
            drop(disk.remove_same(&path, file.as_ref()));
        }
    }
}

/// Renews the lease until the sender is dropped or the file is no longer ours.
fn renew(lease: &Lease, every: Duration) -> std::io::Result<(Sender<()>, JoinHandle<()>)> {
    let (disk, path, file, holder) =
        (Arc::clone(&lease.disk), lease.path.clone(), Arc::clone(&lease.file), lease.holder.clone());
    let (stop, stopped) = channel::<()>();
    let thread = thread::Builder::new().name("lease".to_owned()).spawn(move || {
        while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout)
            && is_at(disk.as_ref(), file.as_ref(), &path)
        {
            // A failure shows itself as an old time, and the next turn tries again.
            drop(say_alive(disk.as_ref(), file.as_ref(), &holder));
        }
    })?;
    Ok((stop, thread))
}

/// Writes the time into a lock file, in place: the text keeps its length, and one small write is not
/// torn by a kill.
fn say_alive(disk: &dyn Disk, file: &dyn OpenFile, holder: &Holder) -> std::io::Result<()> {
    let renewed = timestamp(disk.machine().now());
    file.write_at(content(&Holder { renewed, ..holder.clone() }).as_bytes(), 0)
}

fn content(holder: &Holder) -> String {
    let text = serde_json::to_string_pretty(holder).expect("a struct of texts and numbers");
    format!("{text}\n")
}

/// What stands at the path of a lock file. While it lives, so does the kernel lock that a look at
/// an abandoned file has taken: two who find it cannot both remove it.
pub(super) enum Found {
    Nothing,
    Lock { file: Box<dyn OpenFile>, holder: Box<Holder>, held: Held },
    Unreadable { reason: String },
}

impl Found {
    /// For a process that takes the lock over or breaks it.
    pub(super) fn at(disk: &dyn Disk, path: &Path, here: &Holder) -> Result<Self, StateError> {
        Self::with(disk, path, here, |file| file.try_lock())
    }

    /// For a process that only reads: two that read at once must not take each other for the holder.
    fn read(disk: &dyn Disk, path: &Path, here: &Holder) -> Result<Self, StateError> {
        Self::with(disk, path, here, |file| file.try_lock_shared())
    }

    fn with(
        disk: &dyn Disk,
        path: &Path,
        here: &Holder,
        lock: impl FnOnce(&dyn OpenFile) -> std::io::Result<bool>,
    ) -> Result<Self, StateError> {
        let file = match disk.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::Nothing),
            Err(error) => return Err(StateError::io("read", path, &error)),
        };
        let free = lock(file.as_ref()).map_err(|error| StateError::io("lock", path, &error))?;
        if !is_at(disk, file.as_ref(), path) {
            return Ok(Self::Nothing);
        }
        let holder: Holder = match file.read().and_then(|bytes| Ok(serde_json::from_slice(&bytes)?)) {
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

    pub(super) fn refusal(self, path: &Path) -> StateError {
        let path = path.to_owned();
        match self {
            Self::Lock { holder, .. } => StateError::Locked { path, holder },
            Self::Unreadable { reason } => StateError::LockUnreadable { path, reason },
            Self::Nothing => StateError::LockUnreadable { path, reason: "it appears and disappears".to_owned() },
        }
    }
}

/// Whether this open file is the one at the path.
fn is_at(disk: &dyn Disk, file: &dyn OpenFile, path: &Path) -> bool {
    matches!((file.id(), disk.id(path)), (Ok(open), Ok(named)) if open == named)
}

#[cfg(test)]
mod tests;
