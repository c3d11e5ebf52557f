//! Everything that is declared or recorded, side by side, numbered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::diff::{self, Recorded, Verdict};
use super::drift;
use super::handover::Groups;
use super::identity::Identity;
use super::make::Inputs;
use super::model::{Mode, Reason};
use super::selection::Chosen;
use crate::facts::Decode;
use crate::graph::Graph;
use crate::resource::{
    Action, Address, AnyKind, Declared, DigestKey, HostName, MemberRole, Nature, Observation, Prior, Seen,
};
use crate::state::{Record, Status};

/// One resource with all that is known of it, and what is planned so far.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) address: &'a Address,
    pub(super) declared: Option<&'a Declared>,
    /// The record at this very address.
    pub(super) record: Option<&'a Record>,
    /// The same thing's record at another address: of an undeclared one to a declared one.
    pub(super) inherited: Option<(&'a Address, &'a Record)>,
    /// On an undeclared one: where the same thing is declared.
    pub(super) moved_to: Option<&'a Address>,
    pub(super) resource: Option<Arc<dyn AnyKind>>,
    pub(super) seen: Result<&'a Arc<Seen>, String>,
    pub(super) verdict: Verdict,
    /// The load balancers with which it holds an address in turn.
    pub(super) groups: Option<Box<Groups>>,
    /// Whether the probe found drift.
    differs: bool,
    /// Whether the plan is not about it.
    pub(super) left_out: bool,
    /// Numbers of the control planes with which it ends; see [`super::ending`].
    pub(super) ends_with: Vec<usize>,
}

/// A thread of its own pays for so many resources.
const SHARE: usize = 5000;

/// All nodes: the declared ones by their number in the graph, then the undeclared ones by address.
#[derive(Debug)]
pub(super) struct Nodes<'a> {
    pub(super) all: Vec<Node<'a>>,
    /// Numbers of undeclared nodes. Only looked up, never walked.
    undeclared: HashMap<&'a Address, usize>,
    declared: usize,
}

impl<'a> Nodes<'a> {
    /// Puts everything side by side. Nothing is judged yet.
    pub(super) fn collect(graph: &'a Graph, inputs: &Inputs<'a>) -> Self {
        let mut all: Vec<Node<'a>> = graph
            .items()
            .iter()
            .map(|item| {
                let resource = Some(Arc::clone(&item.resource));
                Node { declared: Some(item), resource, ..Node::at(&item.address) }
            })
            .collect();
        let mut undeclared = HashMap::new();
        // Both are in the order of addresses, so what was seen of a record is found without looking it up.
        let mut seen = inputs.facts.seen.iter().peekable();
        let mut unrecorded = Vec::new();
        for (address, record) in &inputs.state.resources {
            let number = graph.number(address).unwrap_or_else(|| {
                undeclared.insert(address, all.len());
                all.push(Node::at(address));
                all.len() - 1
            });
            all[number].record = Some(record);
            unrecorded.extend(std::iter::from_fn(|| seen.next_if(|(other, _)| *other < address)));
            if let Some((_, look)) = seen.next_if(|(other, _)| *other == address) {
                all[number].seen = look.as_ref().map_err(ToString::to_string);
            }
        }
        for (address, look) in unrecorded.into_iter().chain(seen) {
            let Some(number) = graph.number(address) else { continue };
            all[number].seen = look.as_ref().map_err(ToString::to_string);
        }
        let mut nodes = Self { all, undeclared, declared: graph.len() };
        for node in &mut nodes.all {
            if node.seen.is_err() {
                node.seen = inputs.facts.look(node.address);
            }
            node.groups = Groups::of(node, inputs.decode);
        }
        nodes.pair_moved();
        nodes
    }

    /// The number of an undeclared node.
    pub(super) fn undeclared(&self, address: &Address) -> Option<usize> {
        self.undeclared.get(address).copied()
    }

    fn pair_moved(&mut self) {
        if self.undeclared.is_empty() {
            return;
        }
        let (declared, undeclared) = self.all.split_at_mut(self.declared);
        let mut heirs: HashMap<Identity<'a>, usize> = HashMap::new();
        for (number, node) in declared.iter().enumerate() {
            heirs.entry(Identity::of(node.address)).or_insert(number);
        }
        let mut by_host: HashMap<&HostName, Vec<usize>> = HashMap::new();
        for (number, node) in declared.iter().enumerate() {
            by_host.entry(node.address.host()).or_default().push(number);
        }
        for old in undeclared {
            let superseded = |number: &&usize| {
                let (new, old) = (&declared[**number], old.address);
                let resource = new.declared.filter(|_| new.address.component() == old.component());
                resource.is_some_and(|it| it.resource.supersedes(old.kind(), old.key()))
            };
            let same = heirs.get(&Identity::of(old.address));
            let heir = same.or_else(|| by_host.get(old.address.host()).into_iter().flatten().find(superseded));
            let Some(&heir) = heir else { continue };
            let heir = &mut declared[heir];
            old.moved_to = Some(heir.address);
            if let (None, None, Some(record)) = (heir.record, heir.inherited, old.record) {
                heir.inherited = Some((old.address, record));
            }
        }
    }

    /// Puts every node that the plan is about through the truth table.
    pub(super) fn judge(&mut self, inputs: &Inputs<'a>, chosen: &Chosen) {
        for node in &mut self.all {
            node.left_out = !chosen.has(node.address);
        }
        if inputs.mode != Mode::Refresh {
            self.judge_declared(inputs);
        }
        for node in self.all.iter_mut().filter(|node| !node.left_out) {
            let drift = node.verdict.drift.take();
            if inputs.mode == Mode::Refresh {
                node.verdict = node.judge_recorded(inputs);
            } else if node.declared.is_none() {
                node.verdict = node.judge_undeclared(inputs);
                node.compare_look();
                node.note_drift(None, inputs.state.reactions.contains_key(node.address), inputs.decode);
            }
            if drift::is_ignored(node.address, &node.verdict, inputs) {
                node.verdict = Verdict::of(Action::NoOp, Vec::new());
            }
            node.verdict.drift = drift.or(node.verdict.drift.take());
            if inputs.selection.replaces(node.address) {
                node.verdict.replace();
            }
            if let Some(other) = inputs.moved.get(node.address) {
                node.verdict.reasons.push(Reason::Moved { other: other.clone() });
            }
        }
    }
}

impl Nodes<'_> {
    /// What is declared, compared on all processors: most of the work of a large plan, and none of it waits for another.
    fn judge_declared(&mut self, inputs: &Inputs<'_>) {
        let key = DigestKey::new(inputs.state.salt.clone());
        let owed = inputs.state.reactions.iter();
        let unfinished: HashSet<&Address> = owed.flat_map(|(to, causes)| std::iter::once(to).chain(causes)).collect();
        let decode = inputs.decode;
        let compare = |nodes: &mut [Node<'_>]| {
            for node in nodes.iter_mut().filter(|node| !node.left_out) {
                if let Some(wanted) = node.declared {
                    let unfinished = unfinished.contains(node.address);
                    node.compare_look();
                    node.verdict = node.judge_declared(wanted, &key, unfinished);
                    node.note_drift(Some(&key), unfinished, decode);
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = self.all.len().div_ceil(threads).max(SHARE);
        std::thread::scope(|scope| {
            let mut shares = self.all.chunks_mut(share);
            let own = shares.next();
            for nodes in shares {
                scope.spawn(move || compare(nodes));
            }
            own.map(compare);
        });
    }
}

impl<'a> Node<'a> {
    fn at(address: &'a Address) -> Self {
        Self {
            address,
            declared: None,
            record: None,
            inherited: None,
            moved_to: None,
            resource: None,
            seen: Err(String::new()),
            verdict: Verdict::of(Action::NoOp, Vec::new()),
            groups: None,
            differs: false,
            left_out: false,
            ends_with: Vec::new(),
        }
    }

    fn judge_declared(&self, wanted: &Declared, key: &DigestKey, unfinished: bool) -> Verdict {
        let seen = match &self.seen {
            Ok(seen) => seen,
            Err(why) => return Verdict::unknown(why),
        };
        let own = self.record.map(|record| Recorded { record, moved_from: None, unfinished, drift: self.differs });
        diff::declared(wanted, own.or_else(|| self.moved_record()), seen, key)
    }

    fn compare_look(&mut self) {
        let differs = |(record, seen): (&Record, &Arc<Seen>)| seen.observation.digest() != record.observed;
        self.differs = self.record.zip(self.seen.as_ref().ok().copied()).is_some_and(differs);
    }

    /// Computes the drift. The digest key shows whether the declared resource equals the applied one.
    fn note_drift(&mut self, key: Option<&DigestKey>, unfinished: bool, decode: &Decode<'_>) {
        let (Some(record), Ok(seen), true) = (self.record, &self.seen, self.differs) else { return };
        if record.status == Status::Interrupted || unfinished {
            return;
        }
        let same = self.declared.zip(key).filter(|(declared, key)| declared.resource.digest(key) == record.digest);
        let same = same.map(|(declared, _)| declared.resource.as_ref());
        match diff::drifted(same, record, seen, |attributes| decode(self.address.kind(), attributes)) {
            Ok(drift) => self.verdict.drift = drift,
            Err(error) => self.verdict = Verdict::unknown(error),
        }
    }

    /// The record that what is declared is compared with.
    pub(super) fn compared(&self) -> Option<&'a Record> {
        self.record.or_else(|| self.moved_record().map(|moved| moved.record))
    }

    /// The inherited record, when it is of the same kind and so can be compared.
    fn moved_record(&self) -> Option<Recorded<'a>> {
        self.inherited.filter(|(from, _)| from.kind() == self.address.kind()).map(|(from, record)| Recorded {
            record,
            moved_from: Some(from),
            unfinished: false,
            drift: self.seen.as_ref().is_ok_and(|seen| seen.observation.digest() != record.observed),
        })
    }

    fn judge_undeclared(&mut self, inputs: &Inputs<'a>) -> Verdict {
        let Some(record) = self.record else { return Verdict::unknown("it is neither declared nor recorded") };
        if let Some(heir) = self.moved_to {
            return Verdict::moved_to(heir);
        }
        let handed_over = inputs.mode != Mode::Destroy && inputs.graph.handed_over(self.address).is_some();
        let reason = Reason::of_undeclared(self.address, inputs);
        if inputs.forget_unreachable && inputs.mode == Mode::Destroy && inputs.facts.is_unreached(self.address) {
            return Verdict::of(Action::Forget, vec![reason]);
        }
        let resource = match (inputs.decode)(self.address.kind(), &record.attributes) {
            Ok(resource) => resource,
            Err(error) => return Verdict::unknown(error),
        };
        let verdict = match &self.seen {
            Ok(_) if handed_over => Verdict { handed_over, ..Verdict::of(Action::Forget, vec![reason]) },
            Ok(seen) => diff::removed(resource.as_ref(), record, seen, reason),
            Err(why) => Verdict::unknown(why),
        };
        self.resource = Some(resource);
        verdict
    }

    /// Attributes as recorded here, or where the same thing was before.
    pub(super) fn recorded(&self) -> Option<&'a serde_json::Value> {
        self.compared().map(|record| &*record.attributes)
    }

    /// What a plan that touches no host makes of it: only what is on record counts.
    fn judge_recorded(&mut self, inputs: &Inputs<'_>) -> Verdict {
        let Some(record) = self.record else { return Verdict::of(Action::NoOp, Vec::new()) };
        let resource = match (inputs.decode)(self.address.kind(), &record.attributes) {
            Ok(resource) => resource,
            Err(error) => return Verdict::unknown(error),
        };
        let verdict = match &self.seen {
            Ok(seen) => diff::refreshed(resource.as_ref(), record, seen),
            Err(why) => Verdict::unknown(why),
        };
        self.resource = Some(resource);
        verdict
    }

    /// [`Nature`] of the declared resource, or of the recorded one if it is not declared.
    pub(super) fn nature(&self) -> Nature {
        self.resource.as_ref().map(|resource| resource.nature()).unwrap_or_default()
    }

    /// Whether the resource is a running process.
    pub(super) fn is_running(&self) -> bool {
        let found = self.seen.as_ref().ok().and_then(|seen| seen.observation.present());
        self.resource.as_ref().zip(found).is_some_and(|(resource, found)| resource.runs(found))
    }

    /// Whether the resource is a process that is stopped or unknown.
    pub(super) fn is_stopped(&self) -> bool {
        self.nature().process && !self.is_running()
    }

    /// A field of the observation.
    pub(super) fn found(&self, field: &str) -> Option<&'a serde_json::Value> {
        self.seen.as_ref().ok()?.observation.present()?.get(field)
    }

    /// Whether the resource exists and is not an unfinished kubeadm run.
    pub(super) fn is_whole(&self) -> bool {
        self.found_any() && self.found("complete") != Some(&false.into())
    }

    /// Whether the host has an unfinished kubeadm run.
    pub(super) fn is_begun(&self) -> bool {
        self.found("complete") == Some(&false.into())
    }

    fn found_any(&self) -> bool {
        self.seen.as_ref().is_ok_and(|seen| seen.observation != Observation::Absent)
    }

    /// Whether the host is a declared, recorded or observed control plane.
    pub(super) fn is_control_plane(&self) -> bool {
        let found = || self.found("role").and_then(|role| role.as_str()).and_then(MemberRole::parse);
        self.address.is_control_plane() || (self.address.is_member() && found() == Some(MemberRole::ControlPlane))
    }

    /// Whether it is somebody else's from now on.
    pub(super) fn is_handed_over(&self) -> bool {
        self.verdict.handed_over
    }

    /// On an undeclared one: whether it goes on as it did before mainstay, see [`crate::resource::Kind::rereads`].
    pub(super) fn rereads(&self) -> bool {
        let (None, Some(resource), Some(record)) = (self.declared, &self.resource, self.record) else { return false };
        !self.is_handed_over() && resource.rereads(&record.prior).unwrap_or(false)
    }

    /// Whether there was something before mainstay.
    pub(super) fn was_there(&self) -> bool {
        self.record.is_some_and(|record| record.prior.before != Observation::Absent)
    }

    /// What was there before mainstay took it over, as far as that is known.
    pub(super) fn prior(&self) -> Option<Prior> {
        if let Some(record) = self.record {
            return Some(record.prior.clone());
        }
        if let Some((from, record)) = self.inherited {
            // What another kind saw before can be read by this one only when it was nothing.
            if from.kind() == self.address.kind() || record.prior.before == Observation::Absent {
                return Some(record.prior.clone());
            }
        }
        let before = self.seen.as_ref().ok()?.observation.clone();
        Some(Prior { before, kept: std::collections::BTreeMap::new() })
    }
}
