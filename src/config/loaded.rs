//! The result of reading cluster.yaml.

use super::{Cluster, Diagnostic, Sources};

/// A valid cluster.yaml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The checked cluster.
    pub cluster: Cluster,
    /// Warnings: valid, but probably unwise.
    pub warnings: Vec<Diagnostic>,
    /// Warnings about missing resources that may still be in the state.
    pub doubts: Vec<Diagnostic>,
    /// Where each value was written.
    pub sources: Sources,
}

/// All errors and warnings of a cluster.yaml, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} has errors")]
pub struct ConfigErrors {
    /// The name of the file in messages.
    pub file: String,
    /// The diagnostics, at least one of them an error.
    pub diagnostics: Vec<Diagnostic>,
}
