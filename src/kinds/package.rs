//! `package`: a package of the host's package manager (apt or dnf).

use serde::{Deserialize, Serialize};

/// A package. One that was there before mainstay stays when it is destroyed, in the version that
/// it has then; one that mainstay installed is purged together with what it pulled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// Name; its key.
    pub name: String,
    /// The version or its beginning, for example `1.31.4`; any version when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether upgrades of the host leave it alone.
    #[serde(default)]
    pub hold: bool,
}
