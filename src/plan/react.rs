//! Effects of one resource's verdict on others: reactions and blocked changes.

use std::collections::BTreeSet;

use super::diff::Verdict;
use super::make::Inputs;
use super::model::{Problem, Reason};
use super::nodes::{Node, Nodes};
use crate::graph::{Edges, Graph};
use crate::resource::{Action, Address};
use crate::state::State;

/// Visits declared resources from dependencies to dependents. Dependents of unknown and refused resources are blocked;
/// reactions to changes are planned.
pub(super) fn forwards(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let graph = inputs.graph;
    for &number in graph.order() {
        if nodes.all[number].verdict.problem.is_some() || nodes.all[number].left_out {
            continue;
        }
        if begins_something(&nodes.all[number])
            && let Some(by) = graph.needs(number).iter().find_map(|&need| culprit(nodes, need))
        {
            nodes.all[number].verdict.stop(Problem::Blocked { by });
            continue;
        }
        react(nodes, number, inputs);
    }
}

/// Walks what is recorded from what needs something to what is needed: what something unknown or
/// refused stands on is not taken away. `edges` and `order` as [`super::sequence`] has them.
pub(super) fn backwards(nodes: &mut Nodes<'_>, edges: &Edges, order: &[usize]) {
    for &number in order {
        let Some(by) = culprit(nodes, number) else { continue };
        for &needed in edges.from(number) {
            let verdict = &mut nodes.all[needed].verdict;
            if verdict.action == Action::Destroy {
                verdict.stop(Problem::Blocked { by: by.clone() });
            }
        }
    }
}

/// A record that goes on at another address stays until it can: it alone says what was there before mainstay.
pub(super) fn with_their_heirs(nodes: &mut Nodes<'_>, graph: &Graph) {
    for number in 0..nodes.all.len() {
        let heir = nodes.all[number].moved_to.and_then(|heir| graph.number(heir));
        if let Some(by) = heir.and_then(|heir| culprit(nodes, heir)) {
            nodes.all[number].verdict.stop(Problem::Blocked { by });
        }
    }
}

/// What goes on as it did before mainstay acts once what it reads is put back: the same component's files, and what an
/// earlier run put back.
pub(super) fn to_what_is_put_back(nodes: &mut Nodes<'_>, state: &State) {
    for number in 0..nodes.all.len() {
        let node = &nodes.all[number];
        let (true, Some(record)) = (node.verdict.problem.is_none() && node.rereads(), node.record) else { continue };
        let mut causes: BTreeSet<&Address> = state.reactions.get(node.address).into_iter().flatten().collect();
        causes.extend(record.needs.iter().filter(|need| {
            let found = nodes.undeclared(need).map(|need| &nodes.all[need]);
            need.component() == node.address.component()
                && found.is_some_and(|need| need.verdict.action == Action::Destroy && need.was_there())
        }));
        if causes.is_empty() || !matches!(node.verdict.action, Action::Forget | Action::Destroy) {
            continue;
        }
        let verdict = &mut nodes.all[number].verdict;
        verdict.action = Action::Destroy;
        verdict.react(causes, verdict.reasons.len());
    }
}

/// Whether it would be made, or taken over for the first time. What is known and recorded may still
/// be kept right while something below it is unknown.
pub(super) fn begins_something(node: &Node<'_>) -> bool {
    match node.verdict.action {
        Action::Create | Action::Replace => true,
        Action::Update => node.record.is_none() && node.inherited.is_none(),
        _ => false,
    }
}

/// The unknown or refused one behind a problem.
fn culprit(nodes: &Nodes<'_>, number: usize) -> Option<Address> {
    let node = &nodes.all[number];
    match node.verdict.problem.as_ref()? {
        Problem::Blocked { by } => Some(by.clone()),
        Problem::Unknown { .. } | Problem::Refused { .. } => Some(node.address.clone()),
    }
}

fn react(nodes: &mut Nodes<'_>, number: usize, inputs: &Inputs<'_>) {
    let Inputs { graph, state, moved, .. } = *inputs;
    let node = &nodes.all[number];
    let Some(declared) = node.declared else { return };
    let action = node.verdict.action;
    if !matches!(action, Action::NoOp | Action::Adopt | Action::Update) {
        return;
    }
    // Its input is not as declared, so the resource is not recorded either.
    let stopped = |address: &Address| {
        graph
            .number(address)
            .is_some_and(|cause| nodes.all[cause].verdict.problem.is_some() && !nodes.all[cause].left_out)
    };
    if action == Action::Adopt && node.record.is_some() && declared.reacts_to.iter().any(stopped) {
        nodes.all[number].verdict = Verdict::of(Action::NoOp, Vec::new());
        return;
    }
    let mut causes: BTreeSet<&Address> = state.reactions.get(node.address).into_iter().flatten().collect();
    causes.extend(declared.reacts_to.iter().filter(|address| {
        graph.number(address).is_some_and(|cause| {
            matches!(nodes.all[cause].verdict.action, Action::Create | Action::Update | Action::Replace)
        })
    }));
    if causes.is_empty() {
        return;
    }
    let renamed = moved.get(node.address);
    let verdict = &mut nodes.all[number].verdict;
    if action == Action::Update {
        verdict.react(causes, verdict.reasons.len());
    } else {
        // Recorded together with the reaction.
        if action == Action::Adopt {
            let others = verdict.moved.iter().chain(renamed);
            verdict.reasons = others.map(|other| Reason::Moved { other: other.clone() }).collect();
            verdict.fields.clear();
        }
        verdict.react(causes, 0);
        verdict.action = Action::Update;
        verdict.rerecord = false;
    }
}
