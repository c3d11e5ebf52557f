//! Plans as values. Text, JSON, the saved file and `apply` use the same plan.

mod departure;
mod diff;
mod drift;
mod ending;
mod founding;
mod guards;
mod handover;
mod identity;
mod keys;
mod make;
mod model;
mod moved;
mod nodes;
mod react;
mod refusals;
mod rollout;
pub mod saved;
mod selection;
mod sequence;
mod warnings;

pub use drift::{Answer, Drift, Entry, Label, Seeing};
pub use make::Inputs;
pub use model::{Change, Counts, Coverage, Drifted, Level, Mode, Plan, Problem, Reason, Warning};
pub use moved::{Followed, MoveError, Rename, check_renames, follow};
pub use selection::{Chosen, Selection, SelectionError, Unmatched, near};
