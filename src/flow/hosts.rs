//! Inputs of planning from cluster.yaml and the state.

use crate::config::Cluster;
use crate::plan::Rename;
use crate::resource::{HostName, Pattern};
use crate::state::State;

/// The renames in cluster.yaml.
pub fn renames(cluster: &Cluster) -> Vec<Rename> {
    cluster.lifecycle.moved.iter().map(|it| (it.from.clone(), it.to.clone())).collect()
}

/// The guards: resources that no plan may destroy.
pub fn guarded(cluster: &Cluster) -> Vec<Pattern> {
    cluster.guards.prevent_destroy.iter().map(|it| Pattern::new(it.as_str())).collect()
}

/// Resources that others may change.
pub fn ignored(cluster: &Cluster) -> Vec<Pattern> {
    cluster.lifecycle.ignore_drift.iter().map(|it| Pattern::new(it.as_str())).collect()
}

/// Hosts that were made control planes.
pub fn recorded_control_planes(state: &State) -> Vec<HostName> {
    let planes = state.resources.keys().filter(|address| address.is_control_plane());
    planes.map(|address| address.host().clone()).collect()
}

/// Declared control planes, then recorded ones: one that is about to
/// leave may be the only one that knows what is in the cluster.
pub(super) fn control_planes(cluster: &Cluster, state: &State) -> Vec<HostName> {
    let mut hosts: Vec<HostName> = cluster.control_planes().map(|host| HostName::new(&host.name)).collect();
    for host in recorded_control_planes(state) {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}
