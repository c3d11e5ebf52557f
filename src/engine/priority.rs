//! Priority of ready resources: the longest remaining path first.

use std::collections::BTreeMap;

use crate::plan::Change;
use crate::resource::{Action, Address};

/// The weight of a change in the ready queue.
fn weight(change: &Change) -> u64 {
    let resource = change.resource.as_ref().filter(|_| change.action.touches_host());
    resource.map_or(0, |resource| resource.weight())
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
