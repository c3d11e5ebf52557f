//! The top of the file.

use super::{ContainerRuntime, Host, HostConfig, Kubernetes, LoadBalancer, Network, Rollout, Ssh};
use crate::config::Class;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A highly available Kubernetes cluster on plain Linux hosts.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct ClusterFile {
    /// Version of this file's format. Always `mainstay/v1`.
    #[schemars(required)]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) api_version: Option<ApiVersion>,
    /// What this file describes. Always `Cluster`.
    #[schemars(required)]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) kind: Option<Kind>,
    /// Name of the cluster: lower-case letters, digits and hyphens, at most 63 characters.
    ///
    /// It is the name of the state file and of the kubeconfig context, and the default of
    /// keepalived's virtual router ID is derived from it. A cluster cannot be renamed.
    #[schemars(
        required,
        length(max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
        extend("examples" = ["prod"])
    )]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) name: Option<String>,
    /// Where mainstay stores the state of the cluster.
    #[schemars(extend("x-class" = Class::Tool))]
    pub(in crate::config) state: Option<State>,
    /// How the hosts are reached.
    #[schemars(extend("default" = "ssh"))]
    #[schemars(extend("x-class" = Class::Tool))]
    pub(in crate::config) fleet: Option<Fleet>,
    /// How to log in to the hosts. Each host can override every key under its own `ssh`.
    #[schemars(extend("x-class" = Class::Tool))]
    pub(in crate::config) ssh: Option<Ssh>,
    /// The machines, keyed by name.
    ///
    /// The key is the first part of all resource addresses on that host, and the name of the
    /// Kubernetes node unless `nodeName` is set. At least one host must have the role
    /// `control-plane`; three or five tolerate the loss of one or two.
    #[schemars(
        required,
        extend("minProperties" = 1),
        extend("propertyNames" = {"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63})
    )]
    #[schemars(extend("x-class" = Class::Member))]
    pub(in crate::config) hosts: Option<BTreeMap<String, Host>>,
    /// Kubernetes: its version, where its packages come from, its subnets and components.
    #[schemars(required)]
    pub(in crate::config) kubernetes: Option<Kubernetes>,
    /// The address at which clients and nodes reach the Kubernetes API.
    #[schemars(required)]
    pub(in crate::config) endpoint: Option<Endpoint>,
    /// The load balancer in front of the API servers. By default haproxy and keepalived on the
    /// hosts with the role `load-balancer`, or on the control planes when no host has that role.
    pub(in crate::config) load_balancer: Option<LoadBalancer>,
    /// Kernel parameters, kernel modules and swap of every host. What Kubernetes itself needs is
    /// always set.
    pub(in crate::config) host_config: Option<HostConfig>,
    /// The container runtime of every node.
    pub(in crate::config) container_runtime: Option<ContainerRuntime>,
    /// The pod network.
    #[schemars(required)]
    pub(in crate::config) network: Option<Network>,
    /// How changes that restart something on running nodes are rolled out, one host after another.
    #[schemars(extend("x-class" = Class::Tool))]
    pub(in crate::config) rollout: Option<Rollout>,
    /// Protection against accidental changes.
    #[schemars(extend("x-class" = Class::Tool))]
    pub(in crate::config) guards: Option<Guards>,
    /// Expected drift and renamed resources.
    #[schemars(extend("x-class" = Class::Tool))]
    pub(in crate::config) lifecycle: Option<Lifecycle>,
}

/// Version of the file's format.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::config) enum ApiVersion {
    /// The first format.
    #[serde(rename = "mainstay/v1")]
    V1,
}

/// What the file describes.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::config) enum Kind {
    /// A cluster.
    Cluster,
}

/// How hosts are reached.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Fleet {
    /// Over SSH.
    Ssh,
    /// The one host is the machine that mainstay runs on.
    Local,
    /// The hosts are simulated and stored in a file, to try mainstay or to test a change.
    Simulated,
}

/// Where the state is kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct State {
    /// A file on this machine.
    pub(in crate::config) local: Option<LocalState>,
}

/// State in a file on this machine.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct LocalState {
    /// Path of the state file, relative to this file. Its lock, journal and backups are stored next
    /// to it. By default `state/<name>.json`.
    #[schemars(extend("examples" = ["state/prod.json"]))]
    pub(in crate::config) path: Option<String>,
}

/// The address of the Kubernetes API.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Endpoint {
    /// The virtual IP that mainstay manages: an unused IPv4 address in the load balancers' network,
    /// which no host has. With `loadBalancer.mode: external` a DNS name or any IPv4 address.
    ///
    /// A virtual IP is expected in the same /24 as the load balancers. If their network is larger,
    /// add its prefix length: `10.0.3.100/22`.
    #[schemars(required, extend("examples" = ["10.0.0.100", "10.0.3.100/22", "api.example.com"]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) address: Option<String>,
    /// The port that clients use. It is used by haproxy, keepalived's check, kubeadm and every
    /// kubeconfig. It cannot be 6443 if haproxy shares a host with an API server. By default 8443,
    /// or 6443 with an external load balancer.
    #[schemars(range(min = 1, max = 65535), extend("examples" = [8443]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) port: Option<u16>,
}

/// Protection against accidental changes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Guards {
    /// Resources that no plan may destroy or replace: path prefixes or patterns of addresses. A
    /// plan that would do so is refused and names the guard. A removed guard still applies until
    /// the next apply.
    #[schemars(extend("examples" = [["*/control-plane", "cp1"]]))]
    pub(in crate::config) prevent_destroy: Option<Vec<String>>,
}

/// Expected drift and renamed resources.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Lifecycle {
    /// Resources that others may change: path prefixes or patterns of addresses. `mainstay drift`
    /// does not report their drift, and apply does not correct it. A deleted resource is still
    /// reported.
    #[schemars(extend("examples" = [["w*/kubernetes/package[kubelet]", "cp1/haproxy"]]))]
    pub(in crate::config) ignore_drift: Option<Vec<String>>,
    /// Hosts, components or resources that were renamed in this file. Their state entries move to
    /// the new name; no host is changed. An entry can be removed after it was applied to every
    /// state.
    pub(in crate::config) moved: Option<Vec<Moved>>,
}

/// One rename.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Moved {
    /// The old name: a host, the beginning of addresses (`cluster/network`), or a full address. It
    /// must no longer be declared.
    #[schemars(required, extend("examples" = ["w1", "cluster/network/manifest[flannel]"]))]
    pub(in crate::config) from: Option<String>,
    /// The new name. A renamed host keeps its Kubernetes node: set `nodeName` to the name of that
    /// node.
    #[schemars(required, extend("examples" = ["worker-a", "cluster/network/manifest[kube-flannel]"]))]
    pub(in crate::config) to: Option<String>,
}
