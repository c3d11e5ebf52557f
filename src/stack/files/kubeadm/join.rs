//! `JoinConfiguration`.

use serde::Serialize;

use super::api::{ConfigApi, DISCOVERY_TIMEOUT, Timeouts};
use super::node::{LocalApiEndpoint, NodeRegistration};
use crate::config::{Cluster, Host};
use crate::kinds::Member;
use crate::resource::{MemberRole, Slots};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JoinConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    discovery: Discovery,
    node_registration: NodeRegistration<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<ControlPlane>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<Timeouts>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    bootstrap_token: BootstrapToken,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BootstrapToken {
    api_server_endpoint: String,
    token: String,
    ca_cert_hashes: [String; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ControlPlane {
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpoint,
    certificate_key: String,
}

impl<'a> JoinConfiguration<'a> {
    pub(super) fn of(cluster: &Cluster, host: &'a Host, role: MemberRole) -> Self {
        let api = ConfigApi::of(&cluster.kubernetes.version);
        Self {
            api_version: api.name(),
            kind: "JoinConfiguration",
            discovery: Discovery {
                bootstrap_token: BootstrapToken {
                    api_server_endpoint: cluster.endpoint.to_string(),
                    token: super::token(Member::TOKEN_ID, Member::TOKEN_SECRET),
                    ca_cert_hashes: [format!("sha256:{}", Slots::placeholder(Member::CA_HASH))],
                },
                timeout: api.old_timeout(DISCOVERY_TIMEOUT),
            },
            node_registration: NodeRegistration::of(cluster, host),
            control_plane: (role == MemberRole::ControlPlane).then(|| ControlPlane {
                local_api_endpoint: LocalApiEndpoint::of(host),
                certificate_key: Slots::placeholder(Member::CERTIFICATE_KEY),
            }),
            timeouts: api.timeouts(),
        }
    }
}
