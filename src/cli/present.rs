//! How a plan is shown: one function for `plan`, `apply`, `destroy` and `show FILE`.

use std::collections::{BTreeMap, BTreeSet};

use super::error::CliError;
use super::ui::Ui;
use super::workspace::Workspace;
pub(super) use crate::plan::saved::Origin;
use crate::plan::{Plan, Reason};
use crate::render::{PlanHtml, PlanMarkdown, PlanText, Source, plan_events, plan_json};
use crate::resource::stands_in;

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
    /// For a browser: one page, nothing is loaded
    Html,
}

impl Origin {
    /// Of a plan that was made from this workspace; without one it was made from the state alone.
    pub(super) fn of(plan: &Plan, workspace: Option<&Workspace>) -> Self {
        let Some(workspace) = workspace else {
            return Self { file: "cluster.yaml".into(), lines: BTreeMap::new() };
        };
        let reasons = plan.changes.iter().flat_map(|change| &change.reasons);
        let pointers = reasons.filter_map(Reason::source).flat_map(|it| [Some(it.to_owned()), stands_in(it)]);
        let pointers: BTreeSet<String> = pointers.flatten().collect();
        let line = |pointer: String| workspace.loaded.sources.exact_line(&pointer).map(|line| (pointer, line));
        let lines = pointers.into_iter().filter_map(line);
        Self { file: workspace.file.display().to_string(), lines: lines.collect() }
    }
}

/// Reports a plan as events, if there is a reader.
pub(super) fn tell_events(plan: &Plan, ui: Ui) {
    if ui.stream.is_read() {
        for (message, event) in plan_events(plan) {
            ui.event(&message, &event);
        }
    }
}

/// Writes a plan to stdout: with the global `--json` as events where the command has them, otherwise in this format.
/// With `full` nothing is grouped and nothing is cut.
pub(super) fn present(plan: &Plan, origin: &Origin, format: Format, full: bool, ui: Ui) -> Result<(), CliError> {
    tell_events(plan, ui);
    if ui.json && ui.stream.is_stdout() {
        return Ok(());
    }
    let source = Source { file: &origin.file, line_of: &|pointer: &str| origin.lines.get(pointer).copied() };
    ui.data(&match if ui.json { Format::Json } else { format } {
        Format::Json => plan_json(plan),
        Format::Text => PlanText { color: ui.color(), width: ui.width(), full, source }.render(plan),
        Format::Html => PlanHtml { full, source }.render(plan),
        Format::Markdown => PlanMarkdown { full, source }.render(plan),
    })
}
