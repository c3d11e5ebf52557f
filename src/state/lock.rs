//! The lock: a lease that its holder renews, whatever the place.
//!
//! A lease that was not renewed for [`Timing::lease`](super::place::Timing) and stays so while it is being watched has
//! no holder any more. Some places know sooner that a holder is gone.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::error::{StateError, nothing_is_lost};
use super::holder::Holder;
use super::place::{Held, Lock, Part, Place, Purpose, Writer};

/// A held lock. Dropping it gives it back.
#[derive(Debug)]
pub struct Lease {
    writer: Arc<dyn Writer>,
    stop: Option<(Sender<()>, JoinHandle<()>)>,
}

/// Interval between two reads of a watched lock: often enough to see a renewal, rarely enough not to delay other
/// runs.
const WATCH_POLL: Duration = Duration::from_millis(500);

/// Who holds the lock of a place, and whether that process is alive; none when nobody holds it. A lease that seems
/// expired by its holder's clock is watched; `watching` is called before, with how long that takes at most.
///
/// # Errors
/// [`StateError::LockUnreadable`] or [`StateError::Io`] when the lock cannot be read.
pub fn show(place: &Arc<dyn Place>, watching: impl FnOnce(Duration)) -> Result<Option<(Holder, Held)>, StateError> {
    let (machine, timing) = (place.machine(), place.timing());
    let here = machine.holder("show");
    let now = || match place.lock(&here, Purpose::Show)? {
        Lock::Free => Ok(None),
        Lock::Held { holder, held, .. } => Ok(Some((*holder, held))),
        unreadable @ Lock::Unreadable { .. } => Err(unreadable.refusal(place.name(Part::Lock))),
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
pub fn held_as(
    place: &Arc<dyn Place>,
    id: &str,
    watching: impl FnOnce(Duration),
) -> Result<(Holder, Held), StateError> {
    match show(place, watching)? {
        Some((holder, held)) if holder.id == id => Ok((holder, held)),
        found => Err(not_that_lock(place, id, found.map(|(holder, _)| holder.id))),
    }
}

/// Breaks the lock with this id, whoever holds it. A holder that is alive notices before its next write, and stops.
///
/// # Errors
/// [`StateError::NotThatLock`] when the lock has another id or nobody holds it.
pub fn break_lock(place: &Arc<dyn Place>, id: &str) -> Result<Holder, StateError> {
    match place.lock(&place.machine().holder("break"), Purpose::Take)? {
        Lock::Free => Err(not_that_lock(place, id, None)),
        Lock::Held { holder, .. } if holder.id != id => Err(not_that_lock(place, id, Some(holder.id))),
        Lock::Held { holder, left, .. } => left.remove().map(|()| *holder),
        unreadable @ Lock::Unreadable { .. } => Err(unreadable.refusal(place.name(Part::Lock))),
    }
}

fn not_that_lock(place: &Arc<dyn Place>, wanted: &str, found: Option<String>) -> StateError {
    StateError::NotThatLock { at: place.name(Part::Lock), wanted: wanted.to_owned(), found }
}

impl Lease {
    /// The lease of this writer. A thread renews it, unless the machine is simulated.
    pub(super) fn new(place: &dyn Place, writer: Arc<dyn Writer>) -> Result<Self, StateError> {
        let mut lease = Self { writer, stop: None };
        if place.machine().renews() {
            let renewal = renew(Arc::clone(&lease.writer), place.timing().renewal);
            lease.stop = Some(renewal.map_err(|error| {
                let (at, hint) = (place.name(Part::Lock), nothing_is_lost("fix the cause"));
                StateError::Io { act: "create", at, reason: error.to_string(), hint }
            })?);
        }
        Ok(lease)
    }

    /// The holder of this lock: this process.
    pub fn holder(&self) -> &Holder {
        self.writer.holder()
    }

    /// All that can be written while the lock is held.
    pub(super) fn writer(&self) -> &dyn Writer {
        self.writer.as_ref()
    }

    /// Renews the lease. A thread does so by itself, except on a simulated machine
    /// ([`Machine::renews`](super::Machine::renews)).
    ///
    /// # Errors
    /// [`StateError::LockLost`] when it was broken or taken over, or that it cannot be written.
    pub fn renew(&self) -> Result<(), StateError> {
        self.writer.renew()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.stop.take() {
            drop(stop);
            // A panic in the renewal thread gives no result.
            drop(thread.join());
        }
        self.writer.release();
    }
}

/// Renews the lease until the sender is dropped or the lock is lost.
fn renew(writer: Arc<dyn Writer>, every: Duration) -> std::io::Result<(Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = channel::<()>();
    let thread = thread::Builder::new().name("lease".to_owned()).spawn(move || {
        while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
            // Any other failure shows itself as an old time, and the next turn tries again.
            if let Err(StateError::LockLost { .. }) = writer.renew() {
                break;
            }
        }
    })?;
    Ok((stop, thread))
}
