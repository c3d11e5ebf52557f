//! What people and machines see.

mod diff_text;
mod drift_text;
mod drift_words;
#[cfg(test)]
mod fixture;
mod grouping;
mod hosts_text;
mod outcome;
mod page;
mod plan_document;
mod plan_json;
mod plan_markdown;
mod plan_text;
mod problems;
mod progress;
mod progress_json;
mod progress_plain;
mod progress_tty;
mod reason;
mod style;

pub use drift_text::DriftText;
pub use drift_words::drift_summary;
pub use outcome::{outcome_summary, outcome_table};
pub use plan_document::{PlanDocument, ResourceChange, plan_document};
pub use plan_json::plan_json;
pub use plan_markdown::PlanMarkdown;
pub use plan_text::{PlanText, plan_summary};
pub use progress::Progress;
pub use progress_json::{JsonProgress, event_line};
pub use progress_plain::PlainProgress;
pub use progress_tty::TtyProgress;
