//! mainstay: highly available Kubernetes clusters from cluster.yaml.
//!
//! ```text
//! cluster.yaml ─► config::Cluster ─► stack ─► Declarations ─► graph::Graph ─┐
//! hosts ─► facts::FactSet ──────────────────────────────────────────────────┼─► plan::Plan ─► engine ─► state
//! state file + journal ─► state::State ─────────────────────────────────────┘                  │
//!                                                                             events ──────────┴─► render
//! ```
//!
//! One way, no back and forth. Everything up to and including `plan` is synchronous and pure,
//! apart from gathering facts and reading files. The plan is a value, and apply makes no new
//! decisions. The engine never prints: it emits one event enum. `flow` goes this way from end to end without a word; the
//! command line, the randomized tests and the benches all use it.

pub mod cli;
pub mod config;
pub mod engine;
pub mod facts;
pub mod fleet;
pub mod flow;
pub mod graph;
pub mod hint;
pub mod input;
pub mod kinds;
pub mod plan;
pub mod render;
pub mod resource;
pub mod stack;
pub mod state;
