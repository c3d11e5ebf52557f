//! Output for people and programs.

mod diff_text;
mod drift_document;
mod drift_github;
mod drift_junit;
mod drift_markdown;
mod drift_report;
mod drift_text;
mod drift_words;
mod events;
#[cfg(test)]
mod fixture;
mod grouping;
mod hosts_text;
mod outcome;
mod page;
mod picture;
mod plan_document;
mod plan_events;
mod plan_html;
mod plan_markdown;
mod plan_text;
mod problems;
mod progress;
mod progress_json;
mod progress_plain;
mod progress_tty;
mod reason;
mod style;

pub use drift_document::drift_schema;
pub use drift_report::{DriftReport, DriftText};
pub use events::{
    Changes, Diagnosis, Operation, Range, RunSummary, STREAM_VERSION, Severity, StreamEvent, events_schema,
};
pub use outcome::{outcome_summary, outcome_table};
pub use picture::svg;
pub use plan_document::{PlanDocument, ResourceChange, plan_document, plan_json, plan_schema};
pub use plan_events::{drift_events, plan_events};
pub use plan_html::PlanHtml;
pub use plan_markdown::PlanMarkdown;
pub use plan_text::{PlanText, plan_summary};
pub use progress::Progress;
pub use progress_json::JsonProgress;
pub use progress_plain::PlainProgress;
pub use progress_tty::TtyProgress;
pub use reason::Source;
pub(crate) use style::{plain, plain_lines};
