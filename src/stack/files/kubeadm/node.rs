//! What Init- and `JoinConfiguration` say about the host itself.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;

use super::api::{ConfigApi, ExtraArgs};
use crate::config::{self, Cluster, Host};

/// `nodeRegistration`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeRegistration<'a> {
    name: &'a str,
    cri_socket: &'static str,
    /// Absent leaves kubeadm's default for the role, an empty list means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    taints: Option<Vec<Taint<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubelet_extra_args: Option<ExtraArgs>,
}

#[derive(Debug, Serialize)]
struct Taint<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    value: &'a str,
    effect: &'static str,
}

/// `localAPIEndpoint`: where this host's API server and etcd are announced.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LocalApiEndpoint {
    advertise_address: Ipv4Addr,
    bind_port: u16,
}

impl<'a> NodeRegistration<'a> {
    pub(super) fn of(cluster: &Cluster, host: &'a Host) -> Self {
        let version = &cluster.kubernetes.version;
        let taint =
            |taint: &'a config::Taint| Taint { key: &taint.key, value: &taint.value, effect: taint.effect.as_str() };
        // A multi-homed host must not register whichever address its default route has.
        let args = BTreeMap::from([("node-ip".to_owned(), host.internal_address.to_string())]);
        Self {
            name: &host.node_name,
            cri_socket: cri_socket(version),
            taints: host.taints.as_ref().map(|taints| taints.iter().map(taint).collect()),
            kubelet_extra_args: ConfigApi::of(version).args(args),
        }
    }
}

/// containerd's socket, as this version of kubeadm expects it.
pub(in crate::stack) fn cri_socket(version: &semver::Version) -> &'static str {
    match version.minor {
        // kubelet is handed it as it is.
        ..=23 => "/run/containerd/containerd.sock",
        24.. => "unix:///run/containerd/containerd.sock",
    }
}

impl LocalApiEndpoint {
    /// The host's own address. Never the virtual IP: etcd would announce an address that moves.
    pub(super) fn of(host: &Host) -> Self {
        Self { advertise_address: host.internal_address, bind_port: Cluster::API_PORT }
    }
}
