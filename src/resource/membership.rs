//! Who is a member of the cluster, as which role, told by an address alone.

use serde::{Deserialize, Serialize};

use super::address::Address;

/// What a member of the cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberRole {
    /// A control plane with an etcd member of its own.
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
    /// The kind of a member.
    const MEMBER: &str = "member";

    /// The address of a host's membership in this role.
    pub fn of_member(host: super::HostName, role: MemberRole) -> Self {
        Self::new(host, role.as_str(), Self::MEMBER, None)
    }

    /// The role that a member at this address has; nothing for anything else.
    pub fn member_role(&self) -> Option<MemberRole> {
        if self.kind() == Self::MEMBER { MemberRole::parse(self.component()) } else { None }
    }

    /// Whether a host is a member of the cluster by what is at this address.
    pub fn is_member(&self) -> bool {
        self.member_role().is_some()
    }

    /// Whether a host is a control plane by what is at this address.
    pub fn is_control_plane(&self) -> bool {
        self.member_role() == Some(MemberRole::ControlPlane)
    }
}
