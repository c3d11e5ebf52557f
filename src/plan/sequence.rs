//! The order of changes, and the changes that each one waits for.

use std::collections::{BTreeMap, BTreeSet};

use super::departure;
use super::handover::{Handover, shares};
use super::make::Inputs;
use super::nodes::{Node, Nodes};
use crate::graph::{Edges, Order};
use crate::resource::{Action, HostName, Lane};

/// Edges from what comes first to what comes after: what is needed before what needs it, and, of
/// what goes away, what needed something (as recorded) before that something; and those of the hosts' turns.
pub(super) fn edges(nodes: &Nodes<'_>, inputs: &Inputs<'_>, turns: &[(usize, usize)]) -> Edges {
    let graph = inputs.graph;
    let mut pairs: Vec<(usize, usize)> =
        (0..graph.len()).flat_map(|first| graph.dependents(first).iter().map(move |&after| (first, after))).collect();
    // What stays as it is holds up nothing that goes away on another host; otherwise a control plane that was made
    // through all load balancers would have each of them changed before one of them goes.
    let idle = |&(needs, need): &(usize, usize)| {
        let (node, need) = (&nodes.all[needs], &nodes.all[need]);
        let acts = node.verdict.action.touches_host() || node.verdict.problem.is_some();
        node.declared.is_some() && !acts && node.address.host() != need.address.host()
    };
    let handover = Handover::of(nodes, inputs);
    pairs.extend(&handover.pairs);
    let leaving = departure::leaving(nodes);
    pairs.extend(departure::pairs(nodes, &leaving));
    pairs.extend(turns);
    let mut destroys: Vec<(usize, usize)> = destroy_pairs(nodes).into_iter().filter(|pair| !idle(pair)).collect();
    handover.make_room(nodes, &leaving, &pairs, &mut destroys);
    pairs.extend(destroys);
    pairs.extend(given_back_in_turns(nodes));
    Edges::new(nodes.all.len(), &pairs)
}

/// Only the edges of what goes away: from what needed something to that something. What goes on as it did before
/// mainstay comes after what is put back for it to read.
pub(super) fn destroy_edges(nodes: &Nodes<'_>) -> Edges {
    Edges::new(nodes.all.len(), &destroy_pairs(nodes))
}

/// The control plane that is destroyed last, if none stays: it is needed to delete the resources of the cluster.
pub(super) fn last_control_plane(nodes: &Nodes<'_>) -> Option<usize> {
    let mut planes = nodes.all.iter().enumerate().filter(|(_, node)| node.is_control_plane());
    let stays = |node: &Node<'_>| node.declared.is_some() || node.left_out;
    if planes.clone().any(|(_, node)| stays(node)) {
        return None;
    }
    let leaving = planes.by_ref().filter(|(_, node)| node.verdict.action == Action::Destroy);
    leaving.min_by_key(|(_, node)| (!node.is_whole(), node.address)).map(|(number, _)| number)
}

fn destroy_pairs(nodes: &Nodes<'_>) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let last = last_control_plane(nodes);
    let in_cluster = |number: usize| nodes.all[number].address.host().is_cluster();
    if let Some(last) = last {
        // The last control plane waits for the resources of the cluster and all other members.
        let before = |(number, node): &(usize, &Node<'_>)| {
            *number != last && node.ends_with.is_empty() && (in_cluster(*number) || node.address.is_member())
        };
        pairs.extend(nodes.all.iter().enumerate().filter(before).map(|(number, _)| (number, last)));
    }
    for (number, node) in nodes.all.iter().enumerate() {
        if !node.ends_with.is_empty() {
            pairs.extend(node.ends_with.iter().map(|&plane| (plane, number)));
            continue;
        }
        let needs = node.record.into_iter().flat_map(|record| &record.needs);
        let rereads = node.rereads();
        pairs.extend(
            needs
                .filter_map(|need| nodes.undeclared(need))
                .filter(|&need| Some(number) != last || !in_cluster(need))
                .map(|need| if rereads && nodes.all[need].was_there() { (need, number) } else { (number, need) }),
        );
    }
    if nodes.all.iter().all(|node| node.declared.is_none()) {
        pairs.extend(balancers_last(nodes));
    }
    pairs
}

/// Services that ran before mainstay restart with their previous files on one host after another: on nodes that stay in
/// Kubernetes, control planes first, and on load balancers. After a service that does not start no other one is touched.
fn given_back_in_turns(nodes: &Nodes<'_>) -> Vec<(usize, usize)> {
    let stays = |node: &&Node<'_>| node.address.is_member() && node.declared.is_none() && node.was_there();
    let members: BTreeSet<&HostName> = nodes.all.iter().filter(stays).map(|node| node.address.host()).collect();
    let mut services: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, node) in nodes.all.iter().enumerate() {
        let balances = node.record.is_some_and(|record| record.lane == Some(Lane::LoadBalancer));
        // Services that share an address have an order of their own, see `handover`.
        if node.verdict.action == Action::Destroy
            && (balances || members.contains(node.address.host()))
            && !shares(node)
            && node.rereads()
        {
            services.entry(node.address.key().unwrap_or_default()).or_default().push(number);
        }
    }
    let plane = |node: &&Node<'_>| node.address.is_control_plane();
    let planes: BTreeSet<&HostName> = nodes.all.iter().filter(plane).map(|node| node.address.host()).collect();
    for hosts in services.values_mut() {
        hosts.sort_by_key(|&number| !planes.contains(nodes.all[number].address.host()));
    }
    services.values().flat_map(|hosts| hosts.windows(2).map(|pair| (pair[0], pair[1]))).collect()
}

/// Where nothing is declared any more: control planes leave while their endpoint answers, whatever they need as recorded.
/// An apply that was cut off may have had them need load balancers that were never made.
fn balancers_last(nodes: &Nodes<'_>) -> Vec<(usize, usize)> {
    let numbers = |what: &dyn Fn(&Node<'_>) -> bool| -> Vec<usize> {
        nodes.all.iter().enumerate().filter(|(_, node)| what(node)).map(|(number, _)| number).collect()
    };
    let planes = numbers(&|node| node.address.is_control_plane());
    let balancers = numbers(&|node| node.record.is_some_and(|record| record.lane == Some(Lane::LoadBalancer)));
    planes.iter().flat_map(|&plane| balancers.iter().map(move |&balancer| (plane, balancer))).collect()
}

/// For each node the changes that touch hosts and must have ended well before it starts; across
/// nodes that touch none. Records of different runs may need each other in a circle; an edge that
/// `order` could not keep is dropped.
pub(super) fn waits(nodes: &Nodes<'_>, edges: &Edges, order: &Order) -> Vec<Vec<usize>> {
    let mut waits: Vec<Vec<usize>> = vec![Vec::new(); nodes.all.len()];
    let mut done = vec![false; nodes.all.len()];
    for &number in &order.nodes {
        waits[number].sort_unstable();
        waits[number].dedup();
        done[number] = true;
        let touches = nodes.all[number].verdict.action.touches_host();
        if !touches && waits[number].is_empty() {
            continue;
        }
        let handed_on = std::mem::take(&mut waits[number]);
        for &after in edges.from(number) {
            if done[after] {
                continue;
            }
            if touches {
                waits[after].push(number);
            } else {
                waits[after].extend_from_slice(&handed_on);
            }
        }
        waits[number] = handed_on;
    }
    waits
}
