//! Warnings of a plan that belong to no single change.

use std::collections::{BTreeMap, BTreeSet};

use super::make::Inputs;
use super::model::{Mode, Warning};
use super::nodes::{Node, Nodes};
use super::{ending, handover};
use crate::resource::{Action, Address, HostName, Observation};

/// All warnings.
pub(super) fn of(nodes: &Nodes<'_>, inputs: &Inputs<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    warnings.extend(two_holders(inputs));
    warnings.extend(mixed_versions(nodes));
    warnings.extend(ending::notice(nodes));
    warnings.extend(ending::left_alone(nodes, inputs));
    warnings.extend(left_as_it_was(nodes, inputs));
    if inputs.mode == Mode::Apply {
        warnings.extend(balancers_move(nodes, inputs));
        warnings.extend(handed_over(nodes));
        warnings.extend(last_ones(nodes));
    }
    if inputs.mode == Mode::Destroy && inputs.forget_unreachable {
        warnings.extend(forgotten(nodes));
    }
    warnings
}

/// Several hosts hold the virtual IP at once.
fn two_holders(inputs: &Inputs<'_>) -> Option<Warning> {
    let address = inputs.virtual_ip?;
    let holders: Vec<&str> = inputs.facts.holders(address).into_iter().map(HostName::as_str).collect();
    let text = || {
        format!(
            "{address} is on {} hosts at once: {}. Their keepalived instances do not receive each other's advertisements; \
             check whether VRRP is blocked.",
            holders.len(),
            holders.join(", ")
        )
    };
    (holders.len() > 1).then(|| Warning::danger("virtual-ip-on-several-hosts", text()))
}

/// Unreachable hosts whose state entries are dropped.
fn forgotten(nodes: &Nodes<'_>) -> Vec<Warning> {
    let mut left: BTreeMap<&HostName, Vec<&Address>> = BTreeMap::new();
    for node in nodes.all.iter().filter(|node| node.seen.is_err() && node.verdict.action == Action::Forget) {
        left.entry(node.address.host()).or_default().push(node.address);
    }
    let warning = |(host, addresses): (&HostName, Vec<&Address>)| {
        let count = addresses.len();
        let things = if count == 1 { "resource is" } else { "resources are" };
        let text = format!(
            "{host} is unreachable: {count} {things} removed from the state; everything mainstay made there stays there"
        );
        Warning::danger("unreachable-host-forgotten", text).about(addresses)
    };
    left.into_iter().map(warning).collect()
}

/// A manual upgrade that reached only some control planes: no version in cluster.yaml is right for all of them.
fn mixed_versions(nodes: &Nodes<'_>) -> Option<Warning> {
    let mut running: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in nodes.all.iter().filter(|node| node.address.is_member()) {
        if let Some(version) = node.found("version").and_then(|version| version.as_str()) {
            running.entry(version).or_default().insert(node.address.host().as_str());
        }
    }
    let list = |(version, hosts): (&&str, &BTreeSet<&str>)| {
        format!("{version} on {}", hosts.iter().copied().collect::<Vec<_>>().join(", "))
    };
    let text = || {
        format!(
            "control planes run different versions of Kubernetes: {}. Finish the upgrade with kubeadm, then write the \
             version in cluster.yaml",
            running.iter().map(list).collect::<Vec<_>>().join("; ")
        )
    };
    (running.len() > 1).then(|| Warning::danger("mixed-versions", text()))
}

/// Consequences of removing the last resource of a kind from a cluster that remains.
fn last_ones(nodes: &Nodes<'_>) -> Vec<Warning> {
    let mut kinds: BTreeMap<&str, Warning> = BTreeMap::new();
    for node in nodes.all.iter().filter(|node| node.declared.is_none() && !node.is_handed_over()) {
        if let Some(text) = node.resource.as_ref().and_then(|resource| resource.last_one(node.verdict.action)) {
            let kind = kinds.entry(node.address.kind());
            kind.or_insert_with(|| Warning::danger("last-of-its-kind", text)).addresses.insert(node.address.clone());
        }
    }
    if !kinds.is_empty() {
        for node in nodes.all.iter().filter(|node| node.declared.is_some() || node.is_handed_over()) {
            kinds.remove(node.address.kind());
        }
    }
    kinds.into_values().collect()
}

/// Hosts that stay and stop being load balancers because others have the role now.
fn balancers_move(nodes: &Nodes<'_>, inputs: &Inputs<'_>) -> Option<Warning> {
    let address = inputs.virtual_ip?;
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for node in nodes.all.iter().filter(|node| node.verdict.problem.is_none() && handover::shares(node)) {
        match node.verdict.action {
            Action::Destroy => from.push(node.address),
            Action::Create => to.push(node.address),
            _ => {}
        }
    }
    let declared: BTreeSet<&HostName> = inputs.graph.items().iter().map(|item| item.address.host()).collect();
    from.retain(|address| declared.contains(address.host()));
    let list = |all: &[&Address]| all.iter().map(|it| it.host().as_str()).collect::<Vec<_>>().join(", ");
    let text = || {
        format!(
            "{} stop being load balancers, and {address} moves to {}: once a host has the role load-balancer, haproxy and \
             keepalived run only on hosts with this role.",
            list(&from),
            list(&to)
        )
    };
    let moves = !from.is_empty() && !to.is_empty();
    moves.then(|| Warning::danger("load-balancers-move", text()).about(from.iter().chain(&to).copied()))
}

/// Kubernetes and keepalived that existed before mainstay keep running after they are forgotten.
fn left_as_it_was(nodes: &Nodes<'_>, inputs: &Inputs<'_>) -> Vec<Warning> {
    let left = |node: &&Node<'_>| {
        let there = node.seen.as_ref().is_ok_and(|seen| seen.observation != Observation::Absent);
        node.declared.is_none() && node.moved_to.is_none() && node.was_there() && there
    };
    let (mut members, mut holders) = (BTreeSet::new(), BTreeSet::new());
    for node in nodes.all.iter().filter(left) {
        let holds = || handover::shares(node);
        if node.address.is_member() && node.verdict.action == Action::Forget {
            members.insert(node.address.host().as_str());
        } else if inputs.mode == Mode::Apply && node.rereads() && holds() {
            holders.insert(node.address.host().as_str());
        }
    }
    let list = |hosts: BTreeSet<&str>| hosts.into_iter().collect::<Vec<_>>().join(", ");
    let mut warnings = Vec::new();
    if !members.is_empty() {
        let text = format!(
            "Kubernetes was on {} before mainstay and stays there. To remove it, run `kubeadm reset` on each host{}.",
            list(members),
            if inputs.mode == Mode::Apply { " and `kubectl delete node` for its node" } else { "" }
        );
        warnings.push(Warning::notice("kubernetes-stays", text));
    }
    if let (false, Some(address)) = (holders.is_empty(), inputs.virtual_ip) {
        let text = format!(
            "keepalived was on {} before mainstay and keeps running there; it may take {address} from the others. Stop it \
             first (systemctl disable --now keepalived).",
            list(holders)
        );
        warnings.push(Warning::danger("keepalived-stays", text));
    }
    warnings
}

/// More hosts than this are counted, not named.
const NAMED: usize = 8;

/// A warning for each kind whose hand-over has consequences that its plan line does not show.
fn handed_over(nodes: &Nodes<'_>) -> Vec<Warning> {
    let mut kinds: BTreeMap<&str, Vec<&Node<'_>>> = BTreeMap::new();
    for node in nodes.all.iter().filter(|node| node.is_handed_over()) {
        kinds.entry(node.address.kind()).or_default().push(node);
    }
    let warning = |nodes: Vec<&Node<'_>>| {
        let hosts = nodes.iter().map(|node| node.address.host().as_str()).collect();
        let text = nodes.first()?.resource.as_ref()?.handed_over(&named(&hosts))?;
        Some(Warning::danger("handed-over", text).about(nodes.into_iter().map(|node| node.address)))
    };
    kinds.into_values().filter_map(warning).collect()
}

fn named(hosts: &BTreeSet<&str>) -> String {
    let mut names: Vec<&str> = hosts.iter().copied().collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let names = names.join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}
