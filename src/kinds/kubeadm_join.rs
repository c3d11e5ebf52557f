//! `kubeadm_join`: a further control plane or a worker.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// What a host becomes by joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinRole {
    /// A control plane with an etcd member of its own.
    ControlPlane,
    /// A worker.
    Worker,
}

/// A host that joins a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeadmJoin {
    /// Name of the Kubernetes node.
    pub node: String,
    /// What it becomes.
    pub role: JoinRole,
    /// The host's own address; never the VIP.
    pub advertise_address: Ipv4Addr,
    /// The YAML document `JoinConfiguration`, with the placeholders of the slots [`KubeadmJoin::TOKEN_ID`],
    /// [`KubeadmJoin::TOKEN_SECRET`] and [`KubeadmJoin::CA_HASH`] (which has no `sha256:` in front), and for
    /// control planes [`KubeadmJoin::CERTIFICATE_KEY`].
    pub config: String,
    /// YAML documents Init- and `ClusterConfiguration` with the placeholder of the slot
    /// [`KubeadmJoin::CERTIFICATE_KEY`], for `kubeadm init phase upload-certs` on another control plane;
    /// nothing for workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_config: Option<String>,
    /// Preflight checks whose errors become warnings.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases of `kubeadm join` that are left out.
    pub skip_phases: Vec<String>,
}

impl KubeadmJoin {
    /// Slot of the bootstrap token's id.
    pub const TOKEN_ID: &'static str = "token_id";
    /// Slot of the bootstrap token's secret.
    pub const TOKEN_SECRET: &'static str = "token_secret";
    /// Slot of the hash of the CA's public key: 64 hex digits.
    pub const CA_HASH: &'static str = "ca_hash";
    /// Slot of the key that the uploaded certificates are encrypted with.
    pub const CERTIFICATE_KEY: &'static str = "certificate_key";
}
