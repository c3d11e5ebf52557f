//! Ctrl-C: once to end gracefully, twice to stop now.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::engine::Interrupt;

/// Listens for Ctrl-C and SIGTERM for the rest of the process.
pub(super) fn listen() -> watch::Receiver<Interrupt> {
    let (sender, receiver) = watch::channel(Interrupt::None);
    // Here and not in the task, which may be late: until then a signal would end the process.
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return receiver };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            let next = if *sender.borrow() == Interrupt::None { Interrupt::Graceful } else { Interrupt::Now };
            if sender.send(next).is_err() {
                return;
            }
        }
    });
    receiver
}
