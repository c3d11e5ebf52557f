//! Kubernetes: version, packages, subnets, components, etcd and the raw component configuration.

use ipnet::Ipv4Net;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The Kubernetes of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubernetes {
    /// Exact version, without `v`.
    pub version: semver::Version,
    /// Where kubeadm, kubelet and kubectl come from.
    pub packages: Packages,
    /// Range of the pods.
    pub pod_subnet: Ipv4Net,
    /// Range of the services.
    pub service_subnet: Ipv4Net,
    /// DNS domain of the services.
    pub dns_domain: String,
    /// Registry (and path) of the Kubernetes images; `None` is kubeadm's default.
    pub image_repository: Option<String>,
    /// How kube-proxy carries services.
    pub proxy_mode: ProxyMode,
    /// kube-apiserver.
    pub api_server: Component,
    /// kube-controller-manager.
    pub controller_manager: Component,
    /// kube-scheduler.
    pub scheduler: Component,
    /// Further names and addresses in the API server's certificate, as the file lists them.
    pub cert_sans: Vec<String>,
    /// etcd, stacked on the control planes.
    pub etcd: Etcd,
    /// `KubeletConfiguration` fields, merged over mainstay's own.
    pub kubelet: Map<String, Value>,
    /// `KubeProxyConfiguration` fields, merged over mainstay's own.
    pub kube_proxy: Map<String, Value>,
    /// Preflight checks of kubeadm to ignore.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases of `kubeadm init` to skip.
    pub skip_phases: Vec<String>,
}

/// Where kubeadm, kubelet and kubectl come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packages {
    /// They are on the hosts already; mainstay only checks.
    Preinstalled,
    /// The community repository of the minor version, or a mirror of it.
    PkgsK8sIo {
        /// Base URL instead of `https://pkgs.k8s.io`, without a trailing slash.
        mirror: Option<String>,
    },
    /// The distribution's own packages.
    Distro,
}

/// How kube-proxy carries services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyMode {
    /// iptables.
    Iptables,
    /// IPVS.
    Ipvs,
    /// nftables.
    Nftables,
}

/// A control-plane component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Flags without the leading dashes.
    pub extra_args: BTreeMap<String, String>,
    /// Host paths mounted into its pod.
    pub extra_volumes: Vec<ExtraVolume>,
}

/// A host path mounted into a control-plane pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraVolume {
    /// Name of the volume.
    pub name: String,
    /// Absolute path on the host.
    pub host_path: String,
    /// Absolute path in the pod.
    pub mount_path: String,
    /// Whether the pod may only read it.
    pub read_only: bool,
    /// Kubernetes' `HostPathType`, for example `File` or `DirectoryOrCreate`.
    pub path_type: Option<String>,
}

/// etcd on the control planes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etcd {
    /// Absolute path of the data directory.
    pub data_dir: String,
    /// Interval of the leader's heartbeats in milliseconds; `None` is etcd's 100.
    pub heartbeat_interval_ms: Option<u32>,
    /// Time without a heartbeat until an election in milliseconds; `None` is etcd's 1000.
    pub election_timeout_ms: Option<u32>,
    /// Flags without the leading dashes.
    pub extra_args: BTreeMap<String, String>,
}

impl ProxyMode {
    /// The mode as kube-proxy spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipvs => "ipvs",
            Self::Nftables => "nftables",
        }
    }
}
