//! The cluster as a whole, and the questions that are asked of it everywhere.

use super::{ContainerRuntime, Guards, Host, HostConfig, Kubernetes, Lifecycle, LoadBalancer, Network, Role, Rollout};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// A checked cluster.yaml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Name of the cluster, a DNS-1123 label.
    pub name: String,
    /// Path of the state file; `None` means `state/<name>.json` next to cluster.yaml.
    pub state_path: Option<PathBuf>,
    /// How the hosts are reached.
    pub fleet: FleetKind,
    /// The hosts, whose order means nothing; at least one is a control plane.
    pub hosts: Vec<Host>,
    /// Kubernetes itself.
    pub kubernetes: Kubernetes,
    /// Where clients and nodes reach the API.
    pub endpoint: Endpoint,
    /// The load balancer in front of the API servers.
    pub load_balancer: LoadBalancer,
    /// Kernel settings, modules and swap of every host.
    pub host_config: HostConfig,
    /// The container runtime of every node.
    pub container_runtime: ContainerRuntime,
    /// The pod network.
    pub network: Network,
    /// How changes go from host to host.
    pub rollout: Rollout,
    /// Protection against accidental changes.
    pub guards: Guards,
    /// Expected drift and renamed resources.
    pub lifecycle: Lifecycle,
}

/// How hosts are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FleetKind {
    /// Over SSH.
    Ssh,
    /// The machine that mainstay runs on; such a cluster has exactly one host.
    Local,
    /// In-memory hosts, kept in a file.
    Simulated,
}

/// Where the Kubernetes API is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The virtual IP or DNS name, without a prefix length.
    pub address: String,
    /// The virtual IP, when mainstay manages one (keepalived).
    pub vip: Option<Ipv4Addr>,
    /// The prefix length that the file gave with the virtual IP (`10.0.0.9/22`), if any. It says
    /// how large the hosts' network is; without it the network was taken to be a /24.
    pub prefix_len: Option<u8>,
    /// The port that clients use: haproxy's, the kubeconfig's, kubeadm's.
    pub port: u16,
}

impl Cluster {
    /// Port that every kube-apiserver listens on.
    pub const API_PORT: u16 = 6443;

    /// The control planes.
    pub fn control_planes(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|h| h.is_control_plane())
    }

    /// The hosts that join as workers: those with the role `worker` that are no control plane.
    pub fn workers(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|h| h.is_worker())
    }

    /// The hosts that run kubelet: control planes and workers.
    pub fn nodes(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|h| h.is_node())
    }

    /// The hosts that carry haproxy and keepalived: those with the role `load-balancer`, or the
    /// control planes when no host has it. Empty when the load balancer is external.
    pub fn load_balancers(&self) -> impl Iterator<Item = &Host> {
        let managed = matches!(self.load_balancer, LoadBalancer::KeepalivedHaproxy { .. });
        let dedicated = self.hosts.iter().any(|h| h.roles.contains(&Role::LoadBalancer));
        let role = if dedicated { Role::LoadBalancer } else { Role::ControlPlane };
        self.hosts.iter().filter(move |h| managed && h.roles.contains(&role))
    }

    /// Whether the host carries haproxy and keepalived.
    pub fn is_load_balancer(&self, name: &str) -> bool {
        self.load_balancers().any(|h| h.name == name)
    }

    /// The host of that name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|h| h.name == name)
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.address, self.port)
    }
}
