//! The load balancer in front of the API servers.

use super::SecretRef;
use super::text::DURATION;
use crate::config::Class;
use schemars::JsonSchema;
use serde::Deserialize;

/// What stands in front of the API servers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct LoadBalancer {
    /// Who provides the load balancer.
    #[schemars(extend("default" = "keepalived-haproxy"))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) mode: Option<LoadBalancerMode>,
    /// How haproxy and keepalived run.
    #[schemars(extend("default" = "systemd"))]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) runtime: Option<LoadBalancerRuntime>,
    /// The proxy behind the virtual IP.
    #[schemars(extend("default" = "haproxy"))]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) proxy: Option<Proxy>,
    /// haproxy. The defaults detect a dead API server within about three seconds.
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) haproxy: Option<Haproxy>,
    /// keepalived, which moves the virtual IP. The defaults move it within about a second and do
    /// not move it back.
    pub(in crate::config) keepalived: Option<Keepalived>,
}

/// How haproxy and keepalived run.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum LoadBalancerRuntime {
    /// From the distribution's packages, as systemd services.
    Systemd,
}

/// The proxy behind the virtual IP.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Proxy {
    /// haproxy.
    Haproxy,
}

/// How load balancers exchange VRRP advertisements.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Transport {
    /// Unicast to each other's addresses; many networks block multicast.
    Unicast,
}

/// Who provides the load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum LoadBalancerMode {
    /// haproxy on every load balancer, and keepalived to move the virtual IP between them.
    KeepalivedHaproxy,
    /// A load balancer that mainstay does not manage. It must exist before the first apply.
    External,
}

/// haproxy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Haproxy {
    /// Address to listen on: `0.0.0.0`, or the virtual IP, which also needs the kernel parameter
    /// `net.ipv4.ip_nonlocal_bind`.
    #[schemars(extend("format" = "ipv4", "default" = "0.0.0.0"))]
    pub(in crate::config) bind: Option<String>,
    /// Maximum number of concurrent connections.
    #[schemars(range(min = 100, max = 1_000_000), extend("default" = 4000))]
    pub(in crate::config) maxconn: Option<u32>,
    /// Timeouts. Short ones detect dead servers early; long ones keep idle connections open.
    pub(in crate::config) timeouts: Option<HaproxyTimeouts>,
    /// How the API servers are checked: an HTTPS request that must return status 200.
    pub(in crate::config) health_check: Option<HaproxyCheck>,
    /// Statistics page over plain HTTP. By default there is none.
    pub(in crate::config) stats: Option<HaproxyStats>,
    /// Lines added to haproxy.cfg unchanged, one directive each.
    pub(in crate::config) extra: Option<HaproxyExtra>,
}

/// Timeouts of haproxy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct HaproxyTimeouts {
    /// For the TCP connection to an API server, and for the TLS handshake of a health check. Long
    /// timeouts delay the detection of dead or hanging servers.
    #[schemars(regex(pattern = DURATION), extend("default" = "500ms"))]
    pub(in crate::config) connect: Option<String>,
    /// How long a client may be idle. Values below `35s` close idle `kubectl exec` sessions and
    /// watches.
    #[schemars(regex(pattern = DURATION), extend("default" = "4h"))]
    pub(in crate::config) client: Option<String>,
    /// How long an API server may be idle. Values below `35s` close idle `kubectl exec` sessions
    /// and watches.
    #[schemars(regex(pattern = DURATION), extend("default" = "4h"))]
    pub(in crate::config) server: Option<String>,
    /// How long a connection waits for a free slot.
    #[schemars(regex(pattern = DURATION), extend("default" = "20s"))]
    pub(in crate::config) queue: Option<String>,
    /// How long a health check may wait for its answer. While etcd elects a leader, every API
    /// server answers only after `2s`. With a shorter timeout all of them would be marked down at
    /// once and every connection would be closed.
    #[schemars(regex(pattern = DURATION), extend("default" = "3s"))]
    pub(in crate::config) check: Option<String>,
}

/// How haproxy checks API servers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct HaproxyCheck {
    /// Path of the request.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9._~/?=&%-]*$"), extend("default" = "/readyz"))]
    pub(in crate::config) path: Option<String>,
    /// Time between two checks of a server.
    #[schemars(regex(pattern = DURATION), extend("default" = "1s"))]
    pub(in crate::config) interval: Option<String>,
    /// Time between two checks while a server is going up or down, or has just failed.
    #[schemars(regex(pattern = DURATION), extend("default" = "250ms"))]
    pub(in crate::config) fast_interval: Option<String>,
    /// Consecutive failed checks after which a server gets no more connections. While etcd has no
    /// leader, every API server fails its checks, each after two seconds; an election with more
    /// than one round takes about five seconds.
    #[schemars(range(min = 1, max = 100), extend("default" = 3))]
    pub(in crate::config) fall: Option<u32>,
    /// Consecutive successful checks after which it gets connections again.
    #[schemars(range(min = 1, max = 100), extend("default" = 2))]
    pub(in crate::config) rise: Option<u32>,
}

/// The statistics page of haproxy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct HaproxyStats {
    /// Address to listen on. Anyone who can reach it can read the page.
    #[schemars(extend("format" = "ipv4", "default" = "127.0.0.1"))]
    pub(in crate::config) bind: Option<String>,
    /// Port to listen on.
    #[schemars(range(min = 1, max = 65535), extend("default" = 8404))]
    pub(in crate::config) port: Option<u16>,
}

/// Lines added to haproxy.cfg.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct HaproxyExtra {
    /// Lines for the section `global`.
    #[schemars(extend("examples" = [["nbthread 2"]]))]
    pub(in crate::config) global: Option<Vec<String>>,
    /// Lines for the section `defaults`.
    #[schemars(extend("examples" = [["option tcp-smart-accept"]]))]
    pub(in crate::config) defaults: Option<Vec<String>>,
    /// Lines for the frontend of the API.
    #[schemars(extend("examples" = [["tcp-request connection reject if !{ src 10.0.0.0/8 }"]]))]
    pub(in crate::config) frontend: Option<Vec<String>>,
    /// Lines for the backend of the API servers.
    #[schemars(extend("examples" = [["fullconn 2000"]]))]
    pub(in crate::config) backend: Option<Vec<String>>,
}

/// keepalived, with unicast between the load balancers; each of them starts as a backup.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Keepalived {
    /// How load balancers exchange VRRP advertisements.
    #[schemars(extend("default" = "unicast"))]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) transport: Option<Transport>,
    /// Interface for VRRP and the virtual IP on every load balancer; a host's own `interface` takes
    /// precedence. By default the interface with the host's address.
    #[schemars(length(max = 15), extend("examples" = ["eth0"]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) interface: Option<String>,
    /// Virtual router ID. It must be unique in the network segment, including other clusters and
    /// routers. By default it is derived from the name of the cluster.
    #[schemars(range(min = 1, max = 255), extend("examples" = [137]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) virtual_router_id: Option<u8>,
    /// Whether the virtual IP moves back to the host with the highest priority when that host is
    /// healthy again. Every move closes the connections through the virtual IP.
    #[schemars(extend("default" = false))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) preempt: Option<bool>,
    /// What a failing check adds to a host's priority. Without `preempt` it must be 0: the host
    /// releases the virtual IP at once. With `preempt` it must be negative and larger than the gap
    /// between the highest and the lowest priority, otherwise the virtual IP stays on a failing
    /// host; the default is then -50.
    #[schemars(range(min = -253, max = 0), extend("default" = 0))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) weight: Option<i16>,
    /// Time between two advertisements; the virtual IP moves after three missing advertisements. A
    /// multiple of `10ms` from `10ms` to `40s`. With `authPassword` whole seconds, by default `1s`.
    #[schemars(regex(pattern = DURATION), extend("default" = "250ms"))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) advert_interval: Option<String>,
    /// The check that the local haproxy listens on the endpoint's port.
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) check: Option<KeepalivedCheck>,
    /// Where the VRRP password is found, at most 8 characters. It is sent in clear text and
    /// protects only against mistakes. It requires VRRP version 2, which fails over more slowly. By
    /// default there is no password; unicast between known hosts does not need one.
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) auth_password: Option<SecretRef>,
}

/// keepalived's check of the local haproxy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct KeepalivedCheck {
    /// Time between two checks, whole seconds.
    #[schemars(regex(pattern = DURATION), extend("default" = "1s"))]
    pub(in crate::config) interval: Option<String>,
    /// Consecutive failed checks after which the host releases the virtual IP.
    #[schemars(range(min = 1, max = 100), extend("default" = 1))]
    pub(in crate::config) fall: Option<u32>,
    /// Consecutive successful checks after which it may hold the virtual IP again.
    #[schemars(range(min = 1, max = 100), extend("default" = 2))]
    pub(in crate::config) rise: Option<u32>,
}
