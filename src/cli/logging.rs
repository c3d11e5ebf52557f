//! `--log FILE`: a detailed log for bug reports, never printed on the terminal.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::error::CliError;
use super::sink::Sink;
use crate::engine::event::{Ending, Event, Failure};
use crate::render::plain;

/// The open log; none any more when it could not be written, which stops no run.
struct Log {
    path: PathBuf,
    sink: Option<Sink>,
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(sink) = &mut self.sink
            && let Err(error) = sink.write_all(bytes)
        {
            let _ = writeln!(
                anstream::stderr(),
                "warning: cannot write to the log {} any more: {error}",
                self.path.display()
            );
            self.sink = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts writing the log, when one is wanted. The SSH library is held to warnings: its debug
/// output is about packets.
pub(super) fn start(path: Option<&Path>, command: &[OsString]) -> Result<(), CliError> {
    let Some(path) = path else { return Ok(()) };
    let sink = Sink::open(path, true);
    let sink = sink.map_err(|error| {
        CliError::wrong(format!("cannot write the log {}: {error}", path.display()))
            .hint("nothing was done; name another file with --log")
    })?;
    let log = Log { path: path.to_owned(), sink: Some(sink) };
    let wanted = Targets::new().with_target("mainstay", LevelFilter::DEBUG).with_default(LevelFilter::WARN);
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Mutex::new(log));
    tracing_subscriber::registry().with(wanted).with(layer).init();
    let command: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    tracing::info!("mainstay {}: {}", env!("CARGO_PKG_VERSION"), plain(&command.join(" ")));
    Ok(())
}

/// Logs the events of a run, on real and simulated hosts alike.
pub(super) fn event(event: &Event) {
    match event {
        Event::RunStarted { total } => tracing::info!("{total} resources to act on"),
        Event::Started { address, action } => tracing::debug!("{address}: {action:?} started"),
        Event::StepStarted { address, step, host } => tracing::debug!("{address}: {} on {host}", plain(step)),
        Event::Waiting { address, until, missing, .. } => {
            tracing::debug!("{address}: waiting until {}: {}", plain(until), plain(missing));
        }
        Event::Retried { address, step, text, tries } => {
            tracing::warn!("{address}: {} failed, try {tries}: {}", plain(step), plain(text));
        }
        Event::Ended { address, action, ending, took } => match ending {
            Ending::Done => tracing::debug!("{address}: {action:?} done after {took:?}"),
            Ending::Failed(Failure { host, step, text, .. }) => {
                tracing::error!("{address}: {} on {host} failed after {took:?}: {}", plain(step), plain(text));
            }
            Ending::Skipped { because } => tracing::debug!("{address}: skipped, because {because} failed"),
            Ending::NotStarted => tracing::debug!("{address}: not started"),
        },
        Event::Interrupted => tracing::warn!("interrupted"),
        Event::RunEnded { took } => tracing::info!("the run ended after {took:?}"),
    }
}
