//! Taking the lock: one try after the other, until it is ours or patience ends.

use std::sync::Arc;
use std::time::Duration;

use super::error::StateError;
use super::holder::Holder;
use super::lock::Lease;
use super::place::{Held, Lock, Part, Place, Purpose, Timing};

/// Between two tries while waiting.
const POLL: Duration = Duration::from_millis(50);

/// Tries go on for so long even without a timeout: someone who only looks at a lock file, or is
/// just about to give it back, must not fail us.
const GRACE: Duration = Duration::from_millis(200);

/// Takes the lock of a place; waits up to `timeout` for it (zero: hardly at all). On a simulated machine waiting takes
/// no time, and no other process renews its lease meanwhile: to let others act while this one waits, make a [`Claim`].
///
/// # Errors
/// [`StateError::Locked`] when another process still holds it then; [`StateError::Io`] when the lock cannot be written.
pub fn acquire(place: &Arc<dyn Place>, operation: &str, timeout: Duration) -> Result<Lease, StateError> {
    Claim::new(place, operation)?.wait(timeout)
}

/// A process that wants the lock.
#[derive(Debug)]
pub struct Claim {
    place: Arc<dyn Place>,
    here: Holder,
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
    /// For the lock of this place, which is prepared for it.
    pub fn new(place: &Arc<dyn Place>, operation: &str) -> Result<Self, StateError> {
        place.prepare()?;
        let here = place.machine().holder(operation);
        let until = place.machine().uptime() + GRACE;
        Ok(Self { place: Arc::clone(place), here, watched: None, until })
    }

    /// One try; does not wait. A lease of another machine that seems to have lost its holder is taken
    /// over by a try that comes after it was watched by earlier ones for long enough.
    ///
    /// # Errors
    /// When the lock cannot be read or written.
    pub fn attempt(&mut self) -> Result<Attempt, StateError> {
        loop {
            let found = self.place.lock(&self.here, Purpose::Take)?;
            match &found {
                Lock::Free => {
                    let holder = self.here.taking(self.place.machine().now());
                    if let Some(writer) = self.place.take(holder)? {
                        return Ok(Attempt::Taken(Box::new(Lease::new(self.place.as_ref(), writer)?)));
                    }
                }
                Lock::Held { holder, held, left } if self.is_abandoned(holder, *held) => {
                    left.remove()?;
                    continue;
                }
                Lock::Held { .. } | Lock::Unreadable { .. } => {}
            }
            return Ok(Attempt::Refused(found.refusal(self.place.name(Part::Lock))));
        }
    }

    /// Whether this holder is gone. The clocks of two machines may differ, so one of another machine is watched
    /// before that is believed.
    fn is_abandoned(&mut self, holder: &Holder, held: Held) -> bool {
        let machine = self.place.machine();
        match held {
            Held::Alive => return false,
            Held::Gone => return true,
            Held::Elsewhere | Held::Silent => {}
        }
        let (now, Timing { lease, watch, .. }) = (machine.uptime(), self.place.timing());
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
    fn wait(mut self, timeout: Duration) -> Result<Lease, StateError> {
        let place = Arc::clone(&self.place);
        self.until = self.until.max(place.machine().uptime().saturating_add(timeout));
        loop {
            match self.attempt()? {
                Attempt::Taken(lease) => return Ok(*lease),
                Attempt::Refused(error) if place.machine().uptime() >= self.until => return Err(error),
                Attempt::Refused(_) => place.machine().pause(POLL),
            }
        }
    }
}
