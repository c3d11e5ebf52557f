//! Plans as values. Text, JSON, the saved file and `apply` use the same plan.

mod departure;
mod diff;
mod drift;
mod ending;
mod founding;
mod guards;
mod handed_over;
mod handover;
mod identity;
mod keys;
mod make;
mod model;
mod moved;
mod nodes;
mod ports;
mod react;
mod refusals;
mod rollout;
pub mod saved;
mod selection;
mod sequence;

pub use drift::{Answer, Drift, Entry, Label, Seeing};
pub use make::Inputs;
pub use model::{Change, Counts, Coverage, Mode, Plan, Problem, Reason};
pub use moved::{Followed, MoveError, Rename, check_renames, follow};
pub use selection::{Chosen, Selection, SelectionError, Unmatched, near};
