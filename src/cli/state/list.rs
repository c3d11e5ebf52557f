//! `mainstay state list`

use super::super::error::{CliError, Exit};
use super::super::ui::Ui;
use super::super::which::Target;
use crate::resource::{Address, Observation, Pattern};
use crate::state::{Record, Status};

/// List the addresses of the recorded resources
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay state list
  mainstay state list cp1 '*/haproxy'
  mainstay state list --state state/prod.json   # cluster.yaml is gone")]
pub(super) struct Args {
    /// Addresses, prefixes or globs; by default all resources
    #[arg(value_name = "PAT")]
    patterns: Vec<String>,
}

/// One resource as a line.
pub(in super::super) fn line(address: &Address, record: &Record) -> String {
    let status = match record.status {
        Status::Interrupted => "  interrupted",
        Status::Ready if record.prior.before == Observation::Absent => "",
        Status::Ready => "  existed before mainstay",
    };
    format!("{address}{status}\n")
}

pub(super) fn run(args: &Args, target: &Target, ui: Ui) -> Result<Exit, CliError> {
    let state = target.state()?;
    let patterns: Vec<Pattern> = args.patterns.iter().map(|text| Pattern::new(text.clone())).collect();
    let wanted = |address: &&Address| patterns.is_empty() || patterns.iter().any(|it| it.matches(address));
    let addresses: Vec<&str> = state.resources.keys().filter(wanted).map(Address::as_str).collect();
    let text = if ui.json {
        serde_json::to_string(&addresses).map_err(|error| CliError::failed(error.to_string()))?
    } else {
        addresses.join("\n")
    };
    ui.data(&text)?;
    // The process ends here, which frees the memory faster than value by value.
    std::mem::forget(state);
    Ok(Exit::Done)
}
