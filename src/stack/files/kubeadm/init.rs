//! `InitConfiguration`.

use serde::Serialize;

use super::api::{ConfigApi, Timeouts};
use super::node::{LocalApiEndpoint, NodeRegistration};
use crate::config::{Cluster, Host};
use crate::kinds::Member;
use crate::resource::Slots;

/// What is particular to the host on which kubeadm runs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bootstrap_tokens: Option<[BootstrapToken; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_key: Option<String>,
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpoint,
    node_registration: NodeRegistration<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<Timeouts>,
}

/// Without one of our own, kubeadm makes one that lives for a day.
#[derive(Debug, Serialize)]
struct BootstrapToken {
    token: String,
    ttl: &'static str,
    description: &'static str,
    usages: [&'static str; 2],
    groups: [&'static str; 1],
}

impl<'a> InitConfiguration<'a> {
    /// For `kubeadm init`.
    pub(super) fn first(cluster: &Cluster, host: &'a Host) -> Self {
        let token = BootstrapToken {
            token: super::token(Member::TOKEN_ID, Member::TOKEN_SECRET),
            ttl: "1h0m0s",
            description: Member::TOKEN_DESCRIPTION,
            usages: ["signing", "authentication"],
            groups: ["system:bootstrappers:kubeadm:default-node-token"],
        };
        Self { bootstrap_tokens: Some([token]), ..Self::bare(cluster, host) }
    }

    /// For `kubeadm init phase upload-certs`, which needs no more than the key.
    pub(super) fn upload(cluster: &Cluster, host: &'a Host) -> Self {
        let key = Slots::placeholder(Member::CERTIFICATE_KEY);
        Self { certificate_key: Some(key), ..Self::bare(cluster, host) }
    }

    fn bare(cluster: &Cluster, host: &'a Host) -> Self {
        let api = ConfigApi::of(&cluster.kubernetes.version);
        Self {
            api_version: api.name(),
            kind: "InitConfiguration",
            bootstrap_tokens: None,
            certificate_key: None,
            local_api_endpoint: LocalApiEndpoint::of(host),
            node_registration: NodeRegistration::of(cluster, host),
            timeouts: api.timeouts(),
        }
    }
}
