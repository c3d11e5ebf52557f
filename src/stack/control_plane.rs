//! The control planes: one is made, the others join it one at a time.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::files::{init_documents, join_document, upload_documents};
use super::made_from::{Keys, node};
use super::site::{Site, name};
use crate::config::{Component, Host, pointer};
use crate::kinds::{JoinRole, KubeadmInit, KubeadmJoin};
use crate::resource::{Address, Key, Lane};

const COMPONENT: &str = "control-plane";

/// Declares the first control plane: the one that was made first, else the first in the file.
/// Nobody is first when the one that was is no longer declared: a cluster is made once.
pub(super) fn declare_first(site: &mut Site<'_>) {
    let Some(host) = first(site) else { return };
    let kubernetes = &site.cluster.kubernetes;
    let init = KubeadmInit {
        node: host.node_name.clone(),
        advertise_address: host.internal_address,
        config: init_documents(site.cluster, host, site.cgroup_driver()),
        ignore_preflight_errors: site.ignored_preflight_errors(),
        skip_phases: kubernetes.skip_phases.clone(),
        virtual_ip: virtual_ip(site),
        fixed: fixed(site),
    };
    // kubeadm init speaks to the API through the virtual IP, which must not move while it does.
    let needs: Vec<Address> =
        site.ready_for_kubeadm(host).into_iter().chain(site.virtual_ips.values().cloned()).collect();
    let keys = Arc::clone(&site.keys);
    let init = site
        .declared
        .declare(&name(host), COMPONENT, "/kubernetes", init)
        .made_from(&made_from(&keys, host))
        .needs(&needs)
        .lane(Lane::ControlPlane)
        .address();
    site.joined.insert(name(host), init.clone());
    site.first = Some(init);
}

fn first<'a>(site: &Site<'a>) -> Option<&'a Host> {
    let mut control_planes = site.cluster.control_planes();
    match site.inputs.initialized_on {
        Some(recorded) => control_planes.find(|host| host.name == recorded.as_str()),
        None => control_planes.next(),
    }
}

/// Declares the other control planes.
pub(super) fn declare_others(site: &mut Site<'_>) {
    let first = first(site).map(|host| host.name.as_str());
    let keys = Arc::clone(&site.keys);
    for host in site.cluster.control_planes().filter(|host| Some(host.name.as_str()) != first) {
        let mut needs = needs_of_join(site, host);
        needs.extend(site.virtual_ips.get(&name(host)).cloned());
        needs.extend(site.plugin.clone());
        let join = KubeadmJoin {
            upload_config: Some(upload_documents(site.cluster, host)),
            fixed: fixed(site),
            ..join(site, host, JoinRole::ControlPlane)
        };
        let source = pointer(["hosts", &host.name]);
        let join = site
            .declared
            .declare(&name(host), COMPONENT, &source, join)
            .made_from(&made_from(&keys, host))
            .needs(&needs)
            .lane(Lane::ControlPlane)
            .address();
        site.joined.insert(name(host), join);
    }
}

fn made_from(keys: &Keys, host: &Host) -> Vec<Key> {
    [&keys.join[..], &keys.swap, &keys.fixed, &node(host)].concat()
}

/// The join of a host in this role, without what only control planes need.
pub(super) fn join(site: &Site<'_>, host: &Host, role: JoinRole) -> KubeadmJoin {
    KubeadmJoin {
        node: host.node_name.clone(),
        role,
        advertise_address: host.internal_address,
        config: join_document(site.cluster, host, role),
        upload_config: None,
        ignore_preflight_errors: site.ignored_preflight_errors(),
        skip_phases: Vec::new(),
        virtual_ip: virtual_ip(site),
        fixed: BTreeMap::new(),
    }
}

/// The virtual IP, where this cluster's own load balancers hold it.
fn virtual_ip(site: &Site<'_>) -> Option<Ipv4Addr> {
    site.cluster.endpoint.vip.filter(|_| !site.virtual_ips.is_empty())
}

/// What every join waits for: its host, and a cluster to join.
pub(super) fn needs_of_join(site: &Site<'_>, host: &Host) -> Vec<Address> {
    let mut needs = site.ready_for_kubeadm(host);
    match &site.first {
        Some(first) => needs.push(first.clone()),
        None => needs.extend(site.virtual_ips.values().cloned()),
    }
    needs
}

/// What only `kubeadm init` sets. Until there are ways to change one of these in a running
/// cluster, a change is refused, because the alternative is to ignore it without a word.
fn fixed(site: &Site<'_>) -> BTreeMap<String, String> {
    let kubernetes = &site.cluster.kubernetes;
    let etcd = &kubernetes.etcd;
    let settings = [
        ("endpoint", site.cluster.endpoint.to_string().into()),
        ("kubernetes.version", kubernetes.version.to_string().into()),
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
    ];
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
