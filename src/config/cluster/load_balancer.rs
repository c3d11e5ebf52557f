//! The load balancer in front of the API servers. Only sound designs can be expressed: without preemption the weight
//! is 0 (a failing check is a fault, the VIP moves and stays); with preemption the weight is negative and larger than
//! the gap between the priorities.

use super::SecretRef;
use std::net::Ipv4Addr;
use std::time::Duration;

/// What stands in front of the API servers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a cluster has one, so its size does not matter")]
pub enum LoadBalancer {
    /// haproxy on every load balancer, keepalived moves the virtual IP among them.
    KeepalivedHaproxy {
        /// haproxy.
        haproxy: Haproxy,
        /// keepalived.
        keepalived: Keepalived,
    },
    /// Somebody else's; mainstay only uses the endpoint.
    External,
}

/// haproxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Haproxy {
    /// Address to listen on; `None` is every address. Some: always the virtual IP.
    pub bind: Option<Ipv4Addr>,
    /// Most connections at once.
    pub maxconn: u32,
    /// Timeouts.
    pub timeouts: HaproxyTimeouts,
    /// How API servers are checked.
    pub health_check: HealthCheck,
    /// The statistics page.
    pub stats: Option<HaproxyStats>,
    /// Lines added to the sections of haproxy.cfg as they are.
    pub extra: HaproxyExtra,
}

/// Timeouts of haproxy, whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HaproxyTimeouts {
    /// For the TCP connection to an API server.
    pub connect: Duration,
    /// For an idle client.
    pub client: Duration,
    /// For an idle API server.
    pub server: Duration,
    /// For a connection that waits for a free slot.
    pub queue: Duration,
    /// For the answer to a health check.
    pub check: Duration,
}

/// How haproxy checks API servers: HTTPS GET, 200 is healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Path, begins with `/`.
    pub path: String,
    /// Between checks of a server that is up or down (`inter`, `downinter`).
    pub interval: Duration,
    /// Between checks of a server that is changing (`fastinter`).
    pub fast_interval: Duration,
    /// Failed checks until it is down.
    pub fall: u32,
    /// Good checks until it is up.
    pub rise: u32,
}

/// haproxy's statistics page, plain HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HaproxyStats {
    /// Address to listen on.
    pub bind: Ipv4Addr,
    /// Port to listen on.
    pub port: u16,
}

/// Lines added to the sections of haproxy.cfg as they are, one directive each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HaproxyExtra {
    /// In `global`.
    pub global: Vec<String>,
    /// In `defaults`.
    pub defaults: Vec<String>,
    /// In the frontend of the API.
    pub frontend: Vec<String>,
    /// In the backend of the API servers.
    pub backend: Vec<String>,
}

/// keepalived: unicast, every instance starts as BACKUP, priorities are the hosts'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepalived {
    /// Interface for VRRP and the virtual IP on every load balancer; a host's own `interface`
    /// wins, and `None` asks the host which one has its address.
    pub interface: Option<String>,
    /// Virtual router id, unique in the network segment.
    pub virtual_router_id: u8,
    /// Whether the virtual IP moves back to the highest priority when that host is healthy again.
    pub preempt: bool,
    /// Added to the priority when the check fails: 0 without `preempt`, otherwise negative.
    pub weight: i16,
    /// Between advertisements. version 3 of VRRP: a multiple of 10 ms; version 2: whole
    /// seconds.
    pub advert_interval: Duration,
    /// The check of the local haproxy.
    pub check: KeepalivedCheck,
    /// VRRP password, at most 8 characters (see [`crate::config::check_vrrp_password`]).
    pub auth_password: Option<SecretRef>,
}

/// keepalived's check of the local haproxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepalivedCheck {
    /// Between checks, whole seconds.
    pub interval: Duration,
    /// Failed checks until the host gives the virtual IP up.
    pub fall: u32,
    /// Good checks until it may have it again.
    pub rise: u32,
}

/// Version of the VRRP protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VrrpVersion {
    /// Has a password, advertises in whole seconds.
    V2,
    /// Has no password, advertises in hundredths of a second.
    V3,
}

impl Keepalived {
    /// The protocol version: only version 2 knows passwords.
    pub fn vrrp_version(&self) -> VrrpVersion {
        if self.auth_password.is_some() { VrrpVersion::V2 } else { VrrpVersion::V3 }
    }
}
