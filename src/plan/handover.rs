//! The order of changes to services that share an address (the virtual IP), so that only one host holds it at a time.
//! `guards/balancers.rs` refuses changes that have no such order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::make::Inputs;
use super::nodes::{Node, Nodes};
use super::selection::Chosen;
use crate::facts::Decode;
use crate::graph::{Edges, Graph};
use crate::resource::{Action, Address, BalancerGroup, Declared, Lane};
use crate::state::{Record, State, Status};

/// The order of the services that share an address.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Services that are destroyed.
    go: Vec<usize>,
    /// Pairs of earlier and later changes.
    pub(super) pairs: Vec<(usize, usize)>,
}

impl Handover {
    /// Destroyed services come first, then changed ones, then new ones. A service that the others no longer know, or
    /// do not know yet, would take the address a second time. The files of remaining services and the services they
    /// need also wait, because a restart could happen at any time. Among destroyed services the holder of
    /// the address comes last.
    pub(super) fn of(nodes: &Nodes<'_>, inputs: &Inputs<'_>) -> Self {
        let graph = inputs.graph;
        let mut services: BTreeMap<&str, [Vec<usize>; 4]> = BTreeMap::new();
        for (number, node) in nodes.all.iter().enumerate().filter(|(_, node)| shares(node)) {
            let turn = match node.verdict.action {
                Action::Destroy => 0,
                Action::Update | Action::Replace => 1,
                Action::Create => 2,
                Action::NoOp | Action::Adopt if node.declared.is_some() => 3,
                _ => continue,
            };
            services.entry(node.address.key().unwrap_or_default()).or_default()[turn].push(number);
        }
        let mut all = Self::default();
        for [go, stay, come, same] in services.values_mut() {
            let (last, first): (Vec<usize>, Vec<usize>) = go.iter().partition(|&&it| holds(&nodes.all[it], inputs));
            all.pairs.extend(first.iter().flat_map(|&first| last.iter().map(move |&last| (first, last))));
            let read = stay.iter().flat_map(|&number| files(&nodes.all[number], graph));
            // Running services are not delayed: their change may be the removal of a control plane.
            let starts = |need: &&usize| {
                let need = &nodes.all[**need];
                need.verdict.action.touches_host() && need.is_stopped()
            };
            let needed = stay.iter().chain(same.iter()).flat_map(|&number| graph.needs(number)).filter(starts);
            let needed = needed.flat_map(|&need| files(&nodes.all[need], graph).chain([need]));
            let later: Vec<usize> = stay.iter().chain(come.iter()).copied().chain(read).chain(needed).collect();
            all.pairs.extend(go.iter().flat_map(|&first| later.iter().map(move |&after| (first, after))));
            all.pairs.extend(stay.iter().flat_map(|&first| come.iter().map(move |&after| (first, after))));
            all.go.append(go);
        }
        all
    }

    /// Drops recorded dependencies of destroyed resources that would form a cycle with the hand-over: those of
    /// remaining resources that wait for a new load balancer, and those of a control plane that leaves after the load
    /// balancers.
    pub(super) fn make_room(
        &self,
        nodes: &Nodes<'_>,
        leaving: &BTreeSet<usize>,
        firm: &[(usize, usize)],
        destroys: &mut Vec<(usize, usize)>,
    ) {
        if self.go.is_empty() {
            return;
        }
        let stays = |number: usize| nodes.all[number].declared.is_some();
        let after = Edges::new(nodes.all.len(), firm).reach(self.go.clone());
        let leaves = |number: usize| leaving.contains(&number);
        let going = |pair: &&(usize, usize)| !stays(pair.0) && !leaves(pair.0);
        let going: Vec<(usize, usize)> = destroys.iter().filter(going).copied().collect();
        let before = Edges::new(nodes.all.len(), &going).reversed().reach(self.go.clone());
        destroys.retain(|&(needs, need)| !((stays(needs) || leaves(needs)) && after[needs] && before[need]));
    }
}

/// The files that a declared service reads.
pub(super) fn files<'g>(node: &Node<'g>, graph: &'g Graph) -> impl Iterator<Item = usize> + use<'g> {
    node.declared.into_iter().flat_map(|it| &it.reacts_to).filter_map(|address| graph.number(address))
}

/// Whether its host has a shared address at present.
fn holds(node: &Node<'_>, inputs: &Inputs<'_>) -> bool {
    let facts = inputs.facts.hosts.get(node.address.host());
    let addresses = Groups::recorded(node).into_iter().flat_map(|group| &group.addresses);
    facts.is_some_and(|facts| addresses.copied().any(|address| facts.interface_of(address).is_some()))
}

/// Whether it is one of several services that share an address.
pub(super) fn shares(node: &Node<'_>) -> bool {
    let group = if node.record.is_some() { Groups::recorded(node) } else { Groups::declared(node) };
    group.is_some()
}

/// The group of a service as recorded.
fn on_record(record: &Record, kind: &str, decode: &Decode<'_>) -> Option<BalancerGroup> {
    (record.lane == Some(Lane::LoadBalancer)).then(|| decode(kind, &record.attributes).ok()?.nature().group).flatten()
}

/// The group of a service as declared.
fn as_declared(declared: &Declared) -> Option<BalancerGroup> {
    (declared.lane == Some(Lane::LoadBalancer)).then(|| declared.resource.nature().group).flatten()
}

/// The group that a service belongs to.
#[derive(Debug)]
pub(super) struct Groups {
    recorded: Option<BalancerGroup>,
    declared: Option<BalancerGroup>,
}

impl Groups {
    /// The group as recorded.
    pub(super) fn recorded<'n>(node: &'n Node<'_>) -> Option<&'n BalancerGroup> {
        node.groups.as_ref()?.recorded.as_ref()
    }

    /// The group as declared.
    pub(super) fn declared<'n>(node: &'n Node<'_>) -> Option<&'n BalancerGroup> {
        node.groups.as_ref()?.declared.as_ref()
    }

    /// None if it belongs to none.
    pub(super) fn of(node: &Node<'_>, decode: &Decode<'_>) -> Option<Box<Self>> {
        let recorded = node.record.and_then(|record| on_record(record, node.address.kind(), decode));
        let declared = node.declared.and_then(as_declared);
        (recorded.is_some() || declared.is_some()).then(|| Box::new(Self { recorded, declared }))
    }
}

/// Load balancers that a partial plan leaves out while others change their peers: updated in different runs, they
/// would ignore each other.
pub(super) fn apart<'a>(graph: &'a Graph, state: &'a State, decode: &Decode<'_>, chosen: &Chosen) -> Vec<&'a Address> {
    let mut applied: BTreeMap<&Address, Option<BTreeSet<Ipv4Addr>>> = BTreeMap::new();
    for (address, record) in state.resources.iter().filter(|it| graph.handed_over(it.0).is_none()) {
        if let Some(group) = on_record(record, address.kind(), decode) {
            applied.insert(address, group.peers.filter(|_| record.status == Status::Ready));
        }
    }
    let peers = |item: &'a Declared| Some((&item.address, as_declared(item)?.peers));
    let wanted: BTreeMap<&Address, Option<BTreeSet<Ipv4Addr>>> = graph.items().iter().filter_map(peers).collect();
    if applied == wanted {
        return Vec::new();
    }
    let all: BTreeSet<&Address> = applied.into_keys().chain(wanted.into_keys()).collect();
    let (planned, left_out): (Vec<&Address>, Vec<&Address>) = all.into_iter().partition(|address| chosen.has(address));
    if planned.is_empty() { Vec::new() } else { left_out }
}
