//! The control plane that creates the cluster with `kubeadm init`, if there is no cluster yet.
//!
//! What the hosts show decides, not what is recorded: state entries of hosts without Kubernetes do not count. A second
//! `kubeadm init` would create a second cluster behind the same endpoint, so it is refused while any other host may
//! already be a control plane.

use super::make::Inputs;
use super::model::{Mode, Problem, Reason};
use super::nodes::{Node, Nodes};
use crate::resource::{Action, HostName};

/// Chooses the control plane that creates the cluster and returns its number. If a control plane exists, all others
/// join it.
pub(super) fn choose(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) -> Option<usize> {
    if inputs.mode != Mode::Apply || nodes.all.iter().any(|node| node.address.is_control_plane() && node.is_whole()) {
        return None;
    }
    // An unfinished kubeadm run is resumed.
    let begun = |node: &Node<'_>| match (node.found("founding"), node.is_begun()) {
        (Some(_), _) => 0,
        (None, true) => 1,
        (None, false) => 2,
    };
    let rank = |host: &HostName| inputs.control_planes.iter().position(|it| it == host).unwrap_or(usize::MAX);
    let candidates = nodes.all.iter().enumerate().filter(|(_, node)| {
        node.declared.is_some() && node.address.is_control_plane() && !node.left_out && runs_kubeadm(node)
    });
    let founder = candidates.min_by_key(|(_, node)| (begun(node), rank(node.address.host()), node.address));
    let Some((founder, _)) = founder else {
        refuse_without_control_plane(nodes);
        return None;
    };
    let problem = objection(nodes, founder).map(|text| Problem::Refused { text });
    let node = &mut nodes.all[founder];
    if let Some(problem) = problem {
        node.verdict.stop(problem);
    } else {
        node.verdict.founds = true;
        node.verdict.reasons.push(Reason::Founds);
    }
    Some(founder)
}

/// Refuses to create cluster-wide resources in a missing cluster. This blocks the members, which depend on them.
fn refuse_without_control_plane(nodes: &mut Nodes<'_>) {
    let created = |node: &&mut Node<'_>| {
        node.address.host().is_cluster() && !node.left_out && node.verdict.action == Action::Create
    };
    for node in nodes.all.iter_mut().filter(created) {
        let text = "No control plane exists, and this plan creates none. Add a control plane to --target, or narrow --exclude.";
        node.verdict.stop(Problem::Refused { text: text.to_owned() });
    }
}

/// Whether the change runs kubeadm, or resumes an unfinished run.
pub(super) fn runs_kubeadm(node: &Node<'_>) -> bool {
    node.address.is_member()
        && node.verdict.problem.is_none()
        && match node.verdict.action {
            Action::Create | Action::Replace => true,
            Action::Update => node.is_begun(),
            _ => false,
        }
}

/// Why the founder must not create a cluster.
fn objection(nodes: &Nodes<'_>, founder: usize) -> Option<String> {
    let host = nodes.all[founder].address.host();
    let second = format!("`kubeadm init` on {host} would create a second cluster behind the same endpoint.");
    if nodes.all[founder].is_whole() {
        return Some(format!("{host} is already a worker of a cluster. {second}"));
    }
    let mut others = nodes.all.iter().filter(|node| node.is_control_plane() && node.address.host() != host);
    others.find_map(|other| objects(other, &second))
}

fn objects(other: &Node<'_>, second: &str) -> Option<String> {
    let name = other.address.host();
    match (&other.seen, other.record) {
        (Ok(_), _) if other.is_whole() => Some(format!(
            "{name} is already a control plane, but a worker in cluster.yaml. {second} Give {name} the role control-plane, \
             or run `kubeadm reset` there."
        )),
        (Ok(_), _) => None,
        (Err(_), Some(_)) => Some(format!(
            "{name} is recorded as a control plane and is unreachable. {second} Bring {name} back. If it is lost, \
             run `mainstay state rm {name}`."
        )),
        (Err(_), None) => Some(format!(
            "{name} may already be a control plane and is unreachable. {second} Bring {name} back, or remove it from \
             cluster.yaml first."
        )),
    }
}
