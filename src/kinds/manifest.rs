//! `manifest`: Kubernetes objects from YAML documents.

use serde::{Deserialize, Serialize};

/// Kubernetes objects that must be as these documents say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Its name among the cluster's manifests, for example `flannel`.
    pub name: String,
    /// YAML documents.
    pub content: String,
}
