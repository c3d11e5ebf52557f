//! The answers of the hosts: gathered in one round trip per host and merged into one value.

mod fact_set;
pub mod gather;
mod looks;
mod merge;

pub use fact_set::FactSet;
pub use looks::{Decode, Looks, Target};
pub use merge::{Answered, of_cluster};
