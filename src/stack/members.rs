//! The members of the cluster, and the settings of the cluster.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::files::{cri_socket, init_documents, join_document, upload_documents};
use super::made_from::{Keys, member as of_host};
use super::site::{Site, name};
use crate::config::{Component, Host, Swap, pointer};
use crate::kinds::{ClusterSettings, ControlPlaneDocuments, Making, Member};
use crate::resource::{Address, HostName, Key, Lane, MemberRole};

/// First minor version whose kubelet refuses cgroup v1 by default.
const REFUSES_CGROUP_V1: u64 = 35;

/// Declares the settings of the cluster. Every member depends on them, except the control plane that the plan chooses to
/// create the cluster.
pub(super) fn declare_settings(site: &mut Site<'_>) {
    // kubeadm connects to the API through the virtual IP.
    let needs: Vec<Address> = site.virtual_ips.values().cloned().collect();
    let settings = ClusterSettings { fixed: fixed(site), creation: creation(site) };
    let keys = Arc::clone(&site.keys);
    let settings = site
        .declared
        .declare(&HostName::cluster(), Address::KUBERNETES, "/kubernetes", settings)
        .made_from(&keys.settings)
        .needs(&needs)
        .address();
    site.settings = Some(settings);
}

/// Declares the control planes.
pub(super) fn declare_control_planes(site: &mut Site<'_>) {
    let keys = Arc::clone(&site.keys);
    for host in site.cluster.control_planes() {
        let mut needs = needs_of_member(site, host);
        needs.extend(site.virtual_ips.get(&name(host)).cloned());
        needs.extend(site.plugin.clone());
        let documents = ControlPlaneDocuments {
            init: init_documents(site.cluster, host, site.cgroup_driver()),
            upload: upload_documents(site.cluster, host),
            skip_phases: site.cluster.kubernetes.skip_phases.clone(),
            etcd_data_dir: site.cluster.kubernetes.etcd.data_dir.clone(),
        };
        let member = member(site, host, MemberRole::ControlPlane);
        let making = Making { control_plane: Some(documents), ..member.making };
        let member = Member { version: Some(site.cluster.kubernetes.version.to_string()), making, ..member };
        let source = pointer(["hosts", &host.name]);
        let member = site
            .declared
            .declare(&name(host), MemberRole::ControlPlane.as_str(), &source, member)
            .made_from(&made_from(&keys, host))
            .needs(&needs)
            .lane(Lane::ControlPlane)
            .address();
        site.members.insert(name(host), member);
    }
}

/// Declares the workers, which join in parallel.
pub(super) fn declare_workers(site: &mut Site<'_>) {
    let keys = Arc::clone(&site.keys);
    for host in site.cluster.workers() {
        let needs = needs_of_member(site, host);
        let member = member(site, host, MemberRole::Worker);
        let source = pointer(["hosts", &host.name]);
        let made_from = [&keys.join[..], &keys.swap, &of_host(host)].concat();
        let declared = site.declared.declare(&name(host), MemberRole::Worker.as_str(), &source, member);
        let member = declared.made_from(&made_from).needs(&needs).address();
        site.members.insert(name(host), member);
    }
}

fn made_from(keys: &Keys, host: &Host) -> Vec<Key> {
    [&keys.join[..], &keys.swap, &keys.fixed, &of_host(host)].concat()
}

/// A host as a member in this role, without the documents of control planes.
fn member(site: &Site<'_>, host: &Host, role: MemberRole) -> Member {
    let version = &site.cluster.kubernetes.version;
    let allowed = site.cluster.kubernetes.kubelet.get("failCgroupV1") == Some(&Value::Bool(false));
    Member {
        node: host.node_name.clone(),
        role,
        advertise_address: host.internal_address,
        endpoint: site.cluster.endpoint.to_string(),
        cri_socket: cri_socket(version).to_owned(),
        version: None,
        making: Making {
            join: join_document(site.cluster, host, role),
            control_plane: None,
            ignore_preflight_errors: site.ignored_preflight_errors(),
            virtual_ip: virtual_ip(site),
            refuses_cgroup_v1: (version.minor >= REFUSES_CGROUP_V1 && !allowed).then(|| version.to_string()),
        },
    }
}

/// The virtual IP, if this cluster's own load balancers hold it.
fn virtual_ip(site: &Site<'_>) -> Option<Ipv4Addr> {
    site.cluster.endpoint.vip.filter(|_| !site.virtual_ips.is_empty())
}

/// Dependencies of every member: its host and the cluster's settings.
fn needs_of_member(site: &Site<'_>, host: &Host) -> Vec<Address> {
    site.ready_for_kubeadm(host).into_iter().chain(site.settings.clone()).collect()
}

/// Settings that only `kubeadm init` sets. mainstay cannot change them on a running cluster yet, so a change is refused
/// instead of silently ignored.
fn fixed(site: &Site<'_>) -> BTreeMap<String, String> {
    let kubernetes = &site.cluster.kubernetes;
    let etcd = &kubernetes.etcd;
    texts([
        ("endpoint", site.cluster.endpoint.to_string().into()),
        ("kubernetes.podSubnet", kubernetes.pod_subnet.to_string().into()),
        ("kubernetes.serviceSubnet", kubernetes.service_subnet.to_string().into()),
        ("kubernetes.dnsDomain", kubernetes.dns_domain.clone().into()),
        ("kubernetes.imageRepository", json!(kubernetes.image_repository)),
        ("kubernetes.proxyMode", kubernetes.proxy_mode.as_str().into()),
        ("kubernetes.apiServer.certSANs", json!(kubernetes.cert_sans)),
        ("kubernetes.apiServer", component(&kubernetes.api_server)),
        ("kubernetes.controllerManager", component(&kubernetes.controller_manager)),
        ("kubernetes.scheduler", component(&kubernetes.scheduler)),
        ("kubernetes.etcd.dataDir", etcd.data_dir.clone().into()),
        ("kubernetes.etcd.heartbeatInterval", json!(etcd.heartbeat_interval_ms)),
        ("kubernetes.etcd.electionTimeout", json!(etcd.election_timeout_ms)),
        ("kubernetes.etcd.extraArgs", json!(etcd.extra_args)),
        ("kubernetes.kubelet", json!(kubernetes.kubelet)),
        ("kubernetes.kubeProxy", json!(kubernetes.kube_proxy)),
        ("containerRuntime.cgroupDriver", site.cgroup_driver().as_str().into()),
    ])
}

/// Settings that are used only when the cluster or a member is created.
fn creation(site: &Site<'_>) -> BTreeMap<String, String> {
    let kubernetes = &site.cluster.kubernetes;
    let swap = if site.cluster.host_config.swap == Swap::Keep { "keep" } else { "off" };
    texts([
        ("hostConfig.swap", swap.into()),
        ("kubernetes.ignorePreflightErrors", json!(kubernetes.ignore_preflight_errors)),
        ("kubernetes.skipPhases", json!(kubernetes.skip_phases)),
    ])
}

/// Strings as they are, other values as JSON.
fn texts<const N: usize>(settings: [(&str, Value); N]) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Null => "default".to_owned(),
        other => other.to_string(),
    };
    settings.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}

fn component(component: &Component) -> Value {
    let volumes = component.extra_volumes.iter().map(|volume| {
        json!({
            "name": volume.name,
            "hostPath": volume.host_path,
            "mountPath": volume.mount_path,
            "readOnly": volume.read_only,
            "pathType": volume.path_type,
        })
    });
    json!({"extraArgs": component.extra_args, "extraVolumes": volumes.collect::<Vec<_>>()})
}
