//! What ends with the cluster: objects that nobody can look at any more, because the API server of a cluster that is
//! destroyed as a whole does not answer.
//!
//! That they are gone is not guessed. They live in etcd alone, so their turn comes after the last control plane was
//! reset with its data, and the look that ends it must find no control plane any more.

use std::collections::BTreeSet;

use super::diff::Verdict;
use super::make::Inputs;
use super::model::{Mode, Problem, Reason, Warning};
use super::nodes::{Node, Nodes};
use crate::resource::{Action, Address, Observation};

/// Plans for what cannot be looked at, where nothing of etcd stays.
pub(super) fn with_the_cluster(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    if inputs.mode != Mode::Destroy || nodes.all.iter().any(|node| node.left_out) {
        return;
    }
    let Some(planes) = planes_that_go(nodes) else { return };
    for node in nodes.all.iter_mut().filter(|node| is_out_of_reach(node, inputs)) {
        let (Some(resource), Some(record)) = (&node.resource, node.record) else { continue };
        let action = match resource.destroy(&record.prior) {
            Ok(steps) if steps.is_empty() => Action::Forget,
            Ok(_) => Action::Destroy,
            Err(_) => continue,
        };
        node.verdict = Verdict::of(action, vec![Reason::Destroyed]);
        node.ends_with.clone_from(&planes);
    }
}

/// Settings of a Kubernetes node end with the node, so nothing puts them back first: that would only let workloads onto a
/// node that is about to be reset.
pub(super) fn with_their_node(nodes: &mut Nodes<'_>) {
    let ends = |node: &Node<'_>| {
        let goes = |need: &&Address| {
            nodes.undeclared(need).map(|number| &nodes.all[number]).is_some_and(|it| {
                it.address.is_member() && it.verdict.action == Action::Destroy && it.verdict.problem.is_none()
            })
        };
        let ends = || node.resource.as_ref().is_some_and(|resource| resource.nature().ends_with_member);
        let settings = node.verdict.action == Action::Destroy && node.ends_with.is_empty() && ends();
        settings.then(|| node.record?.needs.iter().find(goes).cloned()).flatten()
    };
    let wholes: Vec<_> = nodes.all.iter().map(ends).collect();
    for (node, whole) in nodes.all.iter_mut().zip(wholes) {
        if let Some(whole) = whole {
            let reasons = std::mem::take(&mut node.verdict.reasons).into_iter();
            node.verdict = Verdict::of(Action::Forget, reasons.chain([Reason::EndsWith { whole }]).collect());
        }
    }
}

/// The control planes that are reset, if that leaves none: each of the others was reset before, or is given up because
/// its host does not answer and the user said so. One that others made stays, with all that is in its etcd.
fn planes_that_go(nodes: &Nodes<'_>) -> Option<Vec<usize>> {
    let mut going = Vec::new();
    for (number, node) in nodes.all.iter().enumerate() {
        if !node.is_control_plane() {
            continue;
        }
        match (node.verdict.action, &node.seen) {
            _ if node.verdict.problem.is_some() => return None,
            (Action::Destroy, _) => going.push(number),
            (Action::Forget, Ok(seen)) if seen.observation == Observation::Absent => {}
            (Action::Forget, Err(_)) => {}
            _ => return None,
        }
    }
    (!going.is_empty()).then_some(going)
}

/// An unreachable control plane stays. The last reachable one then stays, too: it is needed to delete the resources of the
/// cluster later.
pub(super) fn left_alone(nodes: &Nodes<'_>, inputs: &Inputs<'_>) -> Option<Warning> {
    if inputs.mode != Mode::Destroy || nodes.all.iter().any(|node| node.left_out) {
        return None;
    }
    let planes = || nodes.all.iter().filter(|node| node.is_control_plane());
    let goes = |node: &Node<'_>| node.verdict.problem.is_none() && node.verdict.action == Action::Destroy;
    let stays = planes().filter(|node| matches!(node.verdict.problem, Some(Problem::Unknown { .. })));
    let stays: BTreeSet<&str> = stays.map(|node| node.address.host().as_str()).collect();
    if stays.is_empty() || !planes().any(goes) {
        return None;
    }
    let stays = stays.into_iter().collect::<Vec<_>>().join(", ");
    let text = format!(
        "{stays} is unreachable and stays, and so does one other control plane. The others are removed only as far as \
         quorum allows. Bring {stays} back, or remove it with --forget-unreachable."
    );
    Some(Warning::danger("unreachable-control-plane-stays", text))
}

fn is_out_of_reach(node: &Node<'_>, inputs: &Inputs<'_>) -> bool {
    let silent = || inputs.facts.seen.get(node.address).is_some_and(|look| matches!(look, Err(it) if it.is_silence()));
    let unknown = matches!(node.verdict.problem, Some(Problem::Unknown { .. }));
    node.address.host().is_cluster() && unknown && silent()
}

/// The notice about resources that are deleted with the etcd data.
pub(super) fn notice(nodes: &Nodes<'_>) -> Option<Warning> {
    let ends = nodes.all.iter().filter(|node| !node.ends_with.is_empty() && node.verdict.problem.is_none());
    let addresses: Vec<&Address> = ends.map(|node| node.address).collect();
    let things = match addresses.len() {
        0 => return None,
        1 => "1 cluster resource is".to_owned(),
        more => format!("{more} cluster resources are"),
    };
    let text =
        format!("No API server answers: {things} deleted with the etcd data when the last control plane is reset.");
    Some(Warning::notice("ends-with-etcd", text).about(addresses))
}
