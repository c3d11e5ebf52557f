//! Carries a plan out: a ready queue over the DAG, with lanes, retries, and a journal.
//!
//! The engine never prints; it emits [`event::Event`].

pub mod event;
