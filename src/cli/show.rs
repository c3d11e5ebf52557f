//! `mainstay show`

use std::path::Path;

use super::error::{CliError, Exit};
use super::ui::Ui;
use super::workspace::Workspace;

/// Shows the state: what was applied, resource by resource. Secrets are masked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay show
  mainstay --json show")]
pub(super) struct Args {}

pub(super) fn run(_: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let workspace = Workspace::open(file, false, ui)?;
    let state = workspace.state()?;
    if ui.json {
        let mut value = serde_json::to_value(&state).map_err(|error| CliError::failed(error.to_string()))?;
        // The key of the digests is for this state alone.
        if let Some(object) = value.as_object_mut() {
            object.remove("salt");
        }
        ui.data(&value.to_string())?;
        return Ok(Exit::Done);
    }
    let (name, count) = (&state.cluster, state.resources.len());
    let mut text = format!("{name}: {count} resources on {} hosts, state serial {}\n", state.hosts.len(), state.serial);
    for (address, record) in &state.resources {
        text.push_str(&super::state::line(address, record));
    }
    ui.data(&text)?;
    Ok(Exit::Done)
}
