//! What people and machines see.

mod diff_text;
mod grouping;
mod plan_json;
mod plan_text;
mod reason;
mod style;

pub use plan_json::plan_json;
pub use plan_text::{PlanText, plan_summary, plan_text};
pub use style::{Style, plain};
