//! `virtual_ip`: the address that all clients use answers, wherever it is held.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// The virtual address accepts connections, as seen from one load-balancer host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualIp {
    /// The address that keepalived moves between hosts.
    pub address: Ipv4Addr,
    /// The port that haproxy listens on.
    pub port: u16,
}
