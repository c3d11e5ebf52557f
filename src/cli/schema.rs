//! `mainstay schema`

use super::error::{CliError, Exit};
use super::ui::Ui;
use crate::config;
use crate::render;
use crate::state;

/// Print a JSON Schema, for editors and policy tools
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  mainstay schema cluster > cluster.schema.json
and as the first line of cluster.yaml:
  # yaml-language-server: $schema=cluster.schema.json")]
pub(super) struct Args {
    /// Which schema
    of: Of,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Of {
    /// cluster.yaml
    Cluster,
    /// plan --format json, show --json FILE
    Plan,
    /// One line of --json or --json-into
    Events,
    /// A state file
    State,
    /// drift --format json
    Drift,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<Exit, CliError> {
    let schema = match args.of {
        Of::Cluster => config::schema(),
        Of::Plan => render::plan_schema(),
        Of::Events => render::events_schema(),
        Of::State => state::schema(),
        Of::Drift => render::drift_schema(),
    };
    ui.data(&if ui.json { schema.to_string() } else { format!("{schema:#}") })?;
    Ok(Exit::Done)
}
