//! `service`: a systemd service, enabled or not, running or not.

use serde::{Deserialize, Serialize};

/// A systemd service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Unit name without `.service`, for example `haproxy`; its key.
    pub name: String,
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it runs.
    pub active: bool,
    /// What it needs when something that it reads has changed.
    pub on_change: OnChange,
    /// Addresses as `10.0.0.100/24` that it holds while it runs and that must be gone once it is
    /// stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<String>,
}

/// How a running service takes up what has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    /// By a reload, which keeps what it holds open.
    Reload,
    /// By a restart.
    Restart,
}
