//! Labels and annotations of the Kubernetes nodes.

use super::site::{Site, name};
use crate::config::pointer;
use crate::kinds::Node;
use crate::resource::HostName;

const COMPONENT: &str = "nodes";

/// Declares the nodes of hosts that ask for any.
pub(super) fn declare(site: &mut Site<'_>) {
    for host in site.cluster.nodes().filter(|host| !(host.labels.is_empty() && host.annotations.is_empty())) {
        let node =
            Node { name: host.node_name.clone(), labels: host.labels.clone(), annotations: host.annotations.clone() };
        let source = pointer(["hosts", &host.name, if host.labels.is_empty() { "annotations" } else { "labels" }]);
        let joined = site.joined.get(&name(host)).cloned();
        let _ = site.declared.declare(&HostName::cluster(), COMPONENT, &source, node).needs(&joined);
    }
}
