//! `mainstay show`

use std::path::{Path, PathBuf};

use super::error::{CliError, Exit};
use super::next_command::quoted;
use super::present::{Format, present};
use super::saved;
use super::ui::Ui;
use super::which::Which;
use crate::kinds;
use crate::resource::Address;

/// Show the state or a saved plan; secrets are masked
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay show
  mainstay --json show
  mainstay show prod.plan                # the plan saved by `mainstay plan --out prod.plan`
  mainstay show --json prod.plan
  mainstay show --format markdown prod.plan > comment.md
  mainstay show --state state/prod.json  # cluster.yaml is gone")]
pub(super) struct Args {
    /// A saved plan; by default, the state is shown
    #[arg(value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text, requires = "plan")]
    format: Format,
    /// Show all changes, ungrouped and untruncated
    #[arg(long, requires = "plan")]
    full: bool,
    #[command(flatten)]
    which: Which,
}

/// Adds the command for a resource of the state, whose address looks like a path.
fn or_of_the_state(path: &Path, error: CliError) -> CliError {
    match path.display().to_string().parse::<Address>() {
        Ok(address) if !path.exists() => error
            .hint(format!("to show a resource of the state, run: mainstay state show {}", quoted(address.as_str()))),
        _ => error,
    }
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    if let Some(path) = &args.plan {
        let saved = saved::load(path).map_err(|error| or_of_the_state(path, error))?;
        let plan = saved.plan(&kinds::decode).map_err(|error| CliError::failed(error.to_string()))?;
        // One document, as with `plan --format json`: `show` has no events.
        let format = if ui.json { Format::Json } else { args.format };
        present(&plan, &saved.origin, format, args.full, Ui { json: false, ..ui })?;
        return Ok(Exit::Done);
    }
    let state = args.which.find(file, ui)?.state()?;
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
