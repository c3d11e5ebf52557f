//! Addresses of the cluster's members and of its settings.

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::host_name::HostName;

/// The role of a member of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberRole {
    /// A control plane with its own etcd member.
    ControlPlane,
    /// A worker.
    Worker,
}

impl MemberRole {
    /// `control-plane` or `worker`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::ControlPlane, Self::Worker].into_iter().find(|role| role.as_str() == name)
    }
}

impl Address {
    /// Kind of a member.
    pub const MEMBER: &str = "member";
    /// Kinds of members in state format 1: the first control plane, and all others.
    pub const MEMBERS_OF_FORMAT_1: [&str; 2] = ["kubeadm_init", "kubeadm_join"];
    /// Component of the cluster's settings.
    pub const KUBERNETES: &str = "kubernetes";
    /// Kind of the cluster's settings.
    pub const CLUSTER_SETTINGS: &str = "cluster_settings";

    /// Kind of the virtual IP as one load balancer holds it.
    pub const VIRTUAL_IP: &str = "virtual_ip";

    /// Whether this is the address at which clients reach the API.
    pub fn is_virtual_ip(&self) -> bool {
        self.kind() == Self::VIRTUAL_IP
    }

    /// The settings of the cluster.
    pub fn of_cluster_settings() -> Self {
        Self::new(HostName::cluster(), Self::KUBERNETES, Self::CLUSTER_SETTINGS, None)
    }

    /// A host as a member of the cluster.
    pub fn of_member(host: HostName, role: MemberRole) -> Self {
        Self::new(host, role.as_str(), Self::MEMBER, None)
    }

    /// The present address of a member in state format 1; `None` for all other addresses.
    pub fn of_format_1_member(&self) -> Option<Self> {
        let role = MemberRole::parse(self.component())?;
        Self::MEMBERS_OF_FORMAT_1.contains(&self.kind()).then(|| Self::of_member(self.host().clone(), role))
    }

    /// The role of the member at this address; `None` for all other resources.
    pub fn member_role(&self) -> Option<MemberRole> {
        if self.kind() == Self::MEMBER { MemberRole::parse(self.component()) } else { None }
    }

    /// Whether this is the address of a member.
    pub fn is_member(&self) -> bool {
        self.member_role().is_some()
    }

    /// Whether this is the address of a control plane.
    pub fn is_control_plane(&self) -> bool {
        self.member_role() == Some(MemberRole::ControlPlane)
    }
}
