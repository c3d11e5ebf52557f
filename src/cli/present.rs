//! How a plan is shown: one function for `plan`, `apply`, `destroy` and `show FILE`.

use std::collections::BTreeMap;

use super::error::CliError;
use super::ui::Ui;
use super::workspace::Workspace;
pub(super) use crate::plan::saved::Origin;
use crate::plan::{Plan, Reason};
use crate::render::{PlanMarkdown, PlanText, plan_document, plan_json};

/// The form of a plan on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document in the shape of Terraform's plans
    Json,
    /// For a comment on a pull request
    Markdown,
}

impl Origin {
    /// Of a plan that was made from this workspace; without one it was made from the state alone.
    pub(super) fn of(plan: &Plan, workspace: Option<&Workspace>) -> Self {
        let Some(workspace) = workspace else {
            return Self { file: "cluster.yaml".into(), lines: BTreeMap::new() };
        };
        let reasons = plan.changes.iter().flat_map(|change| &change.reasons);
        let lines = reasons.filter_map(|reason| match reason {
            Reason::Pending { source } => Some((source.clone(), workspace.loaded.sources.line(source)?)),
            _ => None,
        });
        Self { file: workspace.file.display().to_string(), lines: lines.collect() }
    }
}

/// Writes a plan to stdout: with the global `--json` as events, otherwise in this format. With `full` nothing is
/// grouped and nothing is cut.
pub(super) fn present(plan: &Plan, origin: &Origin, format: Format, full: bool, ui: Ui) -> Result<(), CliError> {
    if ui.json {
        let lines: Vec<String> = plan_json(plan).iter().map(ToString::to_string).collect();
        return ui.data(&lines.join("\n"));
    }
    let (file, line_of) = (origin.file.as_str(), |pointer: &str| origin.lines.get(pointer).copied());
    ui.data(&match format {
        Format::Json => plan_document(plan).to_string(),
        Format::Text => PlanText { file, line_of: &line_of, full, width: ui.width(), color: ui.color() }.render(plan),
        Format::Markdown => PlanMarkdown { file, line_of: &line_of, full }.render(plan),
    })
}
