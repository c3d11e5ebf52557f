//! Ctrl-C: once to end gracefully, twice to stop now.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};

use super::error::{CliError, Exit};
use super::ui::Ui;
use crate::engine::Interrupt;

/// Whether a run or a signal came first: a run ends gracefully; after a signal, none starts.
static FIRST: AtomicU8 = AtomicU8::new(NOTHING);
const NOTHING: u8 = 0;
const RUN: u8 = 1;
const SIGNAL: u8 = 2;

/// Whether this comes first.
fn is_first(what: u8) -> bool {
    FIRST.compare_exchange(NOTHING, what, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

/// The control channel of the run.
static WISH: OnceLock<watch::Sender<Interrupt>> = OnceLock::new();

/// How long a command that is interrupted before its run may take to end; one that waits for an answer on the terminal
/// does not hear of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The message for an interrupt before the start.
pub(super) const NOTHING_BEGUN: &str = "interrupted; nothing was started";

fn signals() -> Option<(Signal, Signal)> {
    signal(SignalKind::interrupt()).ok().zip(signal(SignalKind::terminate()).ok())
}

/// Hears of Ctrl-C and SIGTERM from now on: the first one before a run ends the command, all after its beginning are the
/// run's.
pub(super) fn hear(ui: Ui) -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    // Here and not in the task, which may be late: until then a signal would end the process.
    let Some((mut interrupt, mut terminate)) = signals() else { return receiver };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if is_first(SIGNAL) {
                break;
            }
            let more = |wish: &mut Interrupt| {
                *wish = if *wish == Interrupt::None { Interrupt::Graceful } else { Interrupt::Now };
            };
            wish().send_modify(more);
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

fn wish() -> &'static watch::Sender<Interrupt> {
    WISH.get_or_init(|| watch::Sender::new(Interrupt::None))
}

/// Starts a run and returns its control channel.
///
/// # Errors
/// There was a signal already, so nothing may begin.
pub(super) fn run_begins() -> Result<watch::Receiver<Interrupt>, CliError> {
    if is_first(RUN) { Ok(wish().subscribe()) } else { Err(CliError::interrupted()) }
}
