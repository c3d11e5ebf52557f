//! Quorum: etcd keeps a majority of its members, and no cluster loses its last control plane by an apply.

use std::collections::{BTreeMap, BTreeSet};

use super::destroys;
use crate::plan::make::Inputs;
use crate::plan::model::{Mode, Problem};
use crate::plan::nodes::{Node, Nodes};
use crate::plan::react::begins_something;
use crate::resource::{Action, HostName, Observation};

/// Refuses to remove so many control planes at once, or while so many others are unreachable, that the remaining etcd
/// members have no majority to agree to it.
pub(super) fn check(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    if inputs.mode == Mode::Apply || planes_stay(nodes, inputs) {
        quorum(nodes, inputs);
    }
}

/// Whether a partial destroy leaves control planes out.
fn planes_stay(nodes: &Nodes<'_>, inputs: &Inputs<'_>) -> bool {
    let stays = |node: &Node<'_>| node.left_out && node.is_control_plane();
    inputs.mode == Mode::Destroy && nodes.all.iter().any(stays)
}

fn quorum(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let (mut members, mut leaving) = (BTreeSet::<HostName>::new(), BTreeMap::<HostName, usize>::new());
    let mut begun = BTreeSet::<HostName>::new();
    for (number, node) in nodes.all.iter().enumerate() {
        let gone = node.seen.as_ref().is_ok_and(|seen| seen.observation == Observation::Absent);
        if node.record.is_none() || gone || !node.is_control_plane() {
            continue;
        }
        members.insert(node.address.host().clone());
        if node.is_begun() {
            begun.insert(node.address.host().clone());
        }
        // A control plane that becomes a worker is removed by the change at its new address.
        let acts = node.moved_to.and_then(|heir| inputs.graph.number(heir)).unwrap_or(number);
        if destroys(nodes.all[acts].verdict.action) {
            leaving.insert(node.address.host().clone(), acts);
        }
    }
    let (total, left) = (members.len(), members.len().saturating_sub(leaving.len()));
    // An unfinished member may not vote, so it does not replace complete ones.
    let whole = |host: &HostName| !begun.contains(host);
    let stands = members.iter().filter(|host| !leaving.contains_key(*host)).any(whole);
    let exchanged = left > 0 && !stands && leaving.keys().any(whole);
    // One of two members may leave; in larger clusters a majority must remain.
    let allowed = (total.saturating_sub(1) / 2).max(1);
    let down: Vec<&str> = members
        .iter()
        .filter(|host| !leaving.contains_key(*host) && inputs.facts.unreached.contains_key(*host))
        .map(HostName::as_str)
        .collect();
    // The remaining members must agree to the last removal, so most of them must run.
    let agree = left - down.len() > down.len();
    if leaving.is_empty() || (left > 0 && leaving.len() <= allowed && agree && !exchanged) {
        return;
    }
    let names: Vec<&str> = leaving.keys().map(HostName::as_str).collect();
    let last = names.last().copied().unwrap_or_default();
    let names = names.join(", ");
    let joins = nodes.all.iter().filter(|node| node.declared.is_some() && begins_something(node));
    let mut joins = joins.filter(|node| node.is_control_plane());
    let joins = joins.find(|node| !members.contains(node.address.host())).map(|node| node.address.host());
    let swap = joins.map_or_else(String::new, |host| format!(" Apply {host}'s change first, then {last}'s."));
    let text = if left == 0 {
        let destroy = " Use `mainstay destroy` to destroy the whole cluster.";
        let advice = if swap.is_empty() { destroy } else { swap.as_str() };
        format!("This would leave no control plane ({names}).{advice}")
    } else if exchanged {
        let begun = begun.iter().filter(|host| !leaving.contains_key(*host)).map(HostName::as_str);
        format!(
            "{names} cannot be removed: the remaining control planes ({}) are incomplete. Apply without this change first.",
            begun.collect::<Vec<_>>().join(", ")
        )
    } else if leaving.len() <= allowed {
        format!(
            "{names} cannot be removed: of the {left} remaining etcd members, {} {} unreachable, and quorum is {}. \
             Bring them back first.",
            down.join(", "),
            if down.len() == 1 { "is" } else { "are" },
            left / 2 + 1
        )
    } else {
        let at_most = match allowed {
            1 => "one control plane".to_owned(),
            more => format!("{more} control planes"),
        };
        format!(
            "This would leave {left} of {total} etcd members, below quorum ({}). Remove at most {at_most} per apply.\
             {swap}",
            total / 2 + 1
        )
    };
    for (host, &number) in &leaving {
        let by = nodes.all[number].address.clone();
        for node in nodes.all.iter_mut().filter(|node| node.address.host() == host) {
            if node.address == &by {
                node.verdict.stop(Problem::Refused { text: text.clone() });
            } else if node.verdict.action == Action::Destroy {
                node.verdict.stop(Problem::Blocked { by: by.clone() });
            }
        }
    }
}
