//! Labels, annotations and taints of the Kubernetes nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::made_from::marks;
use super::site::{Site, name};
use crate::config::{Host, Role, Taint, pointer};
use crate::kinds::Node;
use crate::resource::HostName;

const COMPONENT: &str = "nodes";
/// Kind and component, as records have them.
pub(super) const NODE: (&str, &str) = (COMPONENT, "node");

/// The taints of control planes, and the versions of Kubernetes in which kubeadm sets them.
const MASTER: (&str, std::ops::RangeInclusive<u64>) = ("node-role.kubernetes.io/master:NoSchedule", 0..=24);
const CONTROL_PLANE: (&str, std::ops::RangeInclusive<u64>) =
    ("node-role.kubernetes.io/control-plane:NoSchedule", 24..=u64::MAX);

/// Declares the nodes of control planes, whose taint follows the roles, and of hosts that ask for anything. One that is
/// recorded stays declared: what is no longer asked for is an update, not the end of a node.
pub(super) fn declare(site: &mut Site<'_>) {
    let keys = Arc::clone(&site.keys);
    for host in site.cluster.nodes() {
        let node = node(site, host);
        let asks = !(node.labels.is_empty() && node.annotations.is_empty() && node.taints.is_empty());
        if !asks && !host.is_control_plane() && !site.inputs.recorded.nodes.contains(&host.node_name) {
            continue;
        }
        let key = match () {
            () if !node.labels.is_empty() => "labels",
            () if !node.annotations.is_empty() => "annotations",
            () if !node.taints.is_empty() => "taints",
            () => "roles",
        };
        let source = pointer(["hosts", &host.name, key]);
        let joined = site.members.get(&name(host)).cloned();
        // Where kubeadm runs again the node's object is a new one.
        let _ = site
            .declared
            .declare(&HostName::cluster(), COMPONENT, &source, node)
            .made_from(&marks(host, &keys))
            .reacts_to(&joined);
    }
}

fn node(site: &Site<'_>, host: &Host) -> Node {
    let written = host.taints.iter().flatten();
    let key = |taint: &Taint| format!("{}:{}", taint.key, taint.effect.as_str());
    let taints: BTreeMap<String, String> = written.map(|taint| (key(taint), taint.value.clone())).collect();
    Node {
        name: host.node_name.clone(),
        labels: host.labels.clone(),
        annotations: host.annotations.clone(),
        role_taints: role_taints(site, host, &taints),
        taints,
    }
}

/// Whether a control plane has the taints that keep workloads away: not if it is a worker, too, or names its own.
fn role_taints(site: &Site<'_>, host: &Host, taints: &BTreeMap<String, String>) -> BTreeMap<String, bool> {
    if !host.is_control_plane() {
        return BTreeMap::new();
    }
    let minor = site.cluster.kubernetes.version.minor;
    let alone = host.taints.is_none() && !host.roles.contains(&Role::Worker);
    let known = [MASTER, CONTROL_PLANE].into_iter().filter(|(key, _)| !taints.contains_key(*key));
    // Where it has one, the other is not ours: an older cluster may have both.
    let ours = known.map(|(key, versions)| (key.to_owned(), alone && versions.contains(&minor)));
    ours.filter(|(_, wanted)| *wanted || !alone).collect()
}
