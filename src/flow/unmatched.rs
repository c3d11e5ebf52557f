//! Patterns of cluster.yaml that match no resource.

use std::collections::BTreeSet;

use crate::config::Cluster;
use crate::graph::Graph;
use crate::plan::{self, Warning};
use crate::resource::{Address, Pattern};
use crate::state::State;

/// Warns about patterns that match no declared or recorded resource, with suggestions.
pub(super) fn unmatched(cluster: &Cluster, graph: &Graph, state: &State) -> Vec<Warning> {
    let lists = [
        ("guards.preventDestroy", &cluster.guards.prevent_destroy),
        ("lifecycle.ignoreDrift", &cluster.lifecycle.ignore_drift),
    ];
    if lists.iter().all(|(_, patterns)| patterns.is_empty()) {
        return Vec::new();
    }
    let declared = graph.items().iter().map(|item| &item.address);
    let known: BTreeSet<&Address> = declared.chain(state.resources.keys()).collect();
    let mut warnings = Vec::new();
    for (key, patterns) in lists {
        for text in patterns {
            let pattern = Pattern::new(text.as_str());
            if known.iter().any(|address| pattern.matches(address)) {
                continue;
            }
            let near = plan::near(text, known.iter().copied());
            let meant = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
            let text = format!("`{text}` in {key} matches no resource{meant}");
            warnings.push(Warning::danger("pattern-matches-nothing", text));
        }
    }
    warnings
}
