//! Ctrl-C: once to end gracefully, twice to stop now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

use super::error::Exit;
use super::ui::Ui;
use crate::engine::Interrupt;

/// Whether a run is under way, which ends gracefully by itself.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// How long a command that is interrupted before its run may take to end; one that waits for an answer on the terminal
/// does not hear of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is said then.
pub(super) const NOTHING_BEGUN: &str = "interrupted; nothing was begun";

fn signals() -> Option<(Signal, Signal)> {
    signal(SignalKind::interrupt()).ok().zip(signal(SignalKind::terminate()).ok())
}

/// Hears of Ctrl-C or SIGTERM from now on until a run has begun.
pub(super) fn before_the_run(ui: Ui) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    let Some((mut interrupt, mut terminate)) = signals() else { return receiver };
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if RUNNING.load(Ordering::SeqCst) {
            return;
        }
        let _ = sender.send(());
        tokio::time::sleep(PATIENCE).await;
        ui.stream.stopped(NOTHING_BEGUN);
        end(ui.stream.end(Exit::Interrupted));
    });
    receiver
}

#[expect(clippy::exit, reason = "the thread that would return waits for a line on the terminal")]
fn end(exit: Exit) {
    std::process::exit(i32::from(exit as u8));
}

/// Listens for Ctrl-C and SIGTERM for the rest of the process.
pub(super) fn listen() -> watch::Receiver<Interrupt> {
    let (sender, receiver) = watch::channel(Interrupt::None);
    // Here and not in the task, which may be late: until then a signal would end the process.
    let Some((mut interrupt, mut terminate)) = signals() else { return receiver };
    RUNNING.store(true, Ordering::SeqCst);
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
