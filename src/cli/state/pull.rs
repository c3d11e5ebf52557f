//! `mainstay state pull`

use super::super::error::{CliError, Exit};
use super::super::ui::Ui;
use super::super::which::Place;
use crate::state;

/// Print the state file, as `state push` takes it
///
/// What the journal of a killed run says is folded in. No secret is in it, but what hosts had in files before mainstay came is, and the key of the
/// digests. Keep it as private as the state file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay state pull > prod.state.json
  mainstay state pull | jq '.resources | keys'
To edit what was pulled, which is rarely needed: raise `serial` by one, change what must be
changed, and write the new checksum, which `tail -n +3 FILE | sha256sum` prints, into the second
line. Then `mainstay state push FILE`.")]
pub(super) struct Args {}

pub(super) fn run(_: &Args, place: &Place, ui: Ui) -> Result<Exit, CliError> {
    if ui.json {
        return Err(CliError::wrong("state pull prints the file as it is: JSON on many lines").hint("leave --json out"));
    }
    let state = place.state()?;
    if state.serial == 0 {
        return Err(place.missing().hint("nothing was applied yet, so nothing is recorded"));
    }
    let text = String::from_utf8(state::to_bytes(&state)).map_err(|error| CliError::failed(error.to_string()))?;
    ui.data(&text)?;
    Ok(Exit::Done)
}
