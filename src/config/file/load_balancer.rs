//! What stands in front of the API servers.

use super::SecretRef;
use super::text::DURATION;
use schemars::JsonSchema;
use serde::Deserialize;

/// What stands in front of the API servers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct LoadBalancer {
    /// Who balances the API.
    #[schemars(extend("default" = "keepalived-haproxy"))]
    pub(in crate::config) mode: Option<LoadBalancerMode>,
    /// How haproxy and keepalived run.
    #[schemars(extend("default" = "systemd"))]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    pub(in crate::config) runtime: Option<LoadBalancerRuntime>,
    /// Which proxy stands behind the virtual IP.
    #[schemars(extend("default" = "haproxy"))]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    pub(in crate::config) proxy: Option<Proxy>,
    /// haproxy. The defaults find a dead API server within about three seconds.
    pub(in crate::config) haproxy: Option<Haproxy>,
    /// keepalived, which moves the virtual IP. The defaults move it within about a second and
    /// leave it where it is afterwards.
    pub(in crate::config) keepalived: Option<Keepalived>,
}

/// How haproxy and keepalived run.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum LoadBalancerRuntime {
    /// From the distribution's packages, as services of systemd.
    Systemd,
}

/// Which proxy stands behind the virtual IP.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Proxy {
    /// haproxy.
    Haproxy,
}

/// How load balancers speak VRRP with each other.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Transport {
    /// To each other's addresses; multicast is blocked in many networks.
    Unicast,
}

/// Who balances the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum LoadBalancerMode {
    /// haproxy on every load balancer, and keepalived that moves the virtual IP among them.
    KeepalivedHaproxy,
    /// Somebody else's load balancer, which is there before the first apply.
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
    /// Most connections at once.
    #[schemars(range(min = 100, max = 1_000_000), extend("default" = 4000))]
    pub(in crate::config) maxconn: Option<u32>,
    /// Timeouts. Short ones find dead servers soon; long ones keep idle connections.
    pub(in crate::config) timeouts: Option<HaproxyTimeouts>,
    /// How the API servers are checked: an HTTPS request that must be answered with 200.
    pub(in crate::config) health_check: Option<HaproxyCheck>,
    /// A page of statistics over plain HTTP. By default there is none.
    pub(in crate::config) stats: Option<HaproxyStats>,
    /// Lines added to haproxy.cfg as they are, one directive each.
    pub(in crate::config) extra: Option<HaproxyExtra>,
}

/// Timeouts of haproxy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct HaproxyTimeouts {
    /// For the TCP connection to an API server, and for the TLS of a health check. Long ones delay the detection of
    /// servers that are dead or hang.
    #[schemars(regex(pattern = DURATION), extend("default" = "500ms"))]
    pub(in crate::config) connect: Option<String>,
    /// How long a client may be idle. Shorter than `35s` cuts idle `kubectl exec` and watches.
    #[schemars(regex(pattern = DURATION), extend("default" = "4h"))]
    pub(in crate::config) client: Option<String>,
    /// How long an API server may be idle. Shorter than `35s` cuts idle `kubectl exec` and watches.
    #[schemars(regex(pattern = DURATION), extend("default" = "4h"))]
    pub(in crate::config) server: Option<String>,
    /// How long a connection waits for a free slot.
    #[schemars(regex(pattern = DURATION), extend("default" = "20s"))]
    pub(in crate::config) queue: Option<String>,
    /// How long a health check may wait for its answer. While etcd elects a leader, every API server answers late: under
    /// `2s`, after which they say so, all of them would be down at once and every connection be cut.
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
    /// Failed checks in a row after which a server gets no more connections. While etcd has no leader every API server
    /// fails its checks, each after two seconds; an election of more than one round takes about five.
    #[schemars(range(min = 1, max = 100), extend("default" = 3))]
    pub(in crate::config) fall: Option<u32>,
    /// Good checks in a row after which it gets connections again.
    #[schemars(range(min = 1, max = 100), extend("default" = 2))]
    pub(in crate::config) rise: Option<u32>,
}

/// haproxy's page of statistics.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct HaproxyStats {
    /// Address to listen on. Anyone who reaches it may read the page.
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

/// keepalived: unicast between the load balancers, every one starts as a backup.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Keepalived {
    /// How load balancers speak VRRP with each other.
    #[schemars(extend("default" = "unicast"))]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    pub(in crate::config) transport: Option<Transport>,
    /// Interface for VRRP and the virtual IP on every load balancer; a host's own `interface`
    /// wins. By default the one that has the host's address.
    #[schemars(length(max = 15), extend("examples" = ["eth0"]))]
    pub(in crate::config) interface: Option<String>,
    /// Virtual router id. It must be unique in the network segment, also among other clusters and
    /// routers. By default it is derived from the cluster's name, so it stays the same.
    #[schemars(range(min = 1, max = 255), extend("examples" = [137]))]
    pub(in crate::config) virtual_router_id: Option<u8>,
    /// Whether the virtual IP goes back to the host with the highest priority once that is well
    /// again. Every move cuts the connections through the virtual IP.
    #[schemars(extend("default" = false))]
    pub(in crate::config) preempt: Option<bool>,
    /// What a failing check adds to a host's priority. Without `preempt` it must be 0: the host
    /// gives the virtual IP up at once. With `preempt` it must be negative and larger than the gap
    /// between the highest and the lowest priority, else the virtual IP stays on a failing host;
    /// by default it is then -50.
    #[schemars(range(min = -253, max = 0), extend("default" = 0))]
    pub(in crate::config) weight: Option<i16>,
    /// Time between two advertisements; the virtual IP moves after three of them are missing. A
    /// multiple of `10ms` from `10ms` to `40s`. With `authPassword` whole seconds, by default `1s`.
    #[schemars(regex(pattern = DURATION), extend("default" = "250ms"))]
    pub(in crate::config) advert_interval: Option<String>,
    /// The check of the local haproxy: whether it listens on the endpoint's port.
    pub(in crate::config) check: Option<KeepalivedCheck>,
    /// Where the VRRP password is found, at most 8 characters. It travels in the clear and guards
    /// against mistakes only; with it VRRP version 2 is spoken, which is slower to fail over. By
    /// default there is none: unicast between known hosts needs none.
    pub(in crate::config) auth_password: Option<SecretRef>,
}

/// keepalived's check of the local haproxy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct KeepalivedCheck {
    /// Time between two checks, whole seconds.
    #[schemars(regex(pattern = DURATION), extend("default" = "1s"))]
    pub(in crate::config) interval: Option<String>,
    /// Failed checks in a row after which the host gives the virtual IP up.
    #[schemars(range(min = 1, max = 100), extend("default" = 1))]
    pub(in crate::config) fall: Option<u32>,
    /// Good checks in a row after which it may have the virtual IP again.
    #[schemars(range(min = 1, max = 100), extend("default" = 2))]
    pub(in crate::config) rise: Option<u32>,
}
