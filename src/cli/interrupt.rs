//! Ctrl-C: once to end gracefully, twice to stop now.

use tokio::sync::watch;

use crate::engine::Interrupt;

/// Listens for Ctrl-C and SIGTERM for the rest of the process.
pub(super) fn listen() -> watch::Receiver<Interrupt> {
    let (sender, receiver) = watch::channel(Interrupt::None);
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
        loop {
            tokio::select! {
                result = tokio::signal::ctrl_c() => if result.is_err() { return },
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
