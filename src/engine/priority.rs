//! Which of the ready resources goes first: the one with the longest path still behind it.

use std::collections::BTreeMap;

use crate::plan::Change;
use crate::resource::{Action, Address};

/// Rough seconds of a resource, only to order the ready queue: what is known to be slow is slow
/// everywhere (measured on two cores: `kubeadm init` 24 s, a join 7 to 15 s, a package 3 to 20 s).
fn weight(change: &Change) -> u64 {
    match (change.action.touches_host(), change.address.kind()) {
        (false, _) => 0,
        (true, "kubeadm_init") => 250,
        (true, "kubeadm_join") => 150,
        (true, "package") => 80,
        (true, "manifest" | "virtual_ip") => 50,
        (true, "service") => 10,
        (true, _) => 1,
    }
}

/// Longest remaining path of every change, its own weight included. `changes` must be in an order
/// in which they could run.
pub(super) fn longest_paths(changes: &[Change]) -> Vec<u64> {
    let at: BTreeMap<&Address, usize> = changes.iter().enumerate().map(|(i, change)| (&change.address, i)).collect();
    let mut paths: Vec<u64> = changes.iter().map(weight).collect();
    for i in (0..changes.len()).rev() {
        for needed in &changes[i].after {
            if let Some(&j) = at.get(needed) {
                let through = paths[i] + weight(&changes[j]);
                paths[j] = paths[j].max(through);
            }
        }
    }
    paths
}

/// Whether the lane of a change counts: load balancers may be created together.
pub(super) fn lane_counts(change: &Change) -> bool {
    !(change.lane == Some(crate::resource::Lane::LoadBalancer) && change.action == Action::Create)
}
