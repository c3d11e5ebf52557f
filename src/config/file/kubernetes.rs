//! Kubernetes.

use super::Text;
use super::text::DURATION;
use crate::config::Class;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Kubernetes: its version, packages, subnets and components.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Kubernetes {
    /// Exact version, 1.20.0 to 1.36. `latest` and minor versions are not allowed, so that all
    /// hosts always get the same version.
    #[schemars(
        required,
        regex(pattern = r"^v?1\.(2[0-9]|3[0-6])\.(0|[1-9][0-9]*)$"),
        extend("examples" = ["1.31.4"])
    )]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) version: Option<String>,
    /// Where kubeadm, kubelet and kubectl come from.
    pub(in crate::config) packages: Option<Packages>,
    /// IPv4 range of the pods. With `network.plugin: bridge` it must have a /24 for every host. It
    /// must not overlap with `serviceSubnet` or contain the address of a host.
    #[schemars(extend("default" = "10.244.0.0/16"))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) pod_subnet: Option<String>,
    /// IPv4 range of the services. The API server gets its first address, DNS its tenth.
    #[schemars(extend("default" = "10.96.0.0/12"))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) service_subnet: Option<String>,
    /// DNS domain of the services.
    #[schemars(extend("default" = "cluster.local"))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) dns_domain: Option<String>,
    /// Registry and path of the Kubernetes images, if the default registry cannot be reached.
    #[schemars(extend("examples" = ["registry.example.com/kubernetes"]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) image_repository: Option<String>,
    /// Mode of kube-proxy.
    #[schemars(extend("default" = "iptables"))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) proxy_mode: Option<ProxyMode>,
    /// kube-apiserver.
    pub(in crate::config) api_server: Option<ApiServer>,
    /// kube-controller-manager.
    pub(in crate::config) controller_manager: Option<Component>,
    /// kube-scheduler.
    pub(in crate::config) scheduler: Option<Component>,
    /// etcd, one member on every control plane.
    pub(in crate::config) etcd: Option<Etcd>,
    /// Fields of `KubeletConfiguration` for every node, merged over mainstay's own.
    #[schemars(extend("examples" = [{"maxPods": 200}]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) kubelet: Option<Map<String, Value>>,
    /// Fields of `KubeProxyConfiguration`, merged over mainstay's own.
    #[schemars(extend("examples" = [{"conntrack": {"maxPerCore": 0}}]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) kube_proxy: Option<Map<String, Value>>,
    /// Preflight checks of kubeadm to ignore.
    #[schemars(extend("uniqueItems" = true, "examples" = [["NumCPU", "Mem"]]))]
    #[schemars(extend("x-class" = Class::Creation))]
    pub(in crate::config) ignore_preflight_errors: Option<Vec<String>>,
    /// Phases of `kubeadm init` to skip. Phases that mainstay depends on cannot be skipped.
    #[schemars(extend("uniqueItems" = true, "examples" = [["addon/coredns"]]))]
    #[schemars(extend("x-class" = Class::Creation))]
    pub(in crate::config) skip_phases: Option<Vec<String>>,
}

/// Where kubeadm, kubelet and kubectl come from.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Packages {
    /// Where the packages come from.
    #[schemars(extend("default" = "pkgs.k8s.io"))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) source: Option<PackageSource>,
    /// Mirror of pkgs.k8s.io: the base URL that contains `core:/stable:/v1.31/deb/`. Only with
    /// `source: pkgs.k8s.io`.
    #[schemars(extend("examples" = ["https://mirror.example.com/kubernetes"]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) mirror: Option<String>,
}

/// Where the packages come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(in crate::config) enum PackageSource {
    /// The community repository of the minor version, pinned and held; from version 1.24 on.
    #[serde(rename = "pkgs.k8s.io")]
    PkgsK8sIo,
    /// The packages are already installed; mainstay checks their version and changes nothing.
    #[serde(rename = "preinstalled")]
    Preinstalled,
    /// The distribution's own packages.
    #[serde(rename = "distro")]
    Distro,
}

/// Mode of kube-proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum ProxyMode {
    /// With iptables.
    Iptables,
    /// With IPVS; its kernel modules are loaded on every node. Deprecated since Kubernetes 1.35.
    Ipvs,
    /// With nftables; from version 1.31 on.
    Nftables,
}

/// kube-apiserver.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct ApiServer {
    /// Flags, without the leading dashes. Flags that mainstay sets itself are refused.
    #[schemars(extend("examples" = [{"audit-log-maxage": "30"}]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) extra_args: Option<BTreeMap<String, Text>>,
    /// Paths of the host that are mounted into its pod.
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) extra_volumes: Option<Vec<Volume>>,
    /// Additional DNS names and addresses in its certificate. The endpoint, the names and addresses
    /// of every control plane, `localhost` and `127.0.0.1` are always included.
    #[serde(rename = "certSANs")]
    #[schemars(extend("uniqueItems" = true, "examples" = [["api.example.com"]]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) cert_sans: Option<Vec<String>>,
}

/// A control-plane component.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Component {
    /// Flags, without the leading dashes. Flags that mainstay sets itself are refused.
    #[schemars(extend("examples" = [{"bind-address": "0.0.0.0"}]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) extra_args: Option<BTreeMap<String, Text>>,
    /// Paths of the host that are mounted into its pod.
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) extra_volumes: Option<Vec<Volume>>,
}

/// A path of the host that is mounted into a pod.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Volume {
    /// Name of the volume, unique within the component.
    #[schemars(
        required,
        length(max = 63),
        regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
        extend("examples" = ["audit"])
    )]
    pub(in crate::config) name: Option<String>,
    /// Absolute path on the host.
    #[schemars(required, extend("examples" = ["/var/log/kubernetes"]))]
    pub(in crate::config) host_path: Option<String>,
    /// Absolute path in the pod.
    #[schemars(required, extend("examples" = ["/var/log/kubernetes"]))]
    pub(in crate::config) mount_path: Option<String>,
    /// Whether the mount is read-only.
    #[schemars(extend("default" = false))]
    pub(in crate::config) read_only: Option<bool>,
    /// What must exist at `hostPath` or is created there. By default nothing is checked.
    #[schemars(extend("examples" = ["DirectoryOrCreate"]))]
    pub(in crate::config) path_type: Option<PathType>,
}

/// What must exist at a path of the host or is created there.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(in crate::config) enum PathType {
    /// A directory.
    Directory,
    /// A directory, created if it is missing.
    DirectoryOrCreate,
    /// A file.
    File,
    /// A file, created empty if it is missing.
    FileOrCreate,
    /// A Unix socket.
    Socket,
}

/// Where etcd's members run.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum EtcdTopology {
    /// One on every control plane.
    Stacked,
}

/// etcd on the control planes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Etcd {
    /// Where the members run.
    #[schemars(extend("default" = "stacked"))]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) topology: Option<EtcdTopology>,
    /// Data directory, an absolute path.
    #[schemars(regex(pattern = "^/"), extend("default" = "/var/lib/etcd"))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) data_dir: Option<String>,
    /// Time between the leader's heartbeats. Use about the round-trip time between the members;
    /// etcd's own default is `100ms`.
    #[schemars(regex(pattern = DURATION), extend("examples" = ["300ms"]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) heartbeat_interval: Option<String>,
    /// Time without a heartbeat after which members elect a new leader: at least five times the
    /// heartbeat interval, at most `50s`. etcd's own default is `1s`.
    #[schemars(regex(pattern = DURATION), extend("examples" = ["3s"]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) election_timeout: Option<String>,
    /// Flags, without the leading dashes. Flags that mainstay sets itself are refused.
    #[schemars(extend("examples" = [{"quota-backend-bytes": "4294967296"}]))]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) extra_args: Option<BTreeMap<String, Text>>,
}
