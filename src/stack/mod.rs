//! What an HA cluster is made of, one file per component.
//!
//! From a checked cluster and what is known of its hosts to the resources that are wanted, with
//! their edges. Components compose kinds and write no shell; the texts that go onto hosts are
//! rendered from typed values in `files`.

mod container_runtime;
mod declare;
mod error;
mod files;
#[cfg(test)]
mod fixture;
mod haproxy;
mod host_base;
mod keepalived;
mod kubernetes_packages;
mod made_from;
mod members;
mod network;
mod nodes;
mod pod_ranges;
mod recorded;
mod site;
#[cfg(test)]
mod tests;

pub use declare::{complete, declare};
pub use error::StackError;
pub use pod_ranges::{assign_pod_ranges, recorded_pods};
pub use recorded::Recorded;
pub use site::Inputs;
