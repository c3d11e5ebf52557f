//! From declarations to a checked graph.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::drawing::Drawing;
use super::order::Edges;
use crate::resource::{Address, Completion, Declared, HandOvers, HandedOver, MadeFrom};

/// Why declarations are no graph. A fault of `stack`, never of whoever writes cluster.yaml, save
/// for keys that come from there twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Two resources at one address.
    #[error("`{address}` is declared twice, from {first} and from {second}")]
    Duplicate {
        /// The address.
        address: Address,
        /// Where the first wish comes from, as a JSON pointer into cluster.yaml.
        first: String,
        /// Where the second one comes from.
        second: String,
    },
    /// A resource needs one that is not declared.
    #[error("`{address}` depends on `{needs}`, which is not declared")]
    Unknown {
        /// Who needs it.
        address: Address,
        /// The missing address.
        needs: Address,
    },
    /// Resources need each other in a circle.
    #[error("the dependencies of these resources form a cycle: {}", path(.cycle))]
    Cycle {
        /// Each needs the next, the last one the first.
        cycle: Vec<Address>,
    },
}

fn path(cycle: &[Address]) -> String {
    let names: Vec<String> = cycle.iter().chain(cycle.first()).map(|address| format!("`{address}`")).collect();
    names.join(" depends on ")
}

/// Declared resources with checked edges. Nodes are numbered in declaration order.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    items: Vec<Declared>,
    // Only looked up, never walked: its order would not be deterministic.
    numbers: HashMap<Address, usize>,
    dependents: Edges,
    needs: Edges,
    order: Vec<usize>,
    handed_over: HandOvers,
    keys: MadeFrom,
}

impl Graph {
    /// Checks and orders the declared resources. Linear, apart from the order's `log n`.
    pub fn build(items: Vec<Declared>) -> Result<Self, GraphError> {
        let mut numbers: HashMap<Address, usize> = HashMap::with_capacity(items.len());
        for (number, item) in items.iter().enumerate() {
            match numbers.entry(item.address.clone()) {
                Entry::Vacant(free) => _ = free.insert(number),
                Entry::Occupied(first) => {
                    return Err(GraphError::Duplicate {
                        address: item.address.clone(),
                        first: items[*first.get()].source.clone(),
                        second: item.source.clone(),
                    });
                }
            }
        }
        let mut pairs = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let only_reacted_to = item.reacts_to.iter().filter(|address| !item.needs.contains(address));
            for need in item.needs.iter().chain(only_reacted_to) {
                let unknown = || GraphError::Unknown { address: item.address.clone(), needs: need.clone() };
                pairs.push((*numbers.get(need).ok_or_else(unknown)?, number));
            }
        }
        let dependents = Edges::new(items.len(), &pairs);
        let order = dependents.order();
        if !order.forced.is_empty() {
            return Err(GraphError::Cycle { cycle: cycle(&items, &pairs) });
        }
        let needs = dependents.reversed();
        let (handed_over, keys) = (HandOvers::default(), MadeFrom::default());
        Ok(Self { items, numbers, dependents, needs, order: order.nodes, handed_over, keys })
    }

    /// Replaces assumed values by values from host facts.
    pub fn complete(&mut self, values: impl IntoIterator<Item = Completion>) {
        for (address, resource) in values {
            if let Some(&number) = self.numbers.get(&address) {
                let item = &mut self.items[number];
                (item.resource, item.guessed) = (resource, false);
            }
        }
    }

    /// The same graph, with the resources that cluster.yaml hands over.
    #[must_use]
    pub fn handing_over(self, handed_over: HandOvers) -> Self {
        Self { handed_over, ..self }
    }

    /// Whether a resource that is not declared belongs to somebody else now.
    pub fn handed_over(&self, address: &Address) -> Option<&HandedOver> {
        self.handed_over.of(address)
    }

    /// The same with keys of cluster.yaml, those from which nothing is made now included.
    #[must_use]
    pub fn with_keys(self, keys: MadeFrom) -> Self {
        Self { keys, ..self }
    }

    /// Keys of cluster.yaml.
    pub fn keys(&self) -> &MadeFrom {
        &self.keys
    }

    /// The same graph with this member as the creator of the cluster: cluster-wide resources come after it, and their
    /// dependencies on hosts before it.
    ///
    /// # Panics
    /// Never: the founder's dependencies are on hosts and do not depend on the cluster.
    #[must_use]
    pub fn founded_by(&self, founder: usize) -> Self {
        let mut items = self.items.clone();
        let address = items[founder].address.clone();
        let (cluster, mut needs): (BTreeSet<Address>, BTreeSet<Address>) =
            std::mem::take(&mut items[founder].needs).into_iter().partition(|need| need.host().is_cluster());
        for number in cluster.iter().filter_map(|need| self.number(need)) {
            needs.extend(items[number].needs.iter().filter(|need| !need.host().is_cluster()).cloned());
            items[number].needs.insert(address.clone());
        }
        items[founder].needs = needs;
        let built = Self::build(items).expect("a founder needs nothing that needs a cluster");
        Self { handed_over: self.handed_over.clone(), keys: self.keys.clone(), ..built }
    }

    /// Number of resources.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The resources by number.
    pub fn items(&self) -> &[Declared] {
        &self.items
    }

    /// The number of an address.
    pub fn number(&self, address: &Address) -> Option<usize> {
        self.numbers.get(address).copied()
    }

    /// The resource at an address.
    pub fn get(&self, address: &Address) -> Option<&Declared> {
        self.number(address).map(|number| &self.items[number])
    }

    /// Numbers of the dependencies of a resource.
    pub fn needs(&self, number: usize) -> &[usize] {
        self.needs.from(number)
    }

    /// Numbers of the dependents of a resource.
    pub fn dependents(&self, number: usize) -> &[usize] {
        self.dependents.from(number)
    }

    /// Every number, each after all that it needs; declaration order where that leaves a choice.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The drawing of `mainstay graph`.
    pub fn drawing(&self) -> Drawing<'_> {
        Drawing {
            nodes: self.items.iter().map(|item| (&item.address, None)).collect(),
            edges: (0..self.len()).flat_map(|from| self.dependents(from).iter().map(move |&to| (from, to))).collect(),
        }
    }
}

/// One circle, as short as possible through its first declared member.
fn cycle(items: &[Declared], pairs: &[(usize, usize)]) -> Vec<Address> {
    // Not tarjan_scc, which recurses and would overflow the stack on a circle of 100,000.
    let graph = DiGraph::<(), (), usize>::from_edges(pairs.iter().map(|&(need, number)| (number, need)));
    let mut on_cycle: Vec<Vec<NodeIndex<usize>>> = kosaraju_scc(&graph);
    on_cycle.retain(|part| part.len() > 1 || part.iter().any(|&node| graph.contains_edge(node, node)));
    let part = on_cycle.into_iter().min_by_key(|part| part.iter().min().copied()).unwrap_or_default();
    let Some(start) = part.iter().min().copied() else { return Vec::new() };
    let inside: std::collections::HashSet<NodeIndex<usize>> = part.into_iter().collect();
    let mut came_from: HashMap<NodeIndex<usize>, NodeIndex<usize>> = HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    let mut last = start;
    'search: while let Some(node) = queue.pop_front() {
        let mut next: Vec<_> = graph.neighbors(node).filter(|next| inside.contains(next)).collect();
        next.sort_unstable();
        for next in next {
            if next == start {
                last = node;
                break 'search;
            }
            if let Entry::Vacant(free) = came_from.entry(next) {
                free.insert(node);
                queue.push_back(next);
            }
        }
    }
    let mut path = vec![last];
    while let Some(&before) = path.last().filter(|&&node| node != start).and_then(|node| came_from.get(node)) {
        path.push(before);
    }
    path.iter().rev().map(|node| items[node.index()].address.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::resource::HostName;
    use crate::resource::testing::Thing;

    fn address(key: &str) -> Address {
        Address::new(HostName::new("h"), "c", "thing", Some(key))
    }

    fn item(key: &str, needs: &[&str]) -> Declared {
        Declared {
            address: address(key),
            resource: Arc::new(Thing::new(key, "1")),
            needs: needs.iter().map(|need| address(need)).collect(),
            reacts_to: BTreeSet::new(),
            lane: None,
            made_from: crate::resource::MadeFrom::default(),
            source: format!("/{key}"),
            guessed: false,
            turn: None,
        }
    }

    #[test]
    fn order_is_topological_and_else_as_declared() {
        let graph =
            Graph::build(vec![item("d", &["a"]), item("b", &[]), item("a", &[]), item("c", &["d", "b"])]).unwrap();
        let names: Vec<_> = graph.order().iter().map(|&number| graph.items()[number].address.key().unwrap()).collect();
        assert_eq!(names, ["b", "a", "d", "c"]);
        assert_eq!(graph.needs(3), [0, 1]);
        assert_eq!(graph.dependents(2), [0]);
        assert_eq!(graph.get(&address("c")).unwrap().source, "/c");
    }

    #[test]
    fn faults_name_who_and_what() {
        let error = |items| Graph::build(items).unwrap_err().to_string();
        assert_eq!(
            error(vec![item("a", &[]), Declared { source: "/x".into(), ..item("a", &[]) }]),
            "`h/c/thing[a]` is declared twice, from /a and from /x"
        );
        assert_eq!(error(vec![item("a", &["z"])]), "`h/c/thing[a]` depends on `h/c/thing[z]`, which is not declared");
        assert_eq!(
            error(vec![item("z", &["a"]), item("a", &["b"]), item("b", &["c"]), item("c", &["a"])]),
            "the dependencies of these resources form a cycle: `h/c/thing[a]` depends on `h/c/thing[b]` depends on \
             `h/c/thing[c]` depends on `h/c/thing[a]`"
        );
        assert_eq!(
            error(vec![item("a", &["a"])]),
            "the dependencies of these resources form a cycle: `h/c/thing[a]` depends on `h/c/thing[a]`"
        );
    }

    #[test]
    fn a_circle_of_many_is_found_without_recursion() {
        let many = 20_000;
        let items = (0..many).map(|i| item(&format!("{i:05}"), &[format!("{:05}", (i + 1) % many).as_str()])).collect();
        let Err(GraphError::Cycle { cycle }) = Graph::build(items) else { panic!("no circle found") };
        assert_eq!(cycle.len(), many);
    }
}
