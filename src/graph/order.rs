//! Edges by number, and the one order that follows from them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

/// Edges of nodes `0..n`, each from dependency to dependent. Two flat lists, so that 100,000 nodes cost no allocation
/// each.
#[derive(Clone, Debug, Default)]
pub struct Edges {
    starts: Vec<usize>,
    targets: Vec<usize>,
}

/// Nodes in the order of their edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Every node once. Among nodes that are free to run, the lowest number comes first.
    pub nodes: Vec<usize>,
    /// Nodes whose turn had to be forced, because they are on a cycle; empty for a DAG.
    pub forced: Vec<usize>,
}

impl Edges {
    /// Takes `(first, after)` pairs, in any order; the same pair may come twice.
    pub fn new(nodes: usize, pairs: &[(usize, usize)]) -> Self {
        let mut starts = vec![0; nodes + 1];
        for &(from, _) in pairs {
            starts[from + 1] += 1;
        }
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut targets = vec![0; pairs.len()];
        for &(from, to) in pairs {
            targets[next[from]] = to;
            next[from] += 1;
        }
        Self { starts, targets }
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The dependents of a node, in the order of the given pairs.
    pub fn from(&self, node: usize) -> &[usize] {
        &self.targets[self.starts[node]..self.starts[node + 1]]
    }

    /// The same edges, the other way round.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let pairs: Vec<(usize, usize)> =
            (0..self.nodes()).flat_map(|from| self.from(from).iter().map(move |&to| (to, from))).collect();
        Self::new(self.nodes(), &pairs)
    }

    /// The starts and all that comes after them.
    pub fn reach(&self, starts: Vec<usize>) -> Vec<bool> {
        let mut reached = vec![false; self.nodes()];
        let mut open = starts;
        while let Some(number) = open.pop() {
            if !std::mem::replace(&mut reached[number], true) {
                open.extend_from_slice(self.from(number));
            }
        }
        reached
    }

    /// A topological order. Deterministic. On a cycle the lowest node is forced, so every node comes exactly once in
    /// any case; only edges of cycles are not kept.
    pub fn order(&self) -> Order {
        let total = self.nodes();
        let mut waits = vec![0_usize; total];
        for &to in &self.targets {
            waits[to] += 1;
        }
        let mut free: BinaryHeap<Reverse<usize>> = (0..total).filter(|&node| waits[node] == 0).map(Reverse).collect();
        let mut taken = vec![false; total];
        let mut order = Order { nodes: Vec::with_capacity(total), forced: Vec::new() };
        let (mut lowest, mut before) = (0, None);
        while order.nodes.len() < total {
            let node = free.pop().map_or_else(
                || {
                    while taken[lowest] {
                        lowest += 1;
                    }
                    let forced = on_cycle(before.get_or_insert_with(|| self.reversed()), lowest, &taken);
                    order.forced.push(forced);
                    forced
                },
                |Reverse(node)| node,
            );
            taken[node] = true;
            order.nodes.push(node);
            for &to in self.from(node) {
                waits[to] -= 1;
                if waits[to] == 0 && !taken[to] {
                    free.push(Reverse(to));
                }
            }
        }
        order
    }
}

/// The lowest node of a cycle that is before this one, which waits for something that is not taken.
fn on_cycle(before: &Edges, node: usize, taken: &[bool]) -> usize {
    let step = |node: usize| before.from(node).iter().copied().find(|&it| !taken[it]);
    let (mut walked, mut at) = (HashSet::new(), node);
    while walked.insert(at) {
        at = step(at).unwrap_or(at);
    }
    std::iter::successors(step(at), |&it| step(it)).take_while(|&it| it != at).fold(at, usize::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_go_to_the_lowest_number() {
        let order = Edges::new(5, &[(3, 1), (1, 0), (4, 0)]).order();
        assert_eq!(order, Order { nodes: vec![2, 3, 1, 4, 0], forced: vec![] });
    }

    #[test]
    fn a_cycle_is_forced_open_at_its_lowest_node() {
        let order = Edges::new(4, &[(0, 1), (1, 2), (2, 1), (2, 3)]).order();
        assert_eq!(order, Order { nodes: vec![0, 1, 2, 3], forced: vec![1] });
    }

    #[test]
    fn what_only_comes_after_a_cycle_is_not_forced() {
        let order = Edges::new(5, &[(3, 4), (4, 3), (2, 3), (4, 1), (1, 0)]).order();
        assert_eq!(order, Order { nodes: vec![2, 3, 4, 1, 0], forced: vec![3] });
        assert_eq!(Edges::new(2, &[(0, 0), (0, 1)]).order(), Order { nodes: vec![0, 1], forced: vec![0] });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_node_comes_once_and_after_what_it_must(
            pairs in proptest::collection::vec((0_usize..30, 0_usize..30), 0..80),
        ) {
            let dag: Vec<_> = pairs.into_iter().filter(|(a, b)| a != b).map(|(a, b)| (a.max(b), a.min(b))).collect();
            let edges = Edges::new(30, &dag);
            let order = edges.order();
            let mut place = vec![usize::MAX; 30];
            for (at, &node) in order.nodes.iter().enumerate() {
                prop_assert_eq!(place[node], usize::MAX);
                place[node] = at;
            }
            prop_assert_eq!(order.nodes.len(), 30);
            prop_assert!(order.forced.is_empty());
            prop_assert!(dag.iter().all(|&(a, b)| place[a] < place[b]));
            let back = edges.reversed();
            prop_assert!(dag.iter().all(|&(a, b)| back.from(b).contains(&a)));
        }
    }
}
