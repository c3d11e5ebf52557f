//! Partial plans (`--target`, `--exclude`) and forced replacements (`--replace`).
//!
//! A plan of a part is one that can be carried out: it never acts on something while what must come
//! first is left out. What must come first is what a declared resource needs, and, of what goes
//! away, what stands on it.

mod near;

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::model::{Mode, Warning};
use super::{departure, handover};
use crate::facts::Decode;
use crate::graph::{Edges, Graph};
use crate::resource::{Address, Pattern};
use crate::state::State;

pub use near::near;

/// `--target`, `--exclude` and `--replace` as they were given. Nothing given is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Targets, planned with their dependencies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Pattern>,
    /// Exclusions, left out with their dependents. Cannot be combined with targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<Pattern>,
    /// Full addresses of resources to replace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replace: Vec<String>,
}

/// Why a selection cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A pattern matches no resource.
    #[error("{}", told(.0))]
    Nothing(Vec<Unmatched>),
    /// Nothing is left to plan.
    #[error("{0} leaves no resource to plan")]
    LeavesNothing(String),
    /// The resource to replace does not exist yet.
    #[error("--replace {0}: the resource does not exist yet")]
    NotMade(Address),
    /// The resource to replace is no longer declared.
    #[error("--replace {0}: the resource is no longer declared")]
    NotDeclared(Address),
    /// The resource to replace is not part of the plan.
    #[error("--replace {0}: --target or --exclude leaves out this resource")]
    LeftOut(Address),
    /// Load balancers that must change together are not all part of the plan.
    #[error(
        "--target or --exclude leaves out {}: load balancers must change together, otherwise two hosts could hold the \
         virtual IP",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Apart(Vec<Address>),
}

/// An option that matches no resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The option and its value, for example `--target w9`.
    pub option: String,
    /// Suggestions, the nearest first.
    pub near: Vec<String>,
}

fn told(all: &[Unmatched]) -> String {
    let line = |Unmatched { option, near }: &Unmatched| match near[..] {
        [] => format!("no resource matches {option}"),
        _ => format!("no resource matches {option}; did you mean {}?", near.join(", ")),
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The selected resources of a plan.
#[derive(Clone, Debug, Default)]
pub struct Chosen(Option<HashSet<Address>>);

impl Chosen {
    /// Whether this resource is part of it.
    pub fn has(&self, address: &Address) -> bool {
        self.0.as_ref().is_none_or(|chosen| chosen.contains(address))
    }

    /// Whether no resource is part of it.
    fn is_empty(&self) -> bool {
        self.0.as_ref().is_some_and(HashSet::is_empty)
    }

    /// Whether something may be left out.
    pub fn is_part(&self) -> bool {
        self.0.is_some()
    }
}

impl Selection {
    /// The notice of a partial plan that leaves out this many resources.
    pub(super) fn notice(&self, left_out: usize) -> Option<Warning> {
        let options = self.options();
        let things = if left_out == 1 { "1 resource is".to_owned() } else { format!("{left_out} resources are") };
        let text = || format!("Partial plan ({options}): {things} not included. Run a full plan afterwards.");
        (!options.is_empty()).then(|| Warning::notice("partial-plan", text()))
    }

    fn options(&self) -> String {
        let given = |option: &str, patterns: &[Pattern]| -> Vec<String> {
            patterns.iter().map(|pattern| format!("{option} {}", pattern.as_str())).collect()
        };
        [given("--target", &self.targets), given("--exclude", &self.excludes)].concat().join(" ")
    }

    /// Refuses all patterns that match nothing at once, with suggestions, and partial plans that cannot be applied.
    pub fn check(&self, mode: Mode, graph: &Graph, state: &State, decode: &Decode<'_>) -> Result<(), SelectionError> {
        if self.targets.is_empty() && self.excludes.is_empty() && self.replace.is_empty() {
            return Ok(());
        }
        let all: BTreeSet<&Address> = addresses(graph, state).collect();
        let mut unmatched = Vec::new();
        for (option, patterns) in [("--target", &self.targets), ("--exclude", &self.excludes)] {
            unmatched.extend(names_nothing(option, patterns, &all));
        }
        let declared: BTreeSet<&Address> = graph.items().iter().map(|item| &item.address).collect();
        let mut other = None;
        let chosen = self.choose(Mode::Apply, graph, state);
        if mode == Mode::Apply && chosen.is_part() {
            let apart = handover::apart(graph, state, decode, &chosen);
            other = (!apart.is_empty()).then(|| SelectionError::Apart(apart.into_iter().cloned().collect()));
        }
        if self.choose(mode, graph, state).is_empty() && !all.is_empty() {
            other = Some(SelectionError::LeavesNothing(self.options()));
        }
        for text in &self.replace {
            match text.parse::<Address>().ok().filter(|address| all.contains(address)) {
                Some(address) if !declared.contains(&address) => other = Some(SelectionError::NotDeclared(address)),
                Some(address) if state.record(&address).is_none() => other = Some(SelectionError::NotMade(address)),
                Some(address) if !chosen.has(&address) => other = Some(SelectionError::LeftOut(address)),
                Some(_) => {}
                None => {
                    let near = near::addresses(text, &declared);
                    unmatched.push(Unmatched { option: format!("--replace {text}"), near });
                }
            }
        }
        if unmatched.is_empty() { other.map_or(Ok(()), Err) } else { Err(SelectionError::Nothing(unmatched)) }
    }

    /// Whether it is to be replaced although it is right.
    pub(super) fn replaces(&self, address: &Address) -> bool {
        !self.replace.is_empty() && self.replace.contains(&address.to_string())
    }

    /// Everything that is part of it. Where no host is touched nothing must come first.
    pub fn choose(&self, mode: Mode, graph: &Graph, state: &State) -> Chosen {
        if self.targets.is_empty() && self.excludes.is_empty() {
            return Chosen(None);
        }
        let all: Vec<&Address> = addresses(graph, state).collect();
        let of = |counts: fn(&Address, &Address) -> bool| edges(&all, graph, state, counts);
        let edges = if mode == Mode::Refresh { Edges::new(all.len(), &[]) } else { of(|_, _| true) };
        let matching = |patterns: &[Pattern]| -> Vec<usize> {
            (0..all.len()).filter(|&number| patterns.iter().any(|pattern| pattern.matches(all[number]))).collect()
        };
        let targeted = |from: Vec<usize>| edges.reversed().reach(from);
        let not_excluded = |from: Vec<usize>| -> Vec<bool> { edges.reach(from).into_iter().map(|out| !out).collect() };
        let mut kept = if self.excludes.is_empty() {
            let targets = matching(&self.targets);
            let apart = (mode == Mode::Destroy).then(|| of(is_alone).reversed().reach(targets.clone()));
            let ways = numbers(&all, Address::is_virtual_ip);
            // The last way in takes along all that came by it.
            apart
                .filter(|kept| ways.is_empty() || ways.iter().any(|&way| !kept[way]))
                .unwrap_or_else(|| targeted(targets))
        } else {
            not_excluded(matching(&self.excludes))
        };
        let (planes, cluster) = (numbers(&all, Address::is_control_plane), numbers(&all, of_the_cluster));
        let no_plane = |kept: &[bool]| !planes.iter().any(|&plane| kept[plane]);
        let with = |patterns: &[Pattern], more: &[usize]| [&matching(patterns), more].concat();
        match mode {
            // The last control plane is destroyed together with all resources of the cluster.
            Mode::Destroy if !planes.is_empty() && planes.iter().all(|&plane| kept[plane]) => {
                if self.excludes.is_empty() {
                    kept = targeted(with(&self.targets, &cluster));
                } else if cluster.iter().any(|&it| !kept[it]) {
                    kept = not_excluded(with(&self.excludes, &planes));
                }
            }
            // The cluster has no control plane yet, and members cannot join without one.
            Mode::Apply if !has_control_plane(state) && no_plane(&kept) && cluster.iter().any(|&it| kept[it]) => {
                kept = if self.excludes.is_empty() {
                    targeted(with(&self.targets, &planes[..planes.len().min(1)]))
                } else {
                    not_excluded(with(&self.excludes, &cluster))
                };
            }
            _ => {}
        }
        Chosen(Some(all.iter().zip(kept).filter(|(_, kept)| *kept).map(|(address, _)| (*address).clone()).collect()))
    }
}

fn numbers(all: &[&Address], which: impl Fn(&Address) -> bool) -> Vec<usize> {
    (0..all.len()).filter(|&number| which(all[number])).collect()
}

/// Whether what goes takes along what once needed it. On a load balancer or a control plane of another host it stands no
/// more than on each of the others that are left.
fn is_alone(need: &Address, by: &Address) -> bool {
    let own = need.host() == by.host() || (by.host().is_cluster() && by.component() == "nodes");
    own || !(need.is_virtual_ip() || need.is_control_plane())
}

fn has_control_plane(state: &State) -> bool {
    state.resources.keys().any(Address::is_control_plane)
}

/// Cluster-wide resources and members of the cluster.
fn of_the_cluster(address: &Address) -> bool {
    address.host().is_cluster() || address.is_member()
}

/// The patterns of an option that match none of these addresses, with suggestions.
pub(super) fn names_nothing(option: &str, patterns: &[Pattern], all: &BTreeSet<&Address>) -> Vec<Unmatched> {
    let nothing = patterns.iter().filter(|pattern| !all.iter().any(|address| pattern.matches(address)));
    let told = |pattern: &Pattern| Unmatched {
        option: format!("{option} {}", pattern.as_str()),
        near: near::patterns(pattern, all),
    };
    nothing.map(told).collect()
}

/// Declared resources by number, then recorded resources that are no longer declared.
fn addresses<'a>(graph: &'a Graph, state: &'a State) -> impl Iterator<Item = &'a Address> {
    let declared = graph.items().iter().map(|item| &item.address);
    declared.chain(state.resources.keys().filter(|address| graph.number(address).is_none()))
}

/// From what must come first to what comes after, as far as a need counts of something recorded.
fn edges(all: &[&Address], graph: &Graph, state: &State, counts: fn(&Address, &Address) -> bool) -> Edges {
    let numbers: HashMap<&Address, usize> =
        all.iter().enumerate().map(|(number, address)| (*address, number)).collect();
    let undeclared = |address: &Address| numbers.get(address).copied().filter(|&number| number >= graph.len());
    let mut pairs: Vec<(usize, usize)> =
        (0..graph.len()).flat_map(|first| graph.dependents(first).iter().map(move |&after| (first, after))).collect();
    for (address, record) in &state.resources {
        let needs = record.needs.iter().filter(|need| counts(need, address)).filter_map(&undeclared);
        pairs.extend(needs.map(|need| (numbers[address], need)));
    }
    // The same thing under two addresses: the old record goes after the new one has inherited it.
    let mut heirs: HashMap<Identity<'_>, usize> = HashMap::new();
    for (number, address) in all[..graph.len()].iter().enumerate() {
        heirs.entry(Identity::of(address)).or_insert(number);
    }
    let olds = (graph.len()..all.len()).filter_map(|old| Some((*heirs.get(&Identity::of(all[old]))?, old)));
    pairs.extend(olds);
    pairs.extend(departure::recorded(graph, state).into_iter().map(|(first, after)| (numbers[first], numbers[after])));
    Edges::new(all.len(), &pairs)
}
