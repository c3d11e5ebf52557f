//! The overview of the graph: one box for each component on a group of hosts, in execution order.
//!
//! A picture of a thousand hosts has as many boxes as one of three. Layered-layout crates place single nodes and know no
//! lanes of hosts; with so few boxes, the longest path is all the layout that is needed.

use std::collections::{BTreeMap, BTreeSet};

use super::drawing::Drawing;
use super::order::Edges;
use crate::resource::{Action, HostName};

/// More lanes than this are no picture; hosts share one then.
const LANES: usize = 10;

/// Boxes in lanes and columns.
#[derive(Clone, Debug, Default)]
pub struct Picture<'a> {
    /// Hosts of the same sort, by lane: those with the same parts. The cluster itself has its own.
    pub lanes: Vec<Vec<&'a HostName>>,
    /// Boxes, by lane and column.
    pub parts: Vec<Part<'a>>,
    /// From dependency to dependent, without transitive edges.
    pub lines: Vec<(usize, usize)>,
}

/// One box: resources of a component on the hosts of a lane.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Number of its lane.
    pub lane: usize,
    /// How many steps from the beginning.
    pub column: usize,
    /// Its position within its lane and column.
    pub row: usize,
    /// The component.
    pub component: &'a str,
    /// How many resources.
    pub resources: usize,
    /// How many of each action, in a plan.
    pub actions: BTreeMap<Action, usize>,
}

impl<'a> Drawing<'a> {
    /// The drawing from afar.
    pub fn picture(&self) -> Picture<'a> {
        let (lanes, lane_of) = self.sorts();
        let keys: Vec<(usize, &'a str)> =
            self.nodes.iter().map(|(address, _)| (lane_of[address.host()], address.component())).collect();
        let (mut part_of, count) = self.cut_at_circles(&keys);
        let columns = columns(count, &self.between(&part_of).collect());
        let mut parts: Vec<Part<'a>> = Vec::new();
        let mut numbers: Vec<Option<usize>> = vec![None; count];
        for (node, (_, action)) in self.nodes.iter().enumerate() {
            let (lane, component) = keys[node];
            let number = *numbers[part_of[node]].get_or_insert_with(|| {
                let column = columns[part_of[node]];
                parts.push(Part { lane, column, row: 0, component, resources: 0, actions: BTreeMap::new() });
                parts.len() - 1
            });
            part_of[node] = number;
            parts[number].resources += 1;
            if let Some(action) = action {
                *parts[number].actions.entry(*action).or_default() += 1;
            }
        }
        let mut rows: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for part in &mut parts {
            let row = rows.entry((part.lane, part.column)).or_default();
            part.row = *row;
            *row += 1;
        }
        Picture { lanes, lines: without_shortcuts(parts.len(), &self.between(&part_of).collect()), parts }
    }

    fn sorts(&self) -> (Vec<Vec<&'a HostName>>, BTreeMap<&'a HostName, usize>) {
        let mut components: BTreeMap<&'a HostName, BTreeSet<&'a str>> = BTreeMap::new();
        for &(address, _) in &self.nodes {
            components.entry(address.host()).or_default().insert(address.component());
        }
        let sorts = components.values().collect::<BTreeSet<_>>().len();
        let mut lanes: Vec<Vec<&'a HostName>> = Vec::new();
        let mut places: BTreeMap<(bool, Option<&BTreeSet<&'a str>>), usize> = BTreeMap::new();
        let mut lane_of = BTreeMap::new();
        for &(address, _) in &self.nodes {
            let host = address.host();
            if lane_of.contains_key(host) {
                continue;
            }
            let key = (host.is_cluster(), (sorts <= LANES).then(|| &components[host]));
            let lane = *places.entry(key).or_insert_with(|| {
                lanes.push(Vec::new());
                lanes.len() - 1
            });
            lanes[lane].push(host);
            lane_of.insert(host, lane);
        }
        (lanes, lane_of)
    }

    /// Edges between parts.
    fn between<'b>(&'b self, part_of: &'b [usize]) -> impl Iterator<Item = (usize, usize)> + 'b {
        let parts = self.edges.iter().map(|&(from, to)| (part_of[from], part_of[to]));
        parts.filter(|(from, to)| from != to)
    }

    /// A part for each key, or several where one would have to come both before and after another one: packages of
    /// Kubernetes come before a node joins, its kubelet's service after it. Yields each node's part and how many parts
    /// there are.
    fn cut_at_circles(&self, keys: &[(usize, &str)]) -> (Vec<usize>, usize) {
        let edges = Edges::new(self.nodes.len(), &self.edges);
        let mut level = vec![0_usize; self.nodes.len()];
        for node in edges.order().nodes {
            for &after in edges.from(node) {
                level[after] = level[after].max(level[node] + usize::from(keys[node] != keys[after]));
            }
        }
        let cuts: Vec<(usize, &str, usize)> =
            keys.iter().zip(&level).map(|((lane, component), level)| (*lane, *component, *level)).collect();
        let all: BTreeSet<_> = cuts.iter().copied().collect();
        let place: BTreeMap<_, usize> = all.iter().copied().enumerate().map(|(number, cut)| (cut, number)).collect();
        let part_of: Vec<usize> = cuts.iter().map(|cut| place[cut]).collect();
        let lines: BTreeSet<(usize, usize)> = self.between(&part_of).collect();
        // Cuts of the same key lie side by side; each joins the one before where that makes no circle.
        let mut joined: Vec<usize> = (0..all.len()).collect();
        let all: Vec<_> = all.into_iter().collect();
        for cut in 1..all.len() {
            let before = joined[cut - 1];
            if (all[cut].0, all[cut].1) == (all[cut - 1].0, all[cut - 1].1) {
                joined[cut] = before;
                let among: BTreeSet<_> =
                    lines.iter().map(|&(a, b)| (joined[a], joined[b])).filter(|(a, b)| a != b).collect();
                if !Edges::new(all.len(), &among.into_iter().collect::<Vec<_>>()).order().forced.is_empty() {
                    joined[cut] = cut;
                }
            }
        }
        (part_of.iter().map(|&part| joined[part]).collect(), all.len())
    }
}

/// The longest path to each part.
fn columns(parts: usize, lines: &BTreeSet<(usize, usize)>) -> Vec<usize> {
    let edges = Edges::new(parts, &lines.iter().copied().collect::<Vec<_>>());
    let mut columns = vec![0; parts];
    for part in edges.order().nodes {
        for &after in edges.from(part) {
            columns[after] = columns[after].max(columns[part] + 1);
        }
    }
    columns
}

/// Lines that do not follow from others.
fn without_shortcuts(parts: usize, lines: &BTreeSet<(usize, usize)>) -> Vec<(usize, usize)> {
    let edges = Edges::new(parts, &lines.iter().copied().collect::<Vec<_>>());
    let mut beyond: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); parts];
    for part in edges.order().nodes.into_iter().rev() {
        for &after in edges.from(part) {
            let mut reached = beyond[after].clone();
            reached.insert(after);
            beyond[part].extend(reached);
        }
    }
    let direct =
        |&(from, to): &(usize, usize)| !edges.from(from).iter().any(|&via| via != to && beyond[via].contains(&to));
    lines.iter().copied().filter(direct).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Address;

    fn picture(names: &[&str], edges: &[(usize, usize)]) -> String {
        let addresses: Vec<Address> = names.iter().map(|name| name.parse().unwrap()).collect();
        let nodes = addresses.iter().map(|address| (address, Some(Action::Create))).collect();
        let drawing = Drawing { nodes, edges: edges.to_vec() };
        let picture = drawing.picture();
        let hosts = |lane: usize| picture.lanes[lane].iter().map(|host| host.as_str()).collect::<Vec<_>>().join("+");
        let name = |part: &Part<'_>| format!("{}:{}@{}.{}", hosts(part.lane), part.component, part.column, part.row);
        let names: Vec<String> = picture.parts.iter().map(name).collect();
        let lines = picture.lines.iter().map(|(a, b)| format!("{} > {}", names[*a], names[*b]));
        let counts = names.iter().zip(&picture.parts).map(|(name, part)| format!("{name} {}", part.resources));
        counts.chain(lines).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn hosts_of_a_sort_share_a_box_and_shortcuts_are_left_out() {
        let names = ["a/x/k", "b/x/k", "a/y/k", "b/y/k", "c/x/k", "cluster/z/k"];
        insta::assert_snapshot!(picture(&names, &[(0, 2), (1, 3), (0, 5), (2, 5), (3, 5), (4, 5)]), @"
        a+b:x@0.0 2
        a+b:y@1.0 2
        c:x@0.0 1
        cluster:z@2.0 1
        a+b:x@0.0 > a+b:y@1.0
        a+b:y@1.0 > cluster:z@2.0
        c:x@0.0 > cluster:z@2.0
        ");
    }

    #[test]
    fn what_comes_before_and_after_another_part_is_two_boxes() {
        let names = ["a/kube/package[p]", "a/kube/package[q]", "a/join/k", "a/kube/service[s]", "a/kube/service[t]"];
        insta::assert_snapshot!(picture(&names, &[(0, 1), (1, 2), (2, 3), (3, 4)]), @"
        a:kube@0.0 2
        a:join@1.0 1
        a:kube@2.0 2
        a:kube@0.0 > a:join@1.0
        a:join@1.0 > a:kube@2.0
        ");
    }

    #[test]
    fn too_many_sorts_of_hosts_share_a_lane() {
        let names: Vec<String> = (0..40).flat_map(|i| [format!("h{i}/c{i}/k"), format!("h{i}/all/k")]).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(picture(&names, &[(1, 0)]).lines().all(|line| line.starts_with("h0+h1+h2+")));
    }
}
