//! Services on several hosts that share an address, which one of them holds at a time: in what order they change, and
//! which changes have no order in which that stays so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::make::Inputs;
use super::model::Problem;
use super::nodes::{Node, Nodes};
use super::selection::Chosen;
use crate::graph::{Edges, Graph};
use crate::resource::{Action, Address, AnyKind, Declared, DigestKey, Lane, Observation, Secret};
use crate::state::{Record, State, Status};

/// The order among those that share an address.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Those that go away.
    go: Vec<usize>,
    /// From what comes first to what comes after.
    pub(super) pairs: Vec<(usize, usize)>,
}

impl Handover {
    /// One that goes away comes first, then those that stay and are told, then those that come. One that the others
    /// speak to no more while it runs takes the address, too; so does one that comes before they speak to it. What
    /// those that stay read is not touched earlier either: nobody knows when a service is started again. Nor is what they
    /// need started earlier, without which they had to let the address go. Of those that go the one that holds it, as
    /// far as their priorities tell, goes last: the others may not hear each other.
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
            // One that runs is not held up: what it is told may be that a control plane goes.
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

    /// Drops those edges of what goes away that there is no room for: of something that stays and waits for one that
    /// comes, and of a control plane that leaves after the load balancers, the need, as recorded, of what goes before
    /// that one. Without them neither is on a circle, and so no edge of a hand-over is: it ends at one of them.
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

/// What a declared one acts on.
fn files<'g>(node: &Node<'g>, graph: &'g Graph) -> impl Iterator<Item = usize> + use<'g> {
    node.declared.into_iter().flat_map(|it| &it.reacts_to).filter_map(|address| graph.number(address))
}

/// The priority that what a recorded one reads gives it.
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

/// Refuses new group settings, and a new address of a member, while two or more load balancers run. They change one at a
/// time, so they would form two groups meanwhile, each with a holder of the virtual IP.
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
                "{} cannot change while {name} runs on {hosts}: those that have it and those that do not have it yet do \
                 not hear each other, and the virtual IP would be on two hosts; leave one load balancer in cluster.yaml \
                 and apply, change it and apply, then add the others again",
                list(changed.iter().map(String::as_str).collect())
            )
        } else if !moved.is_empty() {
            let moved = list(moved);
            format!(
                "internalAddress of {moved} cannot change while {name} runs on {hosts}: load balancers change one at a \
                 time, and until the last one has the new address two of them could hold the virtual IP; remove {moved} \
                 from cluster.yaml and apply, then add it back with the new address"
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

/// Nobody comes while one that stays cannot be told of it, or of what all must have alike: they would not hear each other
/// once that one is back. One that is gone for good leaves cluster.yaml first.
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

/// Whom one is told of.
fn peers(attributes: &Value) -> Option<Value> {
    attributes.pointer("/group/peers").cloned()
}

/// Those among `numbers` that the others will know at another address.
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

/// The address of each: what the others name and it does not itself. Where an earlier run ended half-way that may be
/// several, and nothing is known.
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

/// What will be otherwise of that which all of them must have alike. Older records do not tell.
fn changed(node: &Node<'_>, key: &DigestKey) -> Vec<String> {
    let (Some(declared), Some(record)) = (node.declared, node.record) else { return Vec::new() };
    let attributes = declared.resource.attributes();
    let [was, is] = [&record.attributes, &attributes].map(|it| it.pointer("/group/alike").map(lines));
    let (Some(was), Some(is)) = (was, is) else { return Vec::new() };
    let names = was.symmetric_difference(&is).filter_map(|line| line.split(' ').next()).map(str::to_owned);
    let mut names: Vec<String> = names.collect();
    if names.is_empty() && other_secrets(declared.resource.as_ref(), record, key) {
        names.extend(is.iter().filter_map(|line| line.strip_suffix(Secret::MASK)).map(|it| it.trim().to_owned()));
    }
    names
}

/// Whether the secrets of what is declared are not those of what is on record, whatever else differs.
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

/// Those that a part leaves out while others of them are planned that were not told of the same others yet: told of
/// each other in different runs they do not hear each other.
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
