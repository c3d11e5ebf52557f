//! Which control plane makes the cluster, where there is none.
//!
//! That is decided by what the hosts show, not by what is recorded: records of hosts that are bare count for nothing. A
//! second `kubeadm init` would make a second cluster behind the same endpoint, so as long as one host may be a control
//! plane already, nobody begins another cluster.

use super::make::Inputs;
use super::model::{Mode, Problem, Reason};
use super::nodes::{Node, Nodes};
use crate::resource::{Action, HostName};

/// Chooses the control plane that begins the cluster, and returns its number. Nobody does where a control plane is there
/// already: all others join it.
pub(super) fn choose(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) -> Option<usize> {
    if inputs.mode != Mode::Apply {
        return None;
    }
    if nodes.all.iter().any(|node| node.address.is_control_plane() && node.is_whole()) {
        return None;
    }
    // What was begun is resumed.
    let begun = |node: &Node<'_>| match (node.found("founding"), node.is_begun()) {
        (Some(_), _) => 0,
        (None, true) => 1,
        (None, false) => 2,
    };
    let rank = |host: &HostName| inputs.control_planes.iter().position(|it| it == host).unwrap_or(usize::MAX);
    let candidates = nodes.all.iter().enumerate().filter(|(_, node)| {
        node.declared.is_some() && node.address.is_control_plane() && !node.left_out && runs_kubeadm(node)
    });
    let (founder, _) = candidates.min_by_key(|(_, node)| (begun(node), rank(node.address.host()), node.address))?;
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

/// Whether carrying it out runs kubeadm: also where that was begun, and is resumed.
pub(super) fn runs_kubeadm(node: &Node<'_>) -> bool {
    node.address.is_member()
        && node.verdict.problem.is_none()
        && match node.verdict.action {
            Action::Create | Action::Replace => true,
            Action::Update => node.is_begun(),
            _ => false,
        }
}

/// Why the founder must not begin a cluster.
fn objection(nodes: &Nodes<'_>, founder: usize) -> Option<String> {
    let host = nodes.all[founder].address.host();
    let second = format!("`kubeadm init` on {host} would make a second cluster behind the same endpoint.");
    if nodes.all[founder].is_whole() {
        return Some(format!("{host} is a worker of a cluster already. {second}"));
    }
    let mut others = nodes.all.iter().filter(|node| node.is_control_plane() && node.address.host() != host);
    others.find_map(|other| objects(other, &second))
}

fn objects(other: &Node<'_>, second: &str) -> Option<String> {
    let name = other.address.host();
    match (&other.seen, other.record) {
        (Ok(_), _) if other.is_whole() => Some(format!(
            "{name} is a control plane of a cluster already, and cluster.yaml has it as a worker. {second} Give {name} the \
             role control-plane, or run `kubeadm reset` there."
        )),
        (Ok(_), _) => None,
        (Err(_), Some(_)) => Some(format!(
            "{name} is recorded as a control plane and cannot be checked. {second} Bring {name} back; if it is gone for \
             good, run `mainstay state rm {name}`."
        )),
        (Err(_), None) => Some(format!(
            "{name} may be a control plane already and cannot be checked. {second} Bring {name} back, or remove it from \
             cluster.yaml first."
        )),
    }
}
