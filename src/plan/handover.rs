//! The order of changes to services that share an address (the virtual IP), so that only one host holds it at a time;
//! changes without such an order are refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::make::Inputs;
use super::model::Problem;
use super::nodes::{Node, Nodes};
use super::selection::Chosen;
use crate::graph::{Edges, Graph};
use crate::resource::{Action, Address, AnyKind, Declared, DigestKey, Lane, Observation, Secret};
use crate::state::{Record, State, Status};

/// The order of the services that share an address.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Services that are destroyed.
    go: Vec<usize>,
    /// Pairs of earlier and later changes.
    pub(super) pairs: Vec<(usize, usize)>,
}

impl Handover {
    /// Destroyed services come first, then changed ones, then new ones. A service that the others no longer know, or
    /// do not know yet, would take the address a second time. The files of remaining services and the services they
    /// need also wait, because a restart could happen at any time. Among destroyed services the probable holder
    /// (highest priority) comes last.
    pub(super) fn of(nodes: &Nodes<'_>, graph: &Graph) -> Self {
        let mut services: BTreeMap<&str, [Vec<usize>; 4]> = BTreeMap::new();
        for (number, node) in nodes.all.iter().enumerate().filter(|(_, node)| shares(node)) {
            let turn = match node.verdict.action {
                Action::Destroy => 0,
                Action::Update | Action::Replace => 1,
                Action::Create => 2,
                Action::NoOp | Action::Adopt if node.declared.is_some() => 3,
                _ => continue,
            };
            services.entry(node.address.key().unwrap_or_default()).or_default()[turn].push(number);
        }
        let mut all = Self::default();
        for [go, stay, come, same] in services.values_mut() {
            go.sort_by_key(|&number| priority(nodes, number));
            let rising = |pair: &[usize]| priority(nodes, pair[0]) < priority(nodes, pair[1]);
            all.pairs.extend(go.windows(2).filter(|pair| rising(pair)).map(|pair| (pair[0], pair[1])));
            let read = stay.iter().flat_map(|&number| files(&nodes.all[number], graph));
            // Running services are not delayed: their change may be the removal of a control plane.
            let starts = |need: &&usize| {
                let need = &nodes.all[**need];
                let runs = need.seen.as_ref().ok().and_then(|seen| seen.observation.present());
                let runs = runs.is_some_and(|is| is["state"] == "active");
                need.address.kind() == "service" && need.verdict.action.touches_host() && !runs
            };
            let needed = stay.iter().chain(same.iter()).flat_map(|&number| graph.needs(number)).filter(starts);
            let needed = needed.flat_map(|&need| files(&nodes.all[need], graph).chain([need]));
            let later: Vec<usize> = stay.iter().chain(come.iter()).copied().chain(read).chain(needed).collect();
            all.pairs.extend(go.iter().flat_map(|&first| later.iter().map(move |&after| (first, after))));
            all.pairs.extend(stay.iter().flat_map(|&first| come.iter().map(move |&after| (first, after))));
            all.go.append(go);
        }
        all
    }

    /// Drops recorded dependencies of destroyed resources that would form a cycle with the hand-over: those of
    /// remaining resources that wait for a new load balancer, and those of a control plane that leaves after the load
    /// balancers.
    pub(super) fn make_room(
        &self,
        nodes: &Nodes<'_>,
        leaving: &BTreeSet<usize>,
        firm: &[(usize, usize)],
        destroys: &mut Vec<(usize, usize)>,
    ) {
        if self.go.is_empty() {
            return;
        }
        let stays = |number: usize| nodes.all[number].declared.is_some();
        let after = Edges::new(nodes.all.len(), firm).reach(self.go.clone());
        let leaves = |number: usize| leaving.contains(&number);
        let going = |pair: &&(usize, usize)| !stays(pair.0) && !leaves(pair.0);
        let going: Vec<(usize, usize)> = destroys.iter().filter(going).copied().collect();
        let before = Edges::new(nodes.all.len(), &going).reversed().reach(self.go.clone());
        destroys.retain(|&(needs, need)| !((stays(needs) || leaves(needs)) && after[needs] && before[need]));
    }
}

/// The files that a declared service reads.
fn files<'g>(node: &Node<'g>, graph: &'g Graph) -> impl Iterator<Item = usize> + use<'g> {
    node.declared.into_iter().flat_map(|it| &it.reacts_to).filter_map(|address| graph.number(address))
}

/// The priority in the recorded configuration of a service.
fn priority(nodes: &Nodes<'_>, number: usize) -> Option<u8> {
    let read = nodes.all[number].record.into_iter().flat_map(|record| &record.needs);
    let read = read.filter_map(|need| nodes.all[nodes.undeclared(need)?].record);
    let mut said = read.flat_map(|record| lines(record.attributes.get("content").unwrap_or(&Value::Null)));
    said.find_map(|line| line.trim().strip_prefix("priority ")?.trim().parse().ok())
}

/// Whether it is one of several services that share an address.
pub(super) fn shares(node: &Node<'_>) -> bool {
    match (node.record, node.declared) {
        (Some(record), _) => on_record(node.address, record),
        (None, Some(declared)) => is_declared(declared),
        (None, None) => false,
    }
}

fn on_record(address: &Address, record: &Record) -> bool {
    balances(address, record.lane.as_ref()) && has_address(&record.attributes)
}

fn is_declared(declared: &Declared) -> bool {
    balances(&declared.address, declared.lane.as_ref()) && has_address(&declared.resource.attributes())
}

fn balances(address: &Address, lane: Option<&Lane>) -> bool {
    address.kind() == "service" && lane == Some(&Lane::LoadBalancer)
}

fn has_address(attributes: &Value) -> bool {
    attributes.get("releases").and_then(Value::as_array).is_some_and(|it| !it.is_empty())
}

/// Refuses new group settings, and a new address of a member, while two or more load balancers run. They change one
/// at a time and would form two groups meanwhile, each with a holder of the virtual IP.
pub(super) fn refuse(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let key = DigestKey::new(inputs.state.salt.clone());
    let mut services: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, node) in nodes.all.iter().enumerate() {
        let stays = node.declared.is_some() || node.seen.is_err();
        let gone = node.seen.as_ref().is_ok_and(|seen| seen.observation == Observation::Absent);
        if stays && !gone && node.record.is_some_and(|record| on_record(node.address, record)) {
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
                 other, and two of them could hold the virtual IP. Keep only one load balancer in cluster.yaml and \
                 apply, change it and apply, then add the others again.",
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
pub(super) fn hold_back(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let key = DigestKey::new(inputs.state.salt.clone());
    let mut untold: BTreeMap<&str, &Address> = BTreeMap::new();
    for node in nodes.all.iter().filter(|node| matches!(node.verdict.problem, Some(Problem::Unknown { .. }))) {
        let (Some(declared), Some(record)) = (node.declared, node.record) else { continue };
        let same = peers(&record.attributes) == peers(&declared.resource.attributes());
        let told = || record.status == Status::Ready && same && changed(node, &key).is_empty();
        if on_record(node.address, record) && !told() {
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

/// The peers in the configuration of a load balancer.
fn peers(attributes: &Value) -> Option<Value> {
    attributes.pointer("/group/peers").cloned()
}

/// The load balancers whose address in the configuration of the others changes.
fn moved(nodes: &Nodes<'_>, name: &str, numbers: &[usize]) -> Vec<usize> {
    let of_group = |node: &&Node<'_>| node.address.key() == Some(name) && shares(node);
    let group: Vec<&Node<'_>> = nodes.all.iter().filter(of_group).collect();
    let was = own_addresses(group.iter().filter_map(|it| Some((it.address, peers(&it.record?.attributes)?))));
    let is =
        own_addresses(group.iter().filter_map(|it| Some((it.address, peers(&it.declared?.resource.attributes())?))));
    let differs = |number: &&usize| {
        let at = nodes.all[**number].address;
        matches!((was.get(at), is.get(at)), (Some(was), Some(is)) if was != is)
    };
    numbers.iter().filter(differs).copied().collect()
}

/// The address of each load balancer: the one that the others list and it does not list itself. After an interrupted
/// run there may be several; then it is unknown.
fn own_addresses<'a>(group: impl Iterator<Item = (&'a Address, Value)>) -> BTreeMap<&'a Address, String> {
    let texts = |peers: &Value| -> BTreeSet<String> {
        peers.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let group: Vec<(&Address, BTreeSet<String>)> = group.map(|(address, peers)| (address, texts(&peers))).collect();
    let all: BTreeSet<String> = group.iter().flat_map(|(_, peers)| peers.iter().cloned()).collect();
    let own = |(address, peers): (&'a Address, BTreeSet<String>)| {
        let mut others = all.difference(&peers);
        others.next().filter(|_| others.next().is_none()).map(|own| (address, own.clone()))
    };
    group.into_iter().filter_map(own).collect()
}

/// Names of the group settings that would change; all load balancers must share them. Older state entries do not
/// contain them.
fn changed(node: &Node<'_>, key: &DigestKey) -> Vec<String> {
    let (Some(declared), Some(record)) = (node.declared, node.record) else { return Vec::new() };
    let attributes = declared.resource.attributes();
    let [was, is] = [&*record.attributes, &attributes].map(|it| it.pointer("/group/alike").map(lines));
    let (Some(was), Some(is)) = (was, is) else { return Vec::new() };
    let names = was.symmetric_difference(&is).filter_map(|line| line.split(' ').next()).map(str::to_owned);
    let mut names: Vec<String> = names.collect();
    if names.is_empty() && other_secrets(declared.resource.as_ref(), record, key) {
        names.extend(is.iter().filter_map(|line| line.strip_suffix(Secret::MASK)).map(|it| it.trim().to_owned()));
    }
    names
}

/// Whether the secrets differ between the declared and the recorded resource.
fn other_secrets(declared: &dyn AnyKind, record: &Record, key: &DigestKey) -> bool {
    let (attributes, secrets) = (record.attributes.to_string(), declared.secrets());
    key.digest(std::iter::once(attributes.as_str()).chain(secrets.iter().map(Secret::expose))) != record.digest
}

/// The lines of a content as it is recorded, secrets masked.
fn lines(content: &Value) -> BTreeSet<String> {
    let texts = content.as_array().into_iter().flatten().filter_map(Value::as_object).flat_map(|it| it.values());
    let whole: String = content.as_str().into_iter().chain(texts.filter_map(Value::as_str)).collect();
    whole.lines().map(str::to_owned).collect()
}

/// Load balancers that a partial plan leaves out while others change their peers: updated in different runs, they
/// would ignore each other.
pub(super) fn apart<'a>(graph: &'a Graph, state: &'a State, chosen: &Chosen) -> Vec<&'a Address> {
    let mut told: BTreeMap<&Address, Option<Value>> = BTreeMap::new();
    let mut wanted: BTreeMap<&Address, Option<Value>> = BTreeMap::new();
    let shares = |(address, record): &(&Address, &Record)| on_record(address, record);
    for (address, record) in state.resources.iter().filter(shares).filter(|it| graph.handed_over(it.0).is_none()) {
        told.insert(address, peers(&record.attributes).filter(|_| record.status == Status::Ready));
    }
    for item in graph.items().iter().filter(|item| is_declared(item)) {
        wanted.insert(&item.address, peers(&item.resource.attributes()));
    }
    if told == wanted {
        return Vec::new();
    }
    let all: BTreeSet<&Address> = told.into_keys().chain(wanted.into_keys()).collect();
    let (planned, left_out): (Vec<&Address>, Vec<&Address>) = all.into_iter().partition(|address| chosen.has(address));
    if planned.is_empty() { Vec::new() } else { left_out }
}
