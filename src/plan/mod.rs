//! Plans: what would change, as a value. Text, JSON, the saved file and `apply` read the same one.

mod model;

pub use model::{Change, Counts, Coverage, Mode, Plan, Problem, Reason};
