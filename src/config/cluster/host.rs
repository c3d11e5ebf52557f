//! One machine of the cluster.

use super::Ssh;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

/// A host of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its key under `hosts`: the first part of the address of everything on it.
    pub name: String,
    /// Where SSH reaches it: an address or a name that `~/.ssh/config` or DNS knows.
    pub address: String,
    /// The address that the cluster uses: etcd, the API server, kubelet, VRRP, haproxy's backend.
    pub internal_address: Ipv4Addr,
    /// The network interface of `internal_address`; `None` asks the host.
    pub interface: Option<String>,
    /// The roles of the host; never empty.
    pub roles: BTreeSet<Role>,
    /// Name of the Kubernetes node, unique in the cluster.
    pub node_name: String,
    /// Labels of the Kubernetes node.
    pub labels: BTreeMap<String, String>,
    /// Taints of the Kubernetes node. `None` leaves kubeadm's default for the role; an empty list
    /// means no taint (also set when a control plane has the role `worker` too).
    pub taints: Option<Vec<Taint>>,
    /// Annotations of the Kubernetes node.
    pub annotations: BTreeMap<String, String>,
    /// How to log in: the defaults of the file, overridden by the host's own.
    pub ssh: Ssh,
    /// VRRP priority, 1 to 254, distinct among the load balancers; 0 where the host is none.
    pub priority: u8,
    /// Whether the file leaves the priority to its default.
    pub default_priority: bool,
}

/// A role of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs the API server, controller manager, scheduler and a member of etcd.
    ControlPlane,
    /// Runs workloads.
    Worker,
    /// Carries haproxy and keepalived.
    LoadBalancer,
}

/// A taint of a Kubernetes node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Key, for example `dedicated`.
    pub key: String,
    /// Value, possibly empty.
    pub value: String,
    /// The effect on pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// The effect of a taint on pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaintEffect {
    /// They are not scheduled there.
    NoSchedule,
    /// They are scheduled elsewhere where possible.
    PreferNoSchedule,
    /// They are not scheduled there and running ones are evicted.
    NoExecute,
}

impl Host {
    /// Whether the host is a control plane.
    pub fn is_control_plane(&self) -> bool {
        self.roles.contains(&Role::ControlPlane)
    }

    /// Whether the host joins as a worker (a control plane that also has the role does not).
    pub fn is_worker(&self) -> bool {
        self.roles.contains(&Role::Worker) && !self.is_control_plane()
    }

    /// Whether the host runs kubelet.
    pub fn is_node(&self) -> bool {
        self.is_control_plane() || self.roles.contains(&Role::Worker)
    }
}

impl Role {
    /// The role as cluster.yaml spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
            Self::LoadBalancer => "load-balancer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TaintEffect {
    /// The effect as Kubernetes spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.as_str() {
            "" => write!(f, "{}:{}", self.key, self.effect.as_str()),
            value => write!(f, "{}={value}:{}", self.key, self.effect.as_str()),
        }
    }
}
