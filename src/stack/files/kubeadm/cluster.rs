//! `ClusterConfiguration`: what is the same on every control plane.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::Serialize;

use super::api::{ConfigApi, ExtraArgs, HEALTH_TIMEOUT};
use crate::config::{Cluster, Component, ExtraVolume, Network};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterConfiguration<'a> {
    api_version: &'static str,
    kind: &'static str,
    cluster_name: &'a str,
    kubernetes_version: String,
    control_plane_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_repository: Option<&'a str>,
    networking: Networking<'a>,
    api_server: ApiServer<'a>,
    #[serde(skip_serializing_if = "ControlPlaneComponent::is_empty")]
    controller_manager: ControlPlaneComponent<'a>,
    #[serde(skip_serializing_if = "ControlPlaneComponent::is_empty")]
    scheduler: ControlPlaneComponent<'a>,
    etcd: Etcd<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<Dns>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Networking<'a> {
    dns_domain: &'a str,
    pod_subnet: Ipv4Net,
    service_subnet: Ipv4Net,
}

#[derive(Debug, Serialize)]
struct ApiServer<'a> {
    #[serde(rename = "certSANs")]
    cert_sans: Vec<String>,
    #[serde(flatten)]
    component: ControlPlaneComponent<'a>,
    #[serde(rename = "timeoutForControlPlane", skip_serializing_if = "Option::is_none")]
    timeout_for_control_plane: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ControlPlaneComponent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_args: Option<ExtraArgs>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_volumes: Vec<Volume<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Volume<'a> {
    name: &'a str,
    host_path: &'a str,
    mount_path: &'a str,
    read_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_type: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Etcd<'a> {
    local: LocalEtcd<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalEtcd<'a> {
    data_dir: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_args: Option<ExtraArgs>,
}

/// Only v1beta2 asks which DNS server it shall be.
#[derive(Debug, Serialize)]
struct Dns {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<'a> ClusterConfiguration<'a> {
    pub(super) fn of(cluster: &'a Cluster) -> Self {
        let kubernetes = &cluster.kubernetes;
        let api = ConfigApi::of(&kubernetes.version);
        Self {
            api_version: api.name(),
            kind: "ClusterConfiguration",
            cluster_name: &cluster.name,
            kubernetes_version: format!("v{}", kubernetes.version),
            control_plane_endpoint: cluster.endpoint.to_string(),
            image_repository: kubernetes.image_repository.as_deref(),
            networking: Networking {
                dns_domain: &kubernetes.dns_domain,
                pod_subnet: kubernetes.pod_subnet,
                service_subnet: kubernetes.service_subnet,
            },
            api_server: ApiServer {
                cert_sans: cert_sans(cluster),
                component: ControlPlaneComponent::of(api, &kubernetes.api_server, &[]),
                timeout_for_control_plane: api.old_timeout(HEALTH_TIMEOUT),
            },
            controller_manager: ControlPlaneComponent::of(
                api,
                &kubernetes.controller_manager,
                match cluster.network {
                    // The ranges of the pods are ours; two that hand them out would disagree.
                    Network::Bridge => &[("allocate-node-cidrs", "false")],
                    Network::None | Network::Manifest { .. } => &[],
                },
            ),
            scheduler: ControlPlaneComponent::of(api, &kubernetes.scheduler, &[]),
            etcd: Etcd { local: LocalEtcd::of(api, &kubernetes.etcd) },
            dns: (api == ConfigApi::V1Beta2).then_some(Dns { kind: "CoreDNS" }),
        }
    }
}

impl<'a> ControlPlaneComponent<'a> {
    fn of(api: ConfigApi, component: &'a Component, own: &[(&str, &str)]) -> Self {
        let mut args = pairs(own);
        args.extend(component.extra_args.clone());
        let volume = |volume: &'a ExtraVolume| Volume {
            name: &volume.name,
            host_path: &volume.host_path,
            mount_path: &volume.mount_path,
            read_only: volume.read_only,
            path_type: volume.path_type.as_deref(),
        };
        Self { extra_args: api.args(args), extra_volumes: component.extra_volumes.iter().map(volume).collect() }
    }

    fn is_empty(&self) -> bool {
        self.extra_args.is_none() && self.extra_volumes.is_empty()
    }
}

impl<'a> LocalEtcd<'a> {
    fn of(api: ConfigApi, etcd: &'a crate::config::Etcd) -> Self {
        let own = [("heartbeat-interval", etcd.heartbeat_interval_ms), ("election-timeout", etcd.election_timeout_ms)];
        let mut args: BTreeMap<String, String> =
            own.into_iter().filter_map(|(name, ms)| Some((name.to_owned(), ms?.to_string()))).collect();
        args.extend(etcd.extra_args.clone());
        Self { data_dir: &etcd.data_dir, extra_args: api.args(args) }
    }
}

fn pairs(args: &[(&str, &str)]) -> BTreeMap<String, String> {
    args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Every name and address by which an API server may be called, so that no certificate must be
/// made anew when clients come another way: the endpoint, all control planes, this machine itself,
/// and the user's own. Each once, in this order.
pub(super) fn cert_sans(cluster: &Cluster) -> Vec<String> {
    let mut sans: Vec<String> = Vec::new();
    let hosts = cluster.control_planes().flat_map(|host| {
        [host.internal_address.to_string(), host.address.clone(), host.node_name.clone(), host.name.clone()]
    });
    let own = [cluster.endpoint.address.clone(), "127.0.0.1".to_owned(), "localhost".to_owned()];
    for san in own.into_iter().chain(hosts).chain(cluster.kubernetes.cert_sans.iter().cloned()) {
        if !sans.contains(&san) {
            sans.push(san);
        }
    }
    sans
}
