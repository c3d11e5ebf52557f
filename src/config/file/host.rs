//! One machine.

use super::{Ssh, Text};
use crate::config::Class;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One machine of the cluster.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Host {
    /// The address of the host for SSH: an IP address, a DNS name, or a name of the SSH
    /// configuration file. Without `internalAddress` it is the node's address, too; to change only
    /// how mainstay reaches a node, set `internalAddress` to the previous address.
    #[schemars(required, extend("examples" = ["10.0.0.11", "cp1.example.com"]))]
    #[schemars(extend("x-class" = Class::Tool))]
    pub(in crate::config) address: Option<String>,
    /// The IPv4 address that etcd, the API server, kubelet, keepalived and haproxy's backends use.
    /// By default `address`, if that is an IPv4 address. It must be unique and must not be the
    /// virtual IP.
    #[schemars(extend("format" = "ipv4", "examples" = ["10.0.0.11"]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) internal_address: Option<String>,
    /// Network interface that has `internalAddress`. By default it is determined on the host.
    #[schemars(length(max = 15), extend("examples" = ["eth0"]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) interface: Option<String>,
    /// The roles of the host. `control-plane` with `worker` is a control plane that also runs
    /// workloads.
    #[schemars(required, length(min = 1), extend("uniqueItems" = true))]
    #[schemars(extend("x-class" = Class::Member))]
    pub(in crate::config) roles: Option<Vec<HostRole>>,
    /// Name of the Kubernetes node, a DNS-1123 name. By default the host's key.
    #[schemars(
        length(max = 253),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
        extend("examples" = ["cp1.example.com"])
    )]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) node_name: Option<String>,
    /// Labels of the Kubernetes node.
    #[schemars(extend("examples" = [{"topology.kubernetes.io/zone": "a"}]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) labels: Option<BTreeMap<String, Text>>,
    /// Taints of the Kubernetes node, as `key=value:effect` or `key:effect`; the effect is
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`. By default a control plane has kubeadm's
    /// taint unless it is also a worker. `[]` means none. Changes take effect on running nodes.
    #[schemars(extend("examples" = [["dedicated=db:NoSchedule"]]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) taints: Option<Vec<String>>,
    /// Annotations of the Kubernetes node.
    #[schemars(extend("examples" = [{"example.com/rack": "b7"}]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) annotations: Option<BTreeMap<String, Text>>,
    /// How to log in to this host; overrides individual keys of the top-level `ssh`.
    #[schemars(extend("x-class" = Class::Tool))]
    pub(in crate::config) ssh: Option<Ssh>,
    /// VRRP priority of a load balancer; the healthy host with the highest priority takes the
    /// virtual IP first. It must be unique. By default 100 for the first load balancer in the file,
    /// 99 for the second, and so on.
    #[schemars(range(min = 1, max = 254), extend("examples" = [150]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) priority: Option<u8>,
}

/// The role of a host.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum HostRole {
    /// Runs the API server, the controller manager, the scheduler and a member of etcd.
    ControlPlane,
    /// Runs workloads.
    Worker,
    /// Runs haproxy and keepalived. Without any such host, the control planes run them.
    LoadBalancer,
}
