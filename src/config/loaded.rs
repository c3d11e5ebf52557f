//! What comes out of reading cluster.yaml.

use super::{Cluster, Diagnostic, Sources};

/// A cluster.yaml without faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The checked cluster.
    pub cluster: Cluster,
    /// What is legal but looks unwise.
    pub warnings: Vec<Diagnostic>,
    /// Warnings that the state can refute: what they miss in the file may still be recorded.
    pub doubts: Vec<Diagnostic>,
    /// Where each value was written.
    pub sources: Sources,
}

/// Every fault of a cluster.yaml, warnings included, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} has faults")]
pub struct ConfigErrors {
    /// What messages call the file.
    pub file: String,
    /// The faults, at least one of them an error.
    pub diagnostics: Vec<Diagnostic>,
}
