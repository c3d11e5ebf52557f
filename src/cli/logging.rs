//! `--log FILE`: what happened in detail, for reports of faults. Never on the terminal.

use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::error::CliError;

/// Starts writing the log, when one is wanted. The SSH library is held to warnings: its debug
/// output is about packets.
pub(super) fn start(path: Option<&Path>) -> Result<(), CliError> {
    let Some(path) = path else { return Ok(()) };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    let file = file.map_err(|error| CliError::wrong(format!("cannot write the log {}: {error}", path.display())))?;
    let wanted = Targets::new().with_target("mainstay", LevelFilter::DEBUG).with_default(LevelFilter::WARN);
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Mutex::new(file));
    tracing_subscriber::registry().with(wanted).with(layer).init();
    Ok(())
}
