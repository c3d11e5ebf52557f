//! Rolling changes: a change that interrupts services of a running node is made on one host after another.
//!
//! All such changes of a host are one turn, files included, so a host whose turn has not come is as it was. The first turn
//! is the canary: every other turn waits for it. Control planes come first, because etcd keeps its majority without any
//! one of them and its health can be checked, while nobody knows whether a worker's pods run elsewhere, too; and because
//! kubelet must never be newer than the API servers. Then the workers follow in as many chains as may be unavailable at
//! once. A turn that fails ends its chain, so a worker that stays unavailable keeps its place occupied.
//!
//! Load balancers that run change one after another, too, in a chain of their own, so that a configuration with which the
//! first one does not run reaches no other one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use super::handover::shares;
use super::make::Inputs;
use super::model::{Mode, Problem, Warning};
use super::nodes::{Node, Nodes};
use crate::graph::Graph;
use crate::resource::{Action, HostName, Lane, Turn};
use crate::state::Status;

/// The turns of a plan, in their order.
#[derive(Debug, Default)]
pub(super) struct Rollout {
    /// Hosts whose nodes are interrupted.
    hosts: Vec<Host>,
    /// Load balancers that change while they run.
    balancers: Vec<Host>,
    /// How many workers at once.
    at_once: usize,
}

/// The changes of one host that happen together.
#[derive(Debug)]
struct Host {
    name: HostName,
    plane: bool,
    /// An earlier run stopped here, or something does not run here: it comes before all others.
    first: bool,
    /// Numbers of its changes.
    changes: Vec<usize>,
    /// The turns that no other turn precedes.
    begin: Vec<usize>,
    /// The turns that no other turn follows.
    end: Vec<usize>,
    /// Whether some of them interrupt running services.
    interrupts: bool,
    /// The interruptions, as text.
    what: BTreeSet<String>,
}

impl Rollout {
    /// The rolling changes of a plan, without hosts that are being created and services that only start.
    pub(super) fn of(nodes: &Nodes<'_>, graph: &Graph, inputs: &Inputs<'_>) -> Self {
        if inputs.mode != Mode::Apply {
            return Self::default();
        }
        let mut all = Self { hosts: Vec::new(), balancers: balancers(nodes, graph, inputs), at_once: 1 };
        let joined = joined(nodes);
        let mut numbers: HashMap<&HostName, usize> = HashMap::new();
        for (number, item) in graph.items().iter().enumerate() {
            let (Some(turn), Some(&is_plane)) = (item.turn, joined.get(item.address.host())) else { continue };
            // Resources that follow a changing member are ordered by that member.
            let after_member = |&need: &usize| {
                let need = &nodes.all[need];
                need.address.is_member() && need.verdict.action.touches_host()
            };
            if graph.needs(number).iter().any(after_member) {
                continue;
            }
            let at = *numbers.entry(item.address.host()).or_insert_with(|| {
                if let Turn::Worker { at_once } = turn {
                    all.at_once = at_once;
                }
                // The current role counts until it changes, regardless of the new one.
                all.hosts.push(Host::new(item.address.host(), is_plane || turn == Turn::ControlPlane));
                all.hosts.len() - 1
            });
            all.hosts[at].take(number, &nodes.all[number], inputs);
        }
        all.hosts.retain(|host| host.interrupts);
        for host in &mut all.hosts {
            host.find_ends(graph);
        }
        all.hosts.sort_by_key(|host| (!host.first, !host.plane));
        all
    }

    /// Nothing is interrupted while a control plane cannot be reached, or a host on which an earlier run stopped: that one
    /// is unavailable already.
    pub(super) fn hold_back(mut self, nodes: &mut Nodes<'_>) -> Self {
        let unknown = |node: &&Node<'_>| {
            let unfinished = node.verdict.problem.is_some() && is_unfinished(node);
            unfinished || matches!(node.verdict.problem, Some(Problem::Unknown { .. }))
        };
        let counts = |node: &&Node<'_>| {
            let plane = || node.record.is_some() && node.is_control_plane();
            let turn = || node.declared.is_some_and(|declared| declared.turn.is_some());
            plane() || (turn() && node.record.is_some_and(|record| record.status == Status::Interrupted))
        };
        let by = nodes.all.iter().filter(unknown).find(counts).map(|node| node.address.clone());
        let Some(by) = by else { return self };
        for host in std::mem::take(&mut self.hosts) {
            for number in host.changes {
                nodes.all[number].verdict.stop(Problem::Blocked { by: by.clone() });
            }
        }
        self
    }

    /// Pairs of earlier and later changes. etcd members join and leave after all rolling changes of control planes;
    /// one that is not finished is finished before, for else etcd is not whole.
    pub(super) fn pairs(&self, nodes: &Nodes<'_>) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        let mut follow = |first: &[usize], after: &[usize]| {
            pairs.extend(first.iter().flat_map(|&first| after.iter().map(move |&after| (first, after))));
        };
        for pair in self.balancers.windows(2) {
            follow(&pair[0].end, &pair[1].begin);
        }
        let Some((canary, others)) = self.hosts.split_first() else { return pairs };
        let mut last = canary;
        for plane in others.iter().filter(|host| host.plane) {
            follow(&last.end, &plane.begin);
            last = plane;
        }
        let workers: Vec<&Host> = others.iter().filter(|host| !host.plane).collect();
        for (number, worker) in workers.iter().enumerate() {
            let before = number.checked_sub(self.at_once).map_or(last, |before| workers[before]);
            follow(&before.end, &worker.begin);
        }
        if self.hosts.iter().any(|host| host.plane) {
            for (number, node) in nodes.all.iter().enumerate().filter(|(_, node)| is_member(node)) {
                if is_unfinished(node) {
                    follow(&[number], &canary.begin);
                } else {
                    follow(&last.end, &[number]);
                }
            }
        }
        pairs
    }

    /// A notice about the order.
    pub(super) fn notice(&self) -> Option<Warning> {
        self.order().map(|text| Warning::notice("turns", text))
    }

    /// The order, for people.
    fn order(&self) -> Option<String> {
        let (canary, others) = self.hosts.split_first()?;
        let what: BTreeSet<&str> = self.hosts.iter().flat_map(|host| &host.what).map(String::as_str).collect();
        // Files alone restart nothing, where --target leaves their readers out.
        if what.is_empty() {
            return None;
        }
        let what = what.into_iter().collect::<Vec<_>>().join(" and ");
        let name = &canary.name;
        if others.is_empty() {
            return Some(format!("{what} on {name} while it is running; its containers keep running"));
        }
        let mut text = format!(
            "{what} on {} running hosts, one after another: {name} first; if {name} does not become healthy again, no \
             other host is changed",
            self.hosts.len()
        );
        let (planes, workers): (Vec<&Host>, Vec<&Host>) = others.iter().partition(|host| host.plane);
        // Writing to a String cannot fail.
        if !planes.is_empty() {
            let _ = write!(text, "; then {}", listed(&planes, "control planes"));
            text.push_str(if planes.len() == 1 { "" } else { ", one at a time" });
        }
        if !workers.is_empty() {
            let _ = write!(text, "; then {}", listed(&workers, "workers"));
            if workers.len() > 1 {
                let _ = write!(text, ", at most {} at a time (rollout.maxUnavailable)", self.at_once);
            }
        }
        Some(text)
    }
}

/// Maximum number of hosts to name.
const NAMED: usize = 5;

fn listed(hosts: &[&Host], what: &str) -> String {
    if hosts.len() > NAMED {
        return format!("{} {what}", hosts.len());
    }
    hosts.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(", ")
}

impl Host {
    fn new(name: &HostName, plane: bool) -> Self {
        Self {
            name: name.clone(),
            plane,
            first: false,
            changes: Vec::new(),
            begin: Vec::new(),
            end: Vec::new(),
            interrupts: false,
            what: BTreeSet::new(),
        }
    }

    /// Finds the changes with which its turn begins and ends.
    fn find_ends(&mut self, graph: &Graph) {
        let apart = |of: &[usize]| !of.iter().any(|other| self.changes.contains(other));
        let begin = self.changes.iter().copied().filter(|&number| apart(graph.needs(number))).collect();
        let end = self.changes.iter().copied().filter(|&number| apart(graph.dependents(number))).collect();
        (self.begin, self.end) = (begin, end);
    }

    /// Takes one more of its resources into the turn.
    fn take(&mut self, number: usize, node: &Node<'_>, inputs: &Inputs<'_>) {
        let interrupted = node.record.is_some_and(|record| record.status == Status::Interrupted);
        let owes = inputs.state.reactions.contains_key(node.address);
        self.first |= interrupted || owes || node.is_stopped();
        if !node.verdict.action.touches_host() || node.verdict.problem.is_some() {
            return;
        }
        self.changes.push(number);
        if interrupts(node) {
            self.interrupts = true;
            self.what.extend(node.nature().interruption);
        }
    }
}

/// The load balancers that change while they run, in the order of their turns.
fn balancers(nodes: &Nodes<'_>, graph: &Graph, inputs: &Inputs<'_>) -> Vec<Host> {
    let mut hosts: BTreeMap<&HostName, Host> = BTreeMap::new();
    let mut running: BTreeSet<&HostName> = BTreeSet::new();
    let items = graph.items().iter().enumerate();
    for (number, item) in items.filter(|(_, item)| item.lane == Some(Lane::LoadBalancer)) {
        let (name, node) = (item.address.host(), &nodes.all[number]);
        if node.is_running() {
            running.insert(name);
        }
        hosts.entry(name).or_insert_with(|| Host::new(name, false)).take(number, node, inputs);
    }
    let changes = |host: &Host| running.contains(&host.name) && !host.changes.is_empty();
    let mut hosts: Vec<Host> = hosts.into_values().filter(changes).collect();
    for host in &mut hosts {
        host.find_ends(graph);
    }
    // keepalived starts on a new host only after the other hosts have it among their peers.
    let comes = |number: &usize| shares(&nodes.all[*number]) && nodes.all[*number].verdict.action == Action::Create;
    hosts.sort_by_key(|host| (host.changes.iter().any(comes), !host.first));
    hosts
}

/// Hosts on which kubeadm has ended well, and whether they are control planes.
fn joined<'a>(nodes: &Nodes<'a>) -> HashMap<&'a HostName, bool> {
    let mut joined = HashMap::new();
    for node in nodes.all.iter().filter(|node| node.address.is_member() && !is_unfinished(node)) {
        if let Some(found) = found(node) {
            *joined.entry(node.address.host()).or_default() |= found["role"] == "control-plane";
        }
    }
    joined
}

fn found<'n>(node: &'n Node<'_>) -> Option<&'n serde_json::Value> {
    node.seen.as_ref().ok().and_then(|seen| seen.observation.present())
}

fn is_unfinished(node: &Node<'_>) -> bool {
    found(node).is_some_and(|found| found["complete"] == false)
}

/// Whether a change interrupts something on a running host. A stopped service is only started, a change of its start at
/// boot leaves the process alone, and holding or freeing a package changes no file.
fn interrupts(node: &Node<'_>) -> bool {
    let nature = node.nature();
    let fields = &node.verdict.fields;
    let only = |harmless: &str| !fields.is_empty() && fields.iter().all(|field| field.field == harmless);
    let harmless = node.verdict.action != Action::Replace && nature.harmless.is_some_and(only);
    !harmless && (!nature.process || node.is_running())
}

/// Whether an etcd member joins or leaves with a change.
fn is_member(node: &Node<'_>) -> bool {
    let acts = node.verdict.action.touches_host() && node.verdict.problem.is_none();
    let was = || node.inherited.is_some_and(|(from, _)| from.is_control_plane());
    acts && node.address.is_member() && (node.is_control_plane() || was())
}
