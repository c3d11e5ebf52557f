//! Hosts that do not support a declared resource.

use std::collections::BTreeMap;

use crate::plan::founding::runs_kubeadm;
use crate::plan::make::Inputs;
use crate::plan::model::{Mode, Problem};
use crate::plan::nodes::{Node, Nodes};
use crate::plan::react::begins_something;
use crate::resource::{Action, Address, AnyKind, HostName};

/// Refuses resources that their host does not support, and with them everything that is new on that host.
pub(super) fn check(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    if inputs.mode == Mode::Apply {
        unfit_resources(nodes, inputs);
        unfit_hosts(nodes);
    }
}

/// Refuses to create a resource on a host that does not support it.
fn unfit_resources(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    for node in nodes.all.iter_mut().filter(|node| node.verdict.action == Action::Create || runs_kubeadm(node)) {
        let facts = inputs.facts.hosts.get(node.address.host());
        let resource = node.declared.filter(|_| node.verdict.problem.is_none()).map(|declared| &declared.resource);
        if let Some(text) = facts.zip(resource).and_then(|(facts, resource)| resource.unfit(facts)) {
            node.verdict.stop(Problem::Refused { text });
        }
    }
}

/// Nothing is created on a host that can never match cluster.yaml. Hosts whose node mainstay made are exempt: missing
/// resources are created again there, although a change of the node is refused.
fn unfit_hosts(nodes: &mut Nodes<'_>) {
    let unfit: BTreeMap<HostName, Address> = nodes
        .all
        .iter()
        .filter(|node| node.compared().is_none())
        .filter(|node| matches!(node.verdict.problem, Some(Problem::Refused { .. })) && is_impossible(node))
        .map(|node| (node.address.host().clone(), node.address.clone()))
        .collect();
    for node in &mut nodes.all {
        if let Some(by) = unfit.get(node.address.host())
            && node.verdict.problem.is_none()
            && begins_something(node)
        {
            node.verdict.stop(Problem::Blocked { by: by.clone() });
        }
    }
}

fn is_impossible(node: &Node<'_>) -> bool {
    let found = node.seen.as_ref().ok().and_then(|seen| seen.observation.present());
    let impossible = |resource: &dyn AnyKind| found.and_then(|found| resource.impossible(found).ok().flatten());
    node.declared.is_some_and(|declared| impossible(declared.resource.as_ref()).is_some())
}
