//! `mainstay graph`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::{CliError, Exit};
use super::saved;
use super::ui::Ui;
use super::workspace::Workspace;
use crate::graph;
use crate::kinds;
use crate::render;

/// Print the dependency graph of the resources, or the execution order of a saved plan
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay graph | dot -Tsvg > graph.svg
  mainstay graph --format svg > stack.svg  # overview: components on groups of hosts
  mainstay graph --format mermaid
  mainstay graph --format svg prod.plan > plan.svg")]
pub(super) struct Args {
    /// A saved plan; by default, the graph of the declared resources is printed
    #[arg(value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Dot)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// An overview of components and groups of hosts, without single resources
    Svg,
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    if let Some(path) = &args.plan {
        let plan = saved::load(path)?.plan(&kinds::decode).map_err(|error| CliError::failed(error.to_string()))?;
        return draw(&plan.drawing(), args.format, ui);
    }
    let workspace = Workspace::open(file, false, ui)?;
    let state = workspace.state()?;
    let graph = workspace.wishes(&state)?.graph()?;
    draw(&graph.drawing(), args.format, ui)
}

fn draw(drawing: &graph::Drawing<'_>, format: Format, ui: Ui) -> Result<Exit, CliError> {
    ui.data(&match format {
        _ if ui.json => as_json(drawing),
        Format::Dot => graph::dot(drawing),
        Format::Mermaid => graph::mermaid(drawing),
        Format::Svg => render::svg(&drawing.picture()),
    })?;
    Ok(Exit::Done)
}

/// Every resource with its dependencies.
fn as_json(drawing: &graph::Drawing<'_>) -> String {
    let address = |number: usize| drawing.nodes[number].0.to_string();
    let mut needs = vec![Vec::new(); drawing.nodes.len()];
    for &(from, to) in &drawing.edges {
        needs[to].push(address(from));
    }
    let list = needs.iter().enumerate().map(|(number, needs)| json!({ "address": address(number), "needs": needs }));
    list.collect::<serde_json::Value>().to_string()
}
