//! The pod network: the built-in one on every node, or a manifest for the cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::error::StackError;
use super::files::{BRIDGE, conflist, routes_unit};
use super::site::{Site, name};
use crate::config::{Host, ManifestSource, Network};
use crate::kinds::{BridgeInterface, File, Manifest, OnChange, PodRoutes, PodTable, Service};
use crate::resource::{HandedOver, HostName, Key};

const COMPONENT: &str = "network";
const SOURCE: &str = "/network";
/// What the routes follow from.
const HOSTS: &str = "/hosts";
const UNIT: &str = "mainstay-pod-routes";
/// The key that says which plugin it is.
pub(super) const PLUGIN: &str = "/network/plugin";
/// Component, kind and key of the built-in network's configuration.
pub(super) const CONFLIST: (&str, &str, Option<&str>) = (COMPONENT, "file", Some(CONFLIST_FILE));
const CONFLIST_FILE: &str = "/etc/cni/net.d/10-mainstay.conflist";

/// Declares the built-in network on every node, if it is the one that is wanted.
pub(super) fn declare_bridge(site: &mut Site<'_>) -> Result<(), StackError> {
    if site.cluster.network == Network::None {
        hand_over(site);
    }
    if site.cluster.network != Network::Bridge {
        return Ok(());
    }
    let routes: BTreeMap<_, _> = site
        .cluster
        .nodes()
        .map(|node| Ok((range(site, node)?, node.internal_address)))
        .collect::<Result<_, StackError>>()?;
    // Once for all nodes: each of them declares no more than its digest.
    let table = Arc::new(PodTable::new(routes, site.inputs.pods_before));
    for host in site.cluster.nodes() {
        declare_bridge_on(site, host, &table)?;
    }
    Ok(())
}

/// A recorded network stays as it is: pods depend on it until another network is in place.
fn hand_over(site: &mut Site<'_>) {
    let network = HandedOver::component(COMPONENT, PLUGIN, "none");
    let nodes: Vec<HostName> = site.cluster.nodes().map(name).collect();
    for host in nodes.into_iter().chain([HostName::cluster()]) {
        site.declared.hand_over(&host, network.clone());
    }
}

fn declare_bridge_on(site: &mut Site<'_>, host: &Host, table: &Arc<PodTable>) -> Result<(), StackError> {
    let on = name(host);
    let keys = Arc::clone(&site.keys);
    let bridge = BridgeInterface { name: BRIDGE.to_owned() };
    let bridge = site.declared.declare(&on, COMPONENT, SOURCE, bridge).made_from(&keys.network).address();
    site.before_kubeadm(host, bridge);

    let plugin = File::new(CONFLIST_FILE, conflist(range(site, host)?));
    let plugin = site
        .declared
        .declare(&on, COMPONENT, SOURCE, plugin)
        .made_from(keys.network.iter().chain(&keys.pod_subnet))
        .address();
    site.before_kubeadm(host, plugin);

    let routes = PodRoutes::new(site.cluster.kubernetes.pod_subnet, range(site, host)?, table);
    let routes = site.declared.declare(&on, COMPONENT, HOSTS, routes).made_from(&keys.routes).address();

    let unit = File::new(format!("/etc/systemd/system/{UNIT}.service"), routes_unit());
    // The unit reads the file that comes with the routes.
    let unit = site.declared.declare(&on, COMPONENT, SOURCE, unit).made_from(&keys.network).needs([&routes]).address();
    let service = Service {
        name: UNIT.to_owned(),
        enabled: true,
        active: true,
        on_change: OnChange::Restart,
        releases: Vec::new(),
        group: None,
        listens: Vec::new(),
        reads: Vec::new(),
        node: None,
    };
    let service = site.declared.declare(&on, COMPONENT, SOURCE, service).made_from(&keys.network);
    let service = service.reacts_to([&unit]).address();
    site.before_kubeadm(host, routes);
    site.before_kubeadm(host, unit);
    site.before_kubeadm(host, service);
    Ok(())
}

fn range(site: &Site<'_>, host: &Host) -> Result<Ipv4Net, StackError> {
    let host = name(host);
    site.inputs.pod_ranges.get(&host).copied().ok_or(StackError::NoPodRange { host })
}

/// Declares the manifest of the network plugin, if it has one.
pub(super) fn declare_manifest(site: &mut Site<'_>) -> Result<(), StackError> {
    let Network::Manifest { source, .. } = &site.cluster.network else { return Ok(()) };
    let content = site.inputs.manifest.ok_or(StackError::NoManifest)?.to_owned();
    let content_key = Key::new("/network/manifest", &content);
    let manifest = Manifest { name: manifest_name(source), content };
    let needs: Vec<_> = site.settings.clone().into_iter().chain(site.virtual_ips.values().cloned()).collect();
    let keys = Arc::clone(&site.keys);
    let manifest = site.declared.declare(&HostName::cluster(), COMPONENT, "/network/manifest", manifest);
    let made_from = [&keys.network[..], &keys.manifest, &[content_key]].concat();
    let manifest = manifest.made_from(&made_from).needs(&needs).address();
    site.plugin = Some(manifest);
    Ok(())
}

/// The manifest's name: that of its file without folders and the extension.
fn manifest_name(source: &ManifestSource) -> String {
    let whole = match source {
        ManifestSource::Path(path) => path.to_string_lossy().into_owned(),
        ManifestSource::Url(url) => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
    };
    let file = whole.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    let stem = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file);
    if stem.is_empty() { "network".to_owned() } else { stem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_named_after_its_file() {
        let url = |url: &str| manifest_name(&ManifestSource::Url(url.into()));
        assert_eq!(url("https://example.org/v1/kube-flannel.yml?raw=1"), "kube-flannel");
        assert_eq!(manifest_name(&ManifestSource::Path("net/calico.yaml".into())), "calico");
        assert_eq!(manifest_name(&ManifestSource::Path("/".into())), "network");
    }
}
