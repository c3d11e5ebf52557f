//! The table of contents.

use super::error::StackError;
use super::site::{Inputs, Site};
use super::{container_runtime, haproxy, host_base, keepalived, kubernetes_packages, members, network, nodes};
use crate::config::Cluster;
use crate::resource::Declarations;

/// Declares everything that the cluster is made of, in the order in which it comes to be.
///
/// Which resources there are follows from `cluster` and nothing else; facts decide values only. So a first call without facts yields what to look at, and a
/// second one, after the hosts were asked, what to want.
///
/// # Errors
/// [`StackError`] when facts contradict cluster.yaml, or when something that cluster.yaml refers to
/// was not read.
pub fn declare(cluster: &Cluster, inputs: &Inputs<'_>) -> Result<Declarations, StackError> {
    let mut site = Site::new(cluster, inputs);
    host_base::declare(&mut site);
    container_runtime::declare(&mut site);
    kubernetes_packages::declare(&mut site);
    network::declare_bridge(&mut site)?;
    haproxy::declare(&mut site);
    keepalived::declare(&mut site)?;
    members::declare_settings(&mut site);
    network::declare_manifest(&mut site)?;
    members::declare_control_planes(&mut site);
    members::declare_workers(&mut site);
    kubernetes_packages::declare_kubelet(&mut site);
    nodes::declare(&mut site);
    site.declared.know(site.keys.switches());
    Ok(site.declared)
}
