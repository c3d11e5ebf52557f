//! `route`: a live static IPv4 route.

use serde::{Deserialize, Serialize};

/// A live static route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// Network in CIDR notation, for example `10.244.1.0/24`; its key.
    pub destination: String,
    /// IPv4 address of the next hop.
    pub via: String,
}
