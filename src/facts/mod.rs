//! What the hosts say: gathered in one round trip a host, then merged into one value.

mod fact_set;
pub mod gather;
mod looks;
mod merge;

pub use fact_set::FactSet;
pub use looks::{Decode, Looks, Target};
pub use merge::{Answered, of_cluster};
