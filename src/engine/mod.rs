//! Carries a plan out: a ready queue over the DAG, with lanes, retries, and a journal.
//!
//! The engine makes no decision that the plan did not make, and never prints; it emits
//! [`event::Event`]. A failure blocks what depends on it and nothing else.

mod control;
mod control_plane;
pub mod event;
mod one;
mod outcome;
mod priority;
mod queue;
mod steps;
#[cfg(test)]
mod tests;
mod walk;

pub use control::{Control, Interrupt};
pub use outcome::Outcome;
#[doc(hidden)]
pub use queue::Queue;
pub use walk::{EngineError, Run, apply, record_only};
