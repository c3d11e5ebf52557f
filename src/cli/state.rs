//! `mainstay state`

use std::path::Path;

use super::error::{CliError, Exit};
use super::ui::Ui;
use super::workspace::Workspace;
use crate::resource::{Address, Observation, Pattern};
use crate::state::{Record, Status};

/// Looks into the state.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// List the addresses of what is recorded
    List {
        /// Addresses, prefixes or globs; everything when none is given.
        patterns: Vec<String>,
    },
    /// Show one record
    Show {
        /// Its address.
        address: String,
    },
}

/// One record as a line.
pub(super) fn line(address: &Address, record: &Record) -> String {
    let status = match record.status {
        Status::Interrupted => "  interrupted",
        Status::Ready if record.prior.before == Observation::Absent => "",
        Status::Ready => "  was there before",
    };
    format!("{address}{status}\n")
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let workspace = Workspace::open(file, false, ui)?;
    let state = workspace.state()?;
    match args {
        Args::List { patterns } => {
            let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::new(text.clone())).collect();
            let wanted = |address: &&Address| patterns.is_empty() || patterns.iter().any(|it| it.matches(address));
            let addresses: Vec<String> = state.resources.keys().filter(wanted).map(ToString::to_string).collect();
            let text = if ui.json {
                serde_json::to_string(&addresses).map_err(|error| CliError::failed(error.to_string()))?
            } else {
                addresses.join("\n")
            };
            ui.data(&text)?;
        }
        Args::Show { address } => {
            let wanted: Address = address.parse().map_err(|error| CliError::wrong(format!("{error}")))?;
            let record = state.resources.get(&wanted).ok_or_else(|| {
                CliError::failed(format!("nothing is recorded at {wanted}")).hint("`mainstay state list` lists what is")
            })?;
            let text = if ui.json { serde_json::to_string(record) } else { serde_json::to_string_pretty(record) };
            ui.data(&text.map_err(|error| CliError::failed(error.to_string()))?)?;
        }
    }
    Ok(Exit::Done)
}
