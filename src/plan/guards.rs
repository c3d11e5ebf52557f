//! What is refused although the table allows it, and what people must know.

use std::collections::{BTreeMap, BTreeSet};

use super::ending;
use super::founding::runs_kubeadm;
use super::handed_over;
use super::handover;
use super::make::Inputs;
use super::model::{Mode, Problem};
use super::nodes::{Node, Nodes};
use super::ports;
use super::react::begins_something;
use crate::resource::{Action, Address, AnyKind, HostName, Observation, Pattern};

/// Stops what must not happen.
pub(super) fn check(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    if inputs.mode == Mode::Apply || planes_stay(nodes, inputs) {
        quorum(nodes, inputs);
    }
    if inputs.mode == Mode::Apply {
        unfit_resources(nodes, inputs);
        unfit_hosts(nodes);
        ports::check(nodes, inputs.graph, inputs);
        handover::refuse(nodes, inputs);
        handover::hold_back(nodes, inputs);
    }
    prevent_destroy(nodes, inputs);
}

fn destroys(action: Action) -> bool {
    matches!(action, Action::Destroy | Action::Replace)
}

fn prevent_destroy(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let recorded: Vec<Pattern> = inputs.state.guards.iter().map(|guard| Pattern::new(guard.as_str())).collect();
    // Nobody knows whether what cannot be looked at is there; a destroy that leaves it alone is refused all the same, since
    // the rest of it is made for a cluster that ends.
    let unknown =
        |node: &Node<'_>| inputs.mode == Mode::Destroy && matches!(node.verdict.problem, Some(Problem::Unknown { .. }));
    for node in nodes.all.iter_mut().filter(|node| destroys(node.verdict.action) || unknown(node)) {
        // What a control plane becomes that is declared a worker now replaces what stands at its old address.
        let was = node.inherited.map(|(from, _)| from);
        let find = |guards: &[Pattern]| {
            let guarded = |guard: &&Pattern| guard.matches(node.address) || was.is_some_and(|was| guard.matches(was));
            guards.iter().find(guarded).map(|guard| guard.as_str().to_owned())
        };
        let text = if let Some(guard) = find(inputs.prevent_destroy) {
            format!("guards.preventDestroy `{guard}` protects it; remove the guard first")
        } else if let Some(guard) = find(&recorded) {
            let lift = match inputs.mode {
                Mode::Destroy => "remove it from cluster.yaml and run `mainstay apply` first",
                Mode::Apply | Mode::Refresh => {
                    "cluster.yaml no longer has it: this apply only removes the guard; the next one makes the change"
                }
            };
            format!("guards.preventDestroy `{guard}` of the last apply protects it; {lift}")
        } else {
            continue;
        };
        node.verdict.stop(Problem::Refused { text });
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

fn is_impossible(node: &Node<'_>) -> bool {
    let found = node.seen.as_ref().ok().and_then(|seen| seen.observation.present());
    let impossible = |resource: &dyn AnyKind| found.and_then(|found| resource.impossible(found).ok().flatten());
    node.declared.is_some_and(|declared| impossible(declared.resource.as_ref()).is_some())
}

/// Whether a partial destroy leaves control planes out.
fn planes_stay(nodes: &Nodes<'_>, inputs: &Inputs<'_>) -> bool {
    let stays = |node: &Node<'_>| node.left_out && node.is_control_plane();
    inputs.mode == Mode::Destroy && nodes.all.iter().any(stays)
}

/// Taking away so many control planes in one go, or while so many of the others are down, that etcd has no majority left
/// to agree to it.
fn quorum(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let (mut members, mut leaving) = (BTreeSet::<HostName>::new(), BTreeMap::<HostName, usize>::new());
    let mut begun = BTreeSet::<HostName>::new();
    for (number, node) in nodes.all.iter().enumerate() {
        let gone = node.seen.as_ref().is_ok_and(|seen| seen.observation == Observation::Absent);
        if node.record.is_none() || gone || !node.is_control_plane() {
            continue;
        }
        members.insert(node.address.host().clone());
        if node.is_begun() {
            begun.insert(node.address.host().clone());
        }
        // What a control plane becomes that is declared a worker now is told at its new address.
        let acts = node.moved_to.and_then(|heir| inputs.graph.number(heir)).unwrap_or(number);
        if destroys(nodes.all[acts].verdict.action) {
            leaving.insert(node.address.host().clone(), acts);
        }
    }
    let (total, left) = (members.len(), members.len().saturating_sub(leaving.len()));
    // Nobody knows whether one that was only begun is a member at all; those that are whole are not exchanged for it.
    let whole = |host: &HostName| !begun.contains(host);
    let stands = members.iter().filter(|host| !leaving.contains_key(*host)).any(whole);
    let exchanged = left > 0 && !stands && leaving.keys().any(whole);
    // Two can shrink to one only by losing half; all else keeps a majority of what was.
    let allowed = (total.saturating_sub(1) / 2).max(1);
    let down: Vec<&str> = members
        .iter()
        .filter(|host| !leaving.contains_key(*host) && inputs.facts.unreached.contains_key(*host))
        .map(HostName::as_str)
        .collect();
    // The last one that leaves asks the others, and more of them must run than not.
    let agree = left - down.len() > down.len();
    if leaving.is_empty() || (left > 0 && leaving.len() <= allowed && agree && !exchanged) {
        return;
    }
    let names: Vec<&str> = leaving.keys().map(HostName::as_str).collect();
    let last = names.last().copied().unwrap_or_default();
    let names = names.join(", ");
    let joins = nodes.all.iter().filter(|node| node.declared.is_some() && begins_something(node));
    let mut joins = joins.filter(|node| node.is_control_plane());
    let joins = joins.find(|node| !members.contains(node.address.host())).map(|node| node.address.host());
    let swap = joins.map_or_else(String::new, |host| format!(" Apply {host}'s change first, then {last}'s."));
    let text = if left == 0 {
        let destroy = " Use `mainstay destroy` to destroy the whole cluster.";
        let advice = if swap.is_empty() { destroy } else { swap.as_str() };
        format!("This would leave no control plane ({names}).{advice}")
    } else if exchanged {
        let begun = begun.iter().filter(|host| !leaving.contains_key(*host)).map(HostName::as_str);
        format!(
            "{names} cannot be removed: the remaining control planes ({}) are incomplete. Apply without this change first.",
            begun.collect::<Vec<_>>().join(", ")
        )
    } else if leaving.len() <= allowed {
        format!(
            "{names} cannot be removed: of the {left} remaining etcd members, {} {} unreachable, and quorum is {}. \
             Bring them back first.",
            down.join(", "),
            if down.len() == 1 { "is" } else { "are" },
            left / 2 + 1
        )
    } else {
        let at_most = match allowed {
            1 => "one control plane".to_owned(),
            more => format!("{more} control planes"),
        };
        format!(
            "This would leave {left} of {total} etcd members, below quorum ({}). Remove at most {at_most} per apply.\
             {swap}",
            total / 2 + 1
        )
    };
    for (host, &number) in &leaving {
        let by = nodes.all[number].address.clone();
        for node in nodes.all.iter_mut().filter(|node| node.address.host() == host) {
            if node.address == &by {
                node.verdict.stop(Problem::Refused { text: text.clone() });
            } else if node.verdict.action == Action::Destroy {
                node.verdict.stop(Problem::Blocked { by: by.clone() });
            }
        }
    }
}

/// What belongs to no single change.
pub(super) fn warnings(nodes: &Nodes<'_>, inputs: &Inputs<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(address) = inputs.virtual_ip {
        let holders: Vec<&str> = inputs.facts.holders(address).into_iter().map(HostName::as_str).collect();
        if holders.len() > 1 {
            warnings.push(format!(
                "{address} is on {} hosts at once: {}. Their keepalived instances do not receive each other's advertisements; check whether VRRP is blocked.",
                holders.len(),
                holders.join(", ")
            ));
        }
    }
    warnings.extend(mixed_versions(nodes));
    warnings.extend(ending::notice(nodes));
    warnings.extend(ending::left_alone(nodes, inputs));
    warnings.extend(left_as_it_was(nodes, inputs));
    if inputs.mode == Mode::Apply {
        warnings.extend(handed_over::warnings(nodes));
        warnings.extend(taken_from_all(nodes));
    }
    if inputs.mode == Mode::Destroy && inputs.forget_unreachable {
        let mut left: BTreeMap<&HostName, usize> = BTreeMap::new();
        for node in nodes.all.iter().filter(|node| node.seen.is_err() && node.verdict.action == Action::Forget) {
            *left.entry(node.address.host()).or_default() += 1;
        }
        warnings.extend(left.into_iter().map(|(host, count)| {
            let things = if count == 1 { "resource is" } else { "resources are" };
            format!("{host} is unreachable: {count} {things} removed from the state; everything mainstay made there stays there")
        }));
    }
    warnings
}

/// An upgrade by hand that reached some control planes only: no version in cluster.yaml is right for all of them.
fn mixed_versions(nodes: &Nodes<'_>) -> Option<String> {
    let mut running: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in nodes.all.iter().filter(|node| node.address.is_member()) {
        if let Some(version) = node.found("version").and_then(|version| version.as_str()) {
            running.entry(version).or_default().insert(node.address.host().as_str());
        }
    }
    let list = |(version, hosts): (&&str, &BTreeSet<&str>)| {
        format!("{version} on {}", hosts.iter().copied().collect::<Vec<_>>().join(", "))
    };
    (running.len() > 1).then(|| {
        format!(
            "control planes run different versions of Kubernetes: {}. Finish the upgrade with kubeadm, then write the \
             version in cluster.yaml",
            running.iter().map(list).collect::<Vec<_>>().join("; ")
        )
    })
}

/// What the cluster stands on and mainstay no longer keeps anywhere, while the cluster goes on.
fn taken_from_all(nodes: &Nodes<'_>) -> Vec<String> {
    let gone = |kind: &str, how: Action| {
        let mut all = nodes.all.iter().filter(|node| node.address.kind() == kind);
        let going =
            all.clone().find(|node| node.declared.is_none() && node.verdict.action == how && !node.is_handed_over());
        let stays = |node: &Node<'_>| node.declared.is_some() || node.is_handed_over();
        going.filter(|_| !all.any(stays)).and_then(|node| node.address.key())
    };
    // The address itself goes with keepalived; what is on record of it has nothing to undo.
    let address = gone("virtual_ip", Action::Forget).map(|address| {
        format!(
            "No mainstay load balancer holds {address} afterwards. Until another load balancer answers there, nodes and \
             clients cannot reach the API."
        )
    });
    let bridge = gone("bridge_interface", Action::Destroy).map(|_| {
        "The pod network `bridge` is removed from all nodes. Pods have no network until another plugin runs and they are \
         restarted."
            .to_owned()
    });
    address.into_iter().chain(bridge).collect()
}

/// What others made goes on when mainstay lets it go, which is not what everybody expects of these.
fn left_as_it_was(nodes: &Nodes<'_>, inputs: &Inputs<'_>) -> Vec<String> {
    let left = |node: &&Node<'_>| {
        let there = node.seen.as_ref().is_ok_and(|seen| seen.observation != Observation::Absent);
        node.declared.is_none() && node.moved_to.is_none() && node.was_there() && there
    };
    let (mut members, mut holders) = (BTreeSet::new(), BTreeSet::new());
    for node in nodes.all.iter().filter(left) {
        let holds = || node.record.is_some_and(|record| record.attributes.get("releases").is_some());
        if node.address.is_member() && node.verdict.action == Action::Forget {
            members.insert(node.address.host().as_str());
        } else if inputs.mode == Mode::Apply && node.rereads() && holds() {
            holders.insert(node.address.host().as_str());
        }
    }
    let list = |hosts: BTreeSet<&str>| hosts.into_iter().collect::<Vec<_>>().join(", ");
    let mut warnings = Vec::new();
    if !members.is_empty() {
        warnings.push(format!(
            "Kubernetes was on {} before mainstay and stays there, with its etcd members. To remove it, run `kubeadm \
             reset` on the host and `kubectl delete node`.",
            list(members)
        ));
    }
    if let (false, Some(address)) = (holders.is_empty(), inputs.virtual_ip) {
        warnings.push(format!(
            "keepalived was on {} before mainstay and keeps running there; it may take {address} from the others. Stop it \
             first (systemctl disable --now keepalived).",
            list(holders)
        ));
    }
    warnings
}
