//! What people and machines see.

mod outcome;
mod plan_text;
mod progress;
mod progress_json;
mod progress_plain;
mod progress_tty;

pub use outcome::{outcome_summary, outcome_table};
pub use plan_text::{PlanText, plan_json};
pub use progress::Progress;
pub use progress_json::{JsonProgress, event_line};
pub use progress_plain::PlainProgress;
pub use progress_tty::TtyProgress;
