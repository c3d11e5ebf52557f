//! Load balancers that hold the virtual IP in turn: all of them must share their settings and know each other, or two of
//! them hold it at once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::plan::handover::{Groups, files, shares};
use crate::plan::make::Inputs;
use crate::plan::model::{Mode, Problem};
use crate::plan::nodes::{Node, Nodes};
use crate::resource::{Action, Address, BalancerGroup, DigestKey, Observation, Secret};
use crate::state::Status;

/// Refuses settings that a running group cannot change, and holds back members that an unreachable one does not know.
pub(super) fn check(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    if inputs.mode == Mode::Apply {
        refuse(nodes, inputs);
        hold_back(nodes, inputs);
    }
}

/// Refuses new group settings, and a new address of a member, while two or more load balancers run. They change one
/// at a time and would form two groups meanwhile, each with a holder of the virtual IP.
fn refuse(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let key = DigestKey::new(inputs.state.salt.clone());
    let mut services: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, node) in nodes.all.iter().enumerate() {
        let stays = node.declared.is_some() || node.seen.is_err();
        let gone = node.seen.as_ref().is_ok_and(|seen| seen.observation == Observation::Absent);
        if stays && !gone && Groups::recorded(node).is_some() {
            services.entry(node.address.key().unwrap_or_default()).or_default().push(number);
        }
    }
    let several: Vec<(&str, Vec<usize>)> = services.into_iter().filter(|(_, numbers)| numbers.len() > 1).collect();
    for (name, numbers) in several {
        let changed: BTreeSet<String> = numbers.iter().flat_map(|&it| changed(&nodes.all[it], &key)).collect();
        let list = |items: Vec<&str>| items.join(", ");
        let host = |it: &usize| nodes.all[*it].address.host().as_str();
        let hosts = list(numbers.iter().map(host).collect());
        let moved: Vec<&str> = moved(nodes, name, &numbers).iter().map(host).collect();
        let text = if !changed.is_empty() {
            format!(
                "{} cannot change while {name} runs on {hosts}: load balancers with different values ignore each \
                 other, and two of them could hold the virtual IP. Give the role load-balancer to one host only and \
                 apply, change the setting and apply, then restore the roles.",
                list(changed.iter().map(String::as_str).collect())
            )
        } else if !moved.is_empty() {
            let moved = list(moved);
            format!(
                "The internalAddress of {moved} cannot change while {name} runs on {hosts}: load balancers change one \
                 at a time, and two of them could hold the virtual IP meanwhile. Remove {moved} from cluster.yaml and \
                 apply, then add it back with the new address."
            )
        } else {
            continue;
        };
        let mut by: Option<Address> = None;
        for number in numbers {
            if nodes.all[number].declared.is_none() {
                continue;
            }
            let touched = files(&nodes.all[number], inputs.graph).chain([number]);
            let touched: Vec<usize> = touched.filter(|&it| !nodes.all[it].left_out).collect();
            // A node of the cluster refuses its new address itself.
            if changed.is_empty() && touched.iter().any(|&it| nodes.all[it].verdict.problem.is_some()) {
                continue;
            }
            let acts = touched.iter().find(|&&it| nodes.all[it].verdict.action.touches_host());
            if let Some(&at) = acts.or(touched.last()) {
                let problem = match by.clone() {
                    Some(by) => Problem::Blocked { by },
                    None => Problem::Refused { text: text.clone() },
                };
                by.get_or_insert_with(|| nodes.all[at].address.clone());
                nodes.all[at].verdict.stop(problem);
            }
        }
    }
}

/// Blocks new load balancers while an existing one is unreachable: it would not know them, and two hosts could hold
/// the virtual IP when it is back. A lost load balancer must be removed from cluster.yaml first.
fn hold_back(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let key = DigestKey::new(inputs.state.salt.clone());
    let mut untold: BTreeMap<&str, &Address> = BTreeMap::new();
    for node in nodes.all.iter().filter(|node| matches!(node.verdict.problem, Some(Problem::Unknown { .. }))) {
        let (Some(_), Some(record), Some(was)) = (node.declared, node.record, Groups::recorded(node)) else { continue };
        let same = Some(&was.peers) == Groups::declared(node).map(|is| &is.peers);
        let told = || record.status == Status::Ready && same && changed(node, &key).is_empty();
        if !told() {
            untold.entry(node.address.key().unwrap_or_default()).or_insert(node.address);
        }
    }
    if untold.is_empty() {
        return;
    }
    for node in nodes.all.iter_mut().filter(|node| node.verdict.action == Action::Create && shares(node)) {
        if let Some(&by) = untold.get(node.address.key().unwrap_or_default()) {
            node.verdict.stop(Problem::Blocked { by: by.clone() });
        }
    }
}

/// The load balancers whose address in the configuration of the others changes.
fn moved(nodes: &Nodes<'_>, name: &str, numbers: &[usize]) -> Vec<usize> {
    let of_group = |node: &&Node<'_>| node.address.key() == Some(name) && shares(node);
    let group: Vec<&Node<'_>> = nodes.all.iter().filter(of_group).collect();
    let was = own_addresses(group.iter().filter_map(|it| Some((it.address, Groups::recorded(it)?.peers.as_ref()?))));
    let is = own_addresses(group.iter().filter_map(|it| Some((it.address, Groups::declared(it)?.peers.as_ref()?))));
    let differs = |number: &&usize| {
        let at = nodes.all[**number].address;
        matches!((was.get(at), is.get(at)), (Some(was), Some(is)) if was != is)
    };
    numbers.iter().filter(differs).copied().collect()
}

/// The own address of each load balancer: all others list it as a peer. Unknown if an interrupted run left several.
fn own_addresses<'a>(
    group: impl Iterator<Item = (&'a Address, &'a BTreeSet<Ipv4Addr>)>,
) -> BTreeMap<&'a Address, Ipv4Addr> {
    let group: Vec<(&Address, &BTreeSet<Ipv4Addr>)> = group.collect();
    let all: BTreeSet<Ipv4Addr> = group.iter().flat_map(|(_, peers)| peers.iter().copied()).collect();
    let own = |(address, peers): (&'a Address, &'a BTreeSet<Ipv4Addr>)| {
        let mut others = all.difference(peers);
        others.next().filter(|_| others.next().is_none()).map(|own| (address, *own))
    };
    group.into_iter().filter_map(own).collect()
}

/// Names of the group settings that would change; all load balancers must share them. Older state entries do not
/// contain them.
fn changed(node: &Node<'_>, key: &DigestKey) -> Vec<String> {
    let alike = |group: Option<&'_ BalancerGroup>| group.and_then(|group| group.alike.clone());
    let (Some(was), Some(is)) = (alike(Groups::recorded(node)), alike(Groups::declared(node))) else {
        return Vec::new();
    };
    let names = was.symmetric_difference(&is).filter_map(|line| line.split(' ').next()).map(str::to_owned);
    let mut names: Vec<String> = names.collect();
    if names.is_empty() && other_secrets(node, key) {
        names.extend(is.iter().filter_map(|line| line.strip_suffix(Secret::MASK)).map(|it| it.trim().to_owned()));
    }
    names
}

/// Whether the secrets differ between the declared and the recorded resource.
fn other_secrets(node: &Node<'_>, key: &DigestKey) -> bool {
    let (Some(declared), Some(record)) = (node.declared, node.record) else { return false };
    let (attributes, secrets) = (record.attributes.to_string(), declared.resource.secrets());
    key.digest(std::iter::once(attributes.as_str()).chain(secrets.iter().map(Secret::expose))) != record.digest
}
