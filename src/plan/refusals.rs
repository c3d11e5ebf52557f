//! Changes that kinds refuse, and what else is made from the same keys of cluster.yaml.
//!
//! They hold regardless of what a partial plan leaves out: a refused value must not reach some hosts and miss the others.

use std::collections::BTreeSet;

use super::diff::Verdict;
use super::keys::{Current, pending};
use super::make::Inputs;
use super::model::{Mode, Problem};
use super::nodes::{Node, Nodes};
use crate::resource::{Action, DecodeError, DigestKey, Observation, Refusal, Setting, overlaps};

/// A refused key, and the number of the node that refuses it.
struct Refused {
    pointer: String,
    by: usize,
}

/// Refuses what kinds refuse, then blocks what is made from the same keys.
pub(super) fn check(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    if inputs.mode != Mode::Apply {
        return;
    }
    let key = DigestKey::new(inputs.state.salt.clone());
    let mut refused: Vec<Refused> = Vec::new();
    let mut left_out: Vec<(usize, Vec<Refusal>)> = Vec::new();
    for number in 0..nodes.all.len() {
        let node = &mut nodes.all[number];
        match refusals(node, &key) {
            Ok(refusals) if refusals.is_empty() => {}
            Ok(refusals) => {
                let host = node.address.host();
                refused.extend(refusals.iter().map(|it| Refused { pointer: it.pointer(host), by: number }));
                if node.left_out {
                    left_out.push((number, refusals));
                } else {
                    refuse(node, &refusals);
                }
            }
            Err(error) if !node.left_out => node.verdict = Verdict::unknown(error),
            Err(_) => {}
        }
    }
    if refused.is_empty() {
        return;
    }
    let pointers = block(nodes, inputs, &refused);
    // What stops a partial plan is part of it.
    for (number, refusals) in left_out {
        let node = &mut nodes.all[number];
        if refusals.iter().any(|it| pointers.contains(&it.pointer(node.address.host()))) {
            node.left_out = false;
            refuse(node, &refusals);
        }
    }
}

/// What the kind refuses of the way from recorded to declared. What the last look did not find any more is made from
/// what is declared now, so nothing of its record counts.
fn refusals(node: &Node<'_>, key: &DigestKey) -> Result<Vec<Refusal>, DecodeError> {
    let (Some(declared), Some(record)) = (node.declared, node.compared()) else { return Ok(Vec::new()) };
    let resource = declared.resource.as_ref();
    let gone = !node.left_out && node.seen.as_ref().is_ok_and(|seen| seen.observation == Observation::Absent);
    if !resource.has_settings() || gone || record.version != resource.version() || resource.digest(key) == record.digest
    {
        return Ok(Vec::new());
    }
    // What others have changed to the declared value, an upgrade by kubeadm for example, is only recorded.
    let found = node.seen.as_ref().ok().and_then(|seen| seen.observation.present());
    Ok(resource.settings(&record.attributes, found)?.into_iter().filter_map(Setting::refused).collect())
}

fn refuse(node: &mut Node<'_>, refusals: &[Refusal]) {
    if let (true, Some(declared), Some(record)) = (node.verdict.reasons.is_empty(), node.declared, node.compared()) {
        node.verdict.reasons = pending(declared, record, node.record.is_none());
    }
    node.verdict.stop(Problem::Refused { text: Refusal::text(refusals) });
}

/// Blocks what is made from refused keys, and returns the keys that block something.
fn block(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>, refused: &[Refused]) -> BTreeSet<String> {
    let mut blocking = BTreeSet::new();
    let current = Current::of(inputs.graph, inputs.state);
    let addresses: Vec<_> = refused.iter().map(|it| nodes.all[it.by].address.clone()).collect();
    for node in nodes.all.iter_mut().filter(|node| !node.left_out && node.verdict.problem.is_none()) {
        if node.verdict.action == Action::NoOp && !node.verdict.rerecord {
            continue;
        }
        let left: Vec<String>;
        let keys: Vec<&str> = match (node.declared, node.record, node.moved_to) {
            (Some(declared), ..) => declared.made_from.keys().map(crate::resource::Key::pointer).collect(),
            (None, Some(record), None) => {
                left = current.left(node.address.host(), record);
                left.iter().map(String::as_str).collect()
            }
            _ => continue,
        };
        let hit = |it: &&Refused| keys.iter().any(|key| overlaps(key, &it.pointer));
        let hits: Vec<&Refused> = refused.iter().filter(hit).collect();
        let Some(first) = hits.first() else { continue };
        // The state entry stays as it is.
        if node.verdict.action == Action::NoOp || (node.verdict.action == Action::Adopt && node.record.is_some()) {
            node.verdict = Verdict::of(Action::NoOp, Vec::new());
            continue;
        }
        let by = refused.iter().position(|it| std::ptr::eq(it, *first)).map(|at| addresses[at].clone());
        if let Some(by) = by {
            blocking.extend(hits.iter().map(|it| it.pointer.clone()));
            node.verdict.stop(Problem::Blocked { by });
        }
    }
    blocking
}

/// Names the keys for which what is no longer declared left.
pub(super) fn name_keys_that_left(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let left = |node: &Node<'_>| {
        let verdict = &node.verdict;
        let ends = matches!(verdict.action, Action::Destroy | Action::Forget);
        node.declared.is_none() && !node.left_out && ends && verdict.moved.is_none() && !verdict.handed_over
    };
    if inputs.mode != Mode::Apply || !nodes.all.iter().any(left) {
        return;
    }
    let current = Current::of(inputs.graph, inputs.state);
    for node in nodes.all.iter_mut().filter(|node| left(node)) {
        if let Some(record) = node.record {
            super::keys::name(&mut node.verdict.reasons, current.left(node.address.host(), record));
        }
    }
}
