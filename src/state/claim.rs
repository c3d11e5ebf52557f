//! Taking the lock: one try after the other, until it is ours or patience ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::disk::{self, Access, Disk};
use super::error::StateError;
use super::holder::Holder;
use super::local::make_folder;
use super::lock::{Found, Held, Lease, Timing, remove_left_behind};
use super::paths::Paths;

/// Between two tries while waiting.
const POLL: Duration = Duration::from_millis(50);

/// Tries go on for so long even without a timeout: someone who only looks at a lock file, or is
/// just about to give it back, must not fail us.
const GRACE: Duration = Duration::from_millis(200);

/// Takes the lock of the state file at `state`; waits up to `timeout` for it (zero: hardly at all).
///
/// # Errors
/// [`StateError::Locked`] when someone else still holds it then; [`StateError::Io`] when the lock
/// file cannot be written.
pub fn acquire(state: &Path, operation: &str, timeout: Duration) -> Result<Lease, StateError> {
    acquire_on(disk::real(), state, operation, timeout)
}

/// The same on another disk. On a simulated one waiting takes no time, and nobody renews their lease
/// meanwhile: where others are to act while this one waits, make a [`Claim`].
pub fn acquire_on(disk: Arc<dyn Disk>, state: &Path, operation: &str, timeout: Duration) -> Result<Lease, StateError> {
    Claim::new(disk, state, operation)?.wait(timeout)
}

/// Somebody who wants the lock.
#[derive(Debug)]
pub struct Claim {
    disk: Arc<dyn Disk>,
    lock: PathBuf,
    here: Holder,
    timing: Timing,
    /// The holder that seems to be gone, and since when it has not been heard of.
    watched: Option<(Box<Holder>, Duration)>,
    /// How long it is worth waiting in any case.
    until: Duration,
}

/// The result of one attempt.
#[derive(Debug)]
pub enum Attempt {
    /// The lock is ours.
    Taken(Box<Lease>),
    /// It is not; the error says who holds it.
    Refused(StateError),
}

impl Claim {
    /// Somebody who wants the lock of the state file at `state`. Makes the folder, if there is none.
    pub fn new(disk: Arc<dyn Disk>, state: &Path, operation: &str) -> Result<Self, StateError> {
        Self::with(disk, state, operation, Timing::DEFAULT)
    }

    pub(super) fn with(disk: Arc<dyn Disk>, state: &Path, operation: &str, timing: Timing) -> Result<Self, StateError> {
        let paths = Paths::new(state);
        make_folder(disk.as_ref(), paths.folder(), Access::Shared)?;
        let here = disk.machine().holder(operation);
        let until = disk.machine().uptime() + GRACE;
        Ok(Self { disk, lock: paths.lock, here, timing, watched: None, until })
    }

    /// One try; does not wait. A lease of another machine that seems to have lost its holder is taken
    /// over by a try that comes after it was watched by earlier ones for long enough.
    ///
    /// # Errors
    /// When the lock file cannot be read or written.
    pub fn attempt(&mut self) -> Result<Attempt, StateError> {
        loop {
            let found = Found::at(self.disk.as_ref(), &self.lock, &self.here)?;
            match &found {
                Found::Nothing => {
                    let holder = self.here.taking(self.disk.machine().now());
                    if let Some(lease) = Lease::place(&self.disk, &self.lock, holder, self.timing)? {
                        remove_left_behind(self.disk.as_ref(), &self.lock, &self.here, self.timing);
                        return Ok(Attempt::Taken(Box::new(lease)));
                    }
                }
                Found::Lock { file, holder, held } if self.is_abandoned(holder, *held) => {
                    let removed = self.disk.remove_same(&self.lock, file.as_ref());
                    removed.map_err(|error| StateError::io("remove", &self.lock, &error))?;
                    continue;
                }
                Found::Lock { .. } | Found::Unreadable { .. } => {}
            }
            return Ok(Attempt::Refused(found.refusal(&self.lock)));
        }
    }

    /// Whether this holder is gone. The clocks of two machines may differ, so one of another machine is watched
    /// before that is believed.
    fn is_abandoned(&mut self, holder: &Holder, held: Held) -> bool {
        let machine = self.disk.machine();
        match held {
            Held::Alive => return false,
            Held::Gone => return true,
            Held::Elsewhere | Held::Silent => {}
        }
        let (now, Timing { lease, watch, .. }) = (machine.uptime(), self.timing);
        let expired = holder.silent_for(machine.now()) > lease;
        // Its clock may be ahead of ours for years: then only what we see counts, and we have to see the whole lease.
        let watch = if expired { watch } else { lease + watch };
        match &self.watched {
            Some((seen, since)) if **seen == *holder => return now.saturating_sub(*since) > watch,
            // Only once: a holder that renews is alive, whatever its clock says.
            None if expired => self.until = self.until.max(now + watch + GRACE),
            _ => {}
        }
        self.watched = Some((Box::new(holder.clone()), now));
        false
    }

    /// Tries again and again, for so long.
    pub(super) fn wait(mut self, timeout: Duration) -> Result<Lease, StateError> {
        let disk = Arc::clone(&self.disk);
        self.until = self.until.max(disk.machine().uptime().saturating_add(timeout));
        loop {
            match self.attempt()? {
                Attempt::Taken(lease) => return Ok(*lease),
                Attempt::Refused(error) if disk.machine().uptime() >= self.until => return Err(error),
                Attempt::Refused(_) => disk.machine().pause(POLL),
            }
        }
    }
}
