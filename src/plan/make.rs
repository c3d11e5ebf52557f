//! From what is declared, recorded and seen to a plan. Pure, and linear in the resources.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use super::model::{Change, Coverage, Mode, Plan, Reason};
use super::nodes::{Node, Nodes};
use super::rollout::Rollout;
use super::selection::Selection;
use super::{departure, ending, founding, guards, react, refusals, sequence, warnings};
use crate::facts::{Decode, FactSet};
use crate::graph::{Drawing, Graph};
use crate::resource::{Action, Address, Declared, HostName, Pattern};
use crate::state::State;

/// All that a plan is made from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// What it is for.
    pub mode: Mode,
    /// What is declared; not looked at in [`Mode::Destroy`], which works from state alone.
    pub graph: &'a Graph,
    /// What is recorded; before the first apply, a fresh state without resources.
    pub state: &'a State,
    /// What the hosts said.
    pub facts: &'a FactSet,
    /// Reads recorded resources back.
    pub decode: &'a Decode<'a>,
    /// Control planes for cluster-wide resources, in order of preference. The first one creates the cluster.
    pub control_planes: &'a [HostName],
    /// `guards.preventDestroy`.
    pub prevent_destroy: &'a [Pattern],
    /// `lifecycle.ignoreDrift`: what others may change.
    pub ignore_drift: &'a [Pattern],
    /// The endpoint's virtual IP, if mainstay keeps one.
    pub virtual_ip: Option<Ipv4Addr>,
    /// Addresses that records had before they followed `lifecycle.moved`, by the present ones.
    pub moved: &'a BTreeMap<Address, Address>,
    /// Which part it is about.
    pub selection: &'a Selection,
    /// Whether destroy drops the records of hosts that do not answer.
    pub forget_unreachable: bool,
}

impl Reason {
    /// Why something recorded is no longer declared.
    pub(super) fn of_undeclared(address: &Address, inputs: &Inputs<'_>) -> Self {
        let handed_over = inputs.graph.handed_over(address);
        match (inputs.mode, handed_over) {
            (Mode::Destroy, _) => Self::Destroyed,
            (_, Some(it)) => Self::HandedOver { source: it.source.to_owned(), value: it.value.to_owned() },
            (_, None) => Self::Removed,
        }
    }
}

impl Plan {
    /// Plans. The same inputs yield the same plan, in the same order.
    pub fn make(inputs: &Inputs<'_>) -> Self {
        let nothing = Graph::default();
        let graph = match inputs.mode {
            Mode::Apply | Mode::Refresh => inputs.graph,
            Mode::Destroy => &nothing,
        };
        let inputs = Inputs { graph, ..*inputs };
        let mut nodes = Nodes::collect(graph, &inputs);
        nodes.judge(&inputs, &inputs.selection.choose(inputs.mode, graph, inputs.state));
        refusals::name_keys_that_left(&mut nodes, &inputs);
        ending::with_the_cluster(&mut nodes, &inputs);
        refusals::check(&mut nodes, &inputs);
        let founded = founding::choose(&mut nodes, &inputs).map(|founder| graph.founded_by(founder));
        let graph = founded.as_ref().unwrap_or(graph);
        let inputs = Inputs { graph, ..inputs };
        guards::check(&mut nodes, &inputs);
        if inputs.mode != Mode::Refresh {
            react::forwards(&mut nodes, &inputs);
            departure::hold_back(&mut nodes);
            react::with_their_heirs(&mut nodes, graph);
            react::to_what_is_put_back(&mut nodes, inputs.state);
            let destroys = sequence::destroy_edges(&nodes);
            react::backwards(&mut nodes, &destroys, &destroys.order().nodes);
            ending::with_their_node(&mut nodes);
        }
        let rollout = Rollout::of(&nodes, graph, &inputs).hold_back(&mut nodes);
        let turns = rollout.pairs(&nodes);
        let left_out = nodes.all.iter().filter(|node| node.left_out).count();
        let warnings = warnings::of(&nodes, &inputs).into_iter().chain(inputs.selection.notice(left_out)).collect();
        Self {
            cluster: inputs.state.cluster.clone(),
            mode: inputs.mode,
            lineage: inputs.state.lineage.clone(),
            serial: inputs.state.serial,
            control_planes: those_that_stay_first(inputs.control_planes, &nodes),
            coverage: Coverage {
                reached: inputs.facts.hosts.keys().cloned().collect(),
                unreached: inputs.facts.unreached.clone(),
                resources: inputs.facts.seen.values().filter(|look| look.is_ok()).count(),
            },
            warnings,
            turns: rollout.notice(),
            left_out,
            moved: inputs.moved.len(),
            changes: changes(nodes, &inputs, &turns),
        }
    }

    /// What `mainstay graph` draws of a plan: changes and what they wait for.
    pub fn drawing(&self) -> Drawing<'_> {
        let shown = || self.changes.iter().filter(|change| change.action != Action::NoOp || change.problem.is_some());
        let numbers: std::collections::HashMap<&Address, usize> =
            shown().enumerate().map(|(number, change)| (&change.address, number)).collect();
        let mut drawing = Drawing::default();
        for (number, change) in shown().enumerate() {
            drawing.nodes.push((&change.address, Some(change.action)));
            let firsts = change.after.iter().filter_map(|first| numbers.get(first));
            drawing.edges.extend(firsts.map(|&first| (first, number)));
        }
        drawing
    }
}

/// Sorts control planes that leave the cluster to the end, because cluster-wide resources use the first healthy one.
fn those_that_stay_first(control_planes: &[HostName], nodes: &Nodes<'_>) -> Vec<HostName> {
    let mut going: HashMap<&HostName, u8> = HashMap::new();
    for node in nodes.all.iter().filter(|node| node.address.is_member()) {
        if matches!(node.verdict.action, Action::Destroy | Action::Replace) {
            going.insert(node.address.host(), 2);
        }
    }
    if let Some(last) = sequence::last_control_plane(nodes) {
        going.insert(nodes.all[last].address.host(), 1);
    }
    let mut all = control_planes.to_vec();
    all.sort_by_key(|host| going.get(host).copied().unwrap_or_default());
    all
}

fn changes(nodes: Nodes<'_>, inputs: &Inputs<'_>, turns: &[(usize, usize)]) -> Vec<Change> {
    let edges = sequence::edges(&nodes, inputs, turns);
    let order = edges.order();
    let waits = sequence::waits(&nodes, &edges, &order);
    let reacting = reacting(&nodes, inputs.graph);
    let addresses: Vec<&Address> = nodes.all.iter().map(|node| node.address).collect();
    let set = |numbers: &[usize]| -> BTreeSet<Address> { numbers.iter().map(|&n| addresses[n].clone()).collect() };
    let mut nodes: Vec<Option<Node<'_>>> = nodes.all.into_iter().map(Some).collect();
    let mut changes = Vec::with_capacity(nodes.len());
    for number in order.nodes {
        let Some(node) = nodes[number].take().filter(|node| !node.left_out) else { continue };
        let touches = node.verdict.action.touches_host();
        let warning = warning(&node, inputs.decode);
        let recorded_now = node.verdict.action != Action::NoOp || node.verdict.rerecord;
        let prior = if recorded_now { node.prior() } else { None };
        // A control plane that becomes a worker leaves etcd like any other.
        let left = node.inherited.filter(|_| node.verdict.action == Action::Replace);
        let lane = |declared: &Declared| declared.lane.clone().or_else(|| left.and_then(|(_, was)| was.lane.clone()));
        let (needs, lane, made_from) = match (node.declared, node.record) {
            (Some(declared), _) => (Some(&declared.needs), lane(declared), Some(&declared.made_from)),
            (None, Some(record)) => (Some(&record.needs), record.lane.clone(), Some(&record.made_from)),
            (None, None) => (None, None, None),
        };
        let made_from = made_from.cloned().unwrap_or_default();
        let needs = needs.filter(|_| recorded_now).cloned().unwrap_or_default();
        let recorded = if node.verdict.action == Action::NoOp { None } else { node.recorded().cloned() };
        changes.push(Change {
            address: node.address.clone(),
            action: node.verdict.action,
            act: node.verdict.act(),
            resumes: node.verdict.resumes,
            reacts_to: node.verdict.reacts_to,
            moved: node.verdict.moved,
            fields: node.verdict.fields,
            drift: node.verdict.drift,
            reasons: node.verdict.reasons,
            problem: node.verdict.problem,
            refused: node.verdict.refused,
            warning,
            resource: node.resource,
            recorded,
            before: node.seen.ok().cloned(),
            prior,
            needs,
            made_from,
            reacting: set(&reacting[number]),
            after: if touches { set(&waits[number]) } else { BTreeSet::new() },
            lane,
            rerecord: node.verdict.rerecord,
        });
    }
    changes
}

/// What people must know of a change before they approve it.
fn warning(node: &Node<'_>, decode: &Decode<'_>) -> Option<String> {
    let resource = node.resource.as_ref().filter(|_| node.verdict.action.touches_host())?;
    // What goes is what it was, for example a control plane with its etcd member where a worker is declared now.
    let replaced = node.inherited.filter(|_| node.verdict.action == Action::Replace);
    let was = replaced.and_then(|(from, record)| decode(from.kind(), &record.attributes).ok());
    let resource = was.as_ref().unwrap_or(resource);
    let taken_over = node.declared.is_some() && node.compared().is_none();
    let given_back = node.verdict.action == Action::Destroy && node.was_there();
    let found = node.seen.as_ref().ok().and_then(|seen| seen.observation.present());
    let takeover = match found {
        Some(found) if taken_over || given_back => resource.takeover(found, node.verdict.action).ok().flatten(),
        _ => None,
    };
    let texts = [resource.warning(node.verdict.action), takeover];
    let texts: Vec<String> = texts.into_iter().flatten().collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// For each node that changes, what reacts to it.
fn reacting(nodes: &Nodes<'_>, graph: &Graph) -> Vec<Vec<usize>> {
    let mut reacting = vec![Vec::new(); nodes.all.len()];
    for (number, item) in graph.items().iter().enumerate() {
        for cause in item.reacts_to.iter().filter_map(|address| graph.number(address)) {
            if nodes.all[cause].verdict.action.touches_host() {
                reacting[cause].push(number);
            }
        }
    }
    for (number, node) in nodes.all.iter().enumerate().filter(|(_, node)| node.declared.is_none()) {
        for cause in node.verdict.reacts_to.iter().filter_map(|cause| nodes.undeclared(cause)) {
            reacting[cause].push(number);
        }
    }
    reacting
}

#[cfg(test)]
mod tests;
