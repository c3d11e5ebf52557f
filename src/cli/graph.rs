//! `mainstay graph`

use std::collections::BTreeMap;
use std::path::Path;

use super::error::{CliError, Exit};
use super::survey::Wishes;
use super::ui::Ui;
use super::workspace::Workspace;
use crate::graph;

/// Draws the graph of resources: what needs what.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay graph | dot -Tsvg > graph.svg
  mainstay graph --format mermaid")]
pub(super) struct Args {
    /// The form
    #[arg(long, value_enum, default_value_t = Format::Dot)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let workspace = Workspace::open(file, false, ui)?;
    let state = workspace.state()?;
    let graph = Wishes::gather(&workspace, &state)?.graph(workspace.cluster(), &BTreeMap::new())?;
    ui.data(&match args.format {
        Format::Dot => graph::dot(&graph.drawing()),
        Format::Mermaid => graph::mermaid(&graph.drawing()),
    })?;
    Ok(Exit::Done)
}
