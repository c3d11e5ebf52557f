//! `mainstay state show`

use super::super::error::{CliError, Exit};
use super::super::ui::Ui;
use super::super::which::Target;
use super::surgery::not_recorded;
use crate::resource::Address;

/// Show one resource of the state as JSON; secrets are masked
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  mainstay state show 'cp1/host/sysctl[net.ipv4.ip_forward]'")]
pub(super) struct Args {
    /// Resource address, as `mainstay state list` prints it
    address: String,
}

pub(super) fn run(args: &Args, target: &Target, ui: Ui) -> Result<Exit, CliError> {
    let state = target.state()?;
    let wanted: Address = args.address.parse().map_err(|error| CliError::wrong(format!("{error}")))?;
    let record = state.resources.get(&wanted).ok_or_else(|| not_recorded(&args.address, &state))?;
    let text = if ui.json { serde_json::to_string(record) } else { serde_json::to_string_pretty(record) };
    ui.data(&text.map_err(|error| CliError::failed(error.to_string()))?)?;
    Ok(Exit::Done)
}
