//! The table of contents.

use std::collections::BTreeMap;

use super::error::StackError;
use super::site::{Completed, Inputs, Site, name};
use super::{container_runtime, haproxy, host_base, keepalived, kubernetes_packages, members, network, nodes};
use crate::config::Cluster;
use crate::resource::{Completion, Declarations, HostFacts, HostName};

/// Declares everything that the cluster is made of, in the order in which it is created.
///
/// Which resources there are follows from `cluster` alone. Values that facts of a host decide are assumed and marked
/// ([`crate::resource::Declared::guessed`]) until [`complete`] replaces them.
///
/// # Errors
/// [`StackError`] when something that cluster.yaml refers to was not read.
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

/// The values that facts decide, of all hosts that answered.
///
/// # Errors
/// [`StackError`] when facts contradict cluster.yaml.
pub fn complete(
    cluster: &Cluster,
    inputs: &Inputs<'_>,
    facts: &BTreeMap<HostName, HostFacts>,
) -> Result<Vec<Completion>, StackError> {
    let site = Site::new(cluster, inputs);
    let mut completed = Completed::default();
    for host in cluster.nodes() {
        if let Some(facts) = facts.get(&name(host)) {
            container_runtime::complete(&site, host, facts, &mut completed);
            kubernetes_packages::complete(&site, host, facts, &mut completed);
        }
    }
    for host in cluster.load_balancers() {
        if let Some(facts) = facts.get(&name(host)) {
            haproxy::complete(&site, host, facts, &mut completed);
            keepalived::complete(&site, host, facts, &mut completed)?;
        }
    }
    Ok(completed.0)
}
