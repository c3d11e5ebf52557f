//! `kubeadm_init`: the first control plane of a cluster.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// The first control plane. Made once in the life of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeadmInit {
    /// Name of the Kubernetes node.
    pub node: String,
    /// The host's own address, on which its apiserver and etcd are announced; never the VIP.
    pub advertise_address: Ipv4Addr,
    /// YAML documents Init-, Cluster-, Kubelet- and `KubeProxyConfiguration`, with the placeholders of the
    /// slots [`KubeadmInit::TOKEN_ID`] and [`KubeadmInit::TOKEN_SECRET`] in `bootstrapTokens`.
    pub config: String,
    /// Preflight checks whose errors become warnings.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases of `kubeadm init` that are left out.
    pub skip_phases: Vec<String>,
    /// Settings that cannot change afterwards, by their name in cluster.yaml, for example `kubernetes.podSubnet`.
    pub fixed: BTreeMap<String, String>,
}

impl KubeadmInit {
    /// Slot of the bootstrap token's id.
    pub const TOKEN_ID: &'static str = "token_id";
    /// Slot of the bootstrap token's secret.
    pub const TOKEN_SECRET: &'static str = "token_secret";
}
