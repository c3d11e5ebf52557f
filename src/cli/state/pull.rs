//! `mainstay state pull`

use super::super::error::{CliError, Exit};
use super::super::ui::Ui;
use super::super::which::Target;
use crate::state;

/// Print the state file, in the format of `state push`
///
/// The journal of a killed run is included. The output contains no secret of cluster.yaml, but it contains the
/// previous content of files on the hosts and the key of the digests. Keep it as private as the state file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay state pull > prod.state.json
  mainstay state pull | jq '.resources | keys'
To edit the state by hand (rarely needed): increase `serial` by one, make the
change, and put the new checksum (from `tail -n +3 FILE | sha256sum`) into the second line. Then run
`mainstay state push FILE`.")]
pub(super) struct Args {}

pub(super) fn run(_: &Args, target: &Target, ui: Ui) -> Result<Exit, CliError> {
    if ui.json {
        return Err(CliError::wrong(
            "`state pull` does not support --json: it prints the state file, which is JSON on many lines",
        )
        .hint("remove --json"));
    }
    let state = target.state()?;
    if state.serial == 0 {
        return Err(target.location.missing().hint("nothing has been applied yet"));
    }
    let text = String::from_utf8(state::to_bytes(&state)).map_err(|error| CliError::failed(error.to_string()))?;
    ui.data(&text)?;
    Ok(Exit::Done)
}
