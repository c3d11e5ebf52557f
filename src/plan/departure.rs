//! Control planes that leave: the load balancers that stay drop them first, so that no client is sent to an API server that
//! is being reset.

use std::collections::BTreeSet;

use super::handover;
use super::identity::Identity;
use super::model::Problem;
use super::nodes::{Node, Nodes};
use crate::graph::Graph;
use crate::resource::{Action, Address, Declared, Lane};
use crate::state::State;

/// The control planes that leave.
pub(super) fn leaving(nodes: &Nodes<'_>) -> BTreeSet<usize> {
    let leaves = |node: &Node<'_>| match node.verdict.action {
        Action::Destroy => node.address.is_control_plane(),
        // It becomes a worker.
        Action::Replace => {
            node.inherited.is_some_and(|(from, _)| from.is_control_plane()) && !node.address.is_control_plane()
        }
        _ => false,
    };
    nodes.all.iter().enumerate().filter(|(_, node)| leaves(node)).map(|(number, _)| number).collect()
}

/// From what load balancers do to the control planes that leave after it. The own virtual IP goes first, too: its haproxy
/// still knows the API server beside it. Where no load balancer is left, the last ones outlive the control planes.
pub(super) fn pairs(nodes: &Nodes<'_>, leaving: &BTreeSet<usize>) -> Vec<(usize, usize)> {
    if leaving.is_empty() || !nodes.all.iter().any(|node| node.declared.is_some_and(balances)) {
        return Vec::new();
    }
    let acts: Vec<usize> = (0..nodes.all.len())
        .filter(|&number| {
            let node = &nodes.all[number];
            let keeps = node.declared.is_some_and(balances);
            node.verdict.action.touches_host() && (keeps || handover::shares(node))
        })
        .collect();
    let first = |&plane: &usize| {
        let own = nodes.all[plane].address.host();
        let comes_first = move |number: &usize| {
            let node = &nodes.all[*number];
            node.declared.is_some() || node.address.host() == own
        };
        acts.iter().copied().filter(comes_first).map(move |number| (number, plane)).collect::<Vec<_>>()
    };
    leaving.iter().flat_map(first).collect()
}

/// Nothing leaves while a load balancer cannot drop it because its change is refused. An unreachable load balancer holds
/// nothing up: its haproxy finds out by itself.
pub(super) fn hold_back(nodes: &mut Nodes<'_>) {
    let refused = |node: &&Node<'_>| {
        let refused = matches!(node.verdict.problem, Some(Problem::Refused { .. } | Problem::Blocked { .. }));
        refused && node.record.is_some() && node.declared.is_some_and(balances)
    };
    let Some(by) = nodes.all.iter().find(refused) else { return };
    let by = match &by.verdict.problem {
        Some(Problem::Blocked { by }) => by.clone(),
        _ => by.address.clone(),
    };
    for number in leaving(nodes) {
        nodes.all[number].verdict.stop(Problem::Blocked { by: by.clone() });
    }
}

/// The same before anything is looked at: from load balancers to the recorded control planes that are none in
/// cluster.yaml, wherever they go on.
pub(super) fn recorded<'a>(graph: &'a Graph, state: &'a State) -> Vec<(&'a Address, &'a Address)> {
    let stays: BTreeSet<_> =
        graph.items().iter().map(|item| &item.address).filter(|it| it.is_control_plane()).map(Address::host).collect();
    let leaving = state.resources.keys().filter(|it| it.is_control_plane() && !stays.contains(it.host()));
    let balancers: Vec<&Address> = graph.items().iter().filter(|it| balances(it)).map(|it| &it.address).collect();
    let heir = |old: &Address| {
        let same = |it: &&Declared| it.address.host() == old.host() && Identity::of(&it.address) == Identity::of(old);
        graph.items().iter().find(same).map(|item| &item.address)
    };
    leaving
        .flat_map(|old| {
            let plane = heir(old).unwrap_or(old);
            balancers.iter().map(move |balancer| (*balancer, plane))
        })
        .collect()
}

fn balances(declared: &Declared) -> bool {
    declared.lane == Some(Lane::LoadBalancer)
}
