//! Random graphs of several shapes, and the graph of a real cluster.

use std::collections::BTreeMap;

use mainstay::plan::Plan;
use mainstay::resource::{HostName, Lane};

use crate::jobs::Graph;
use crate::random::Random;
use crate::world::{Phase, World};

/// Makes a graph.
pub(crate) type Shape = fn(&mut Random) -> Graph;

/// Every shape by its name.
pub(crate) const SHAPES: [(&str, Shape); 9] = [
    ("cluster", cluster),
    ("cluster, 8 hosts", narrow_cluster),
    ("layers", layers),
    ("sparse", sparse),
    ("chains", chains),
    ("fork and join", fork_and_join),
    ("independent", independent),
    ("lanes", lanes),
    ("few hosts", few_hosts),
];

const KINDS: [&str; 8] = ["file", "file", "sysctl", "service", "service", "package", "manifest", "member"];

fn kind(random: &mut Random) -> &'static str {
    KINDS[random.below(0, KINDS.len())]
}

/// Puts a package into its host's lane, as the stack does.
fn add(graph: &mut Graph, random: &mut Random, hosts: usize, needs: Vec<usize>) -> usize {
    let (host, kind) = (random.below(0, hosts), kind(random));
    let number = graph.add(host, kind, needs);
    if kind == "package" {
        graph.lane(Lane::Packages(HostName::new(format!("h{host:04}"))));
    }
    number
}

/// The first plan of a cluster of 5 to 100 hosts, as the stack declares it.
fn cluster(random: &mut Random) -> Graph {
    let hosts = [5, 10, 25, 60, 100][random.below(0, 5)];
    of_the_stack(hosts, 64)
}

/// The same with `--parallelism 8`.
fn narrow_cluster(random: &mut Random) -> Graph {
    let hosts = [10, 25, 60][random.below(0, 3)];
    of_the_stack(hosts, 8)
}

fn of_the_stack(hosts: usize, parallelism: usize) -> Graph {
    let world = World::new(Phase::First, hosts);
    let plan = world.plan(&World::graph(world.declare()));
    of_plan(&plan, parallelism)
}

/// The order in which installers go through a cluster, each for all hosts.
const PHASES: [&str; 9] =
    ["host", "container-runtime", "kubernetes", "haproxy", "keepalived", "control-plane", "network", "worker", "nodes"];

fn of_plan(plan: &Plan, parallelism: usize) -> Graph {
    let mut graph = Graph::new(parallelism);
    let (mut numbers, mut hosts) = (BTreeMap::new(), BTreeMap::new());
    for change in &plan.changes {
        let next = hosts.len();
        let host = *hosts.entry(change.address.host()).or_insert(next);
        let kind = KNOWN.iter().find(|kind| **kind == change.address.kind()).copied().unwrap_or("file");
        let number = graph.add(host, kind, change.after.iter().map(|needed| numbers[needed]));
        // Load balancers may be created together.
        if let Some(lane) = change.lane.clone().filter(|lane| *lane != Lane::LoadBalancer) {
            graph.lane(lane);
        }
        let phase = PHASES.iter().position(|phase| *phase == change.address.component()).unwrap_or(PHASES.len());
        // kubelet's service comes last of all.
        graph.phase(if change.address.short() == "service[kubelet]" { PHASES.len() } else { phase });
        numbers.insert(&change.address, number);
    }
    graph
}

const KNOWN: [&str; 5] = ["member", "package", "manifest", "virtual_ip", "service"];

/// Layers, each job after one to three of the layer before.
fn layers(random: &mut Random) -> Graph {
    let mut graph = Graph::new(64);
    let (hosts, width) = (random.below(3, 60), random.below(4, 60));
    let mut before: Vec<usize> = Vec::new();
    for _ in 0..random.below(4, 15) {
        let mut layer = Vec::new();
        for _ in 0..width {
            let needs = (0..random.below(1, 4)).filter_map(|_| before.get(random.below(0, width)).copied()).collect();
            layer.push(add(&mut graph, random, hosts, needs));
        }
        before = layer;
    }
    graph
}

/// Each job after none to three of any earlier ones.
fn sparse(random: &mut Random) -> Graph {
    let mut graph = Graph::new(64);
    let hosts = random.below(3, 100);
    for number in 0..random.below(50, 800) {
        let needs = (0..random.below(0, 4).min(number)).map(|_| random.below(0, number)).collect();
        add(&mut graph, random, hosts, needs);
    }
    graph
}

/// A chain a host, and here and there a job that also needs one of another host.
fn chains(random: &mut Random) -> Graph {
    let mut graph = Graph::new(64);
    let mut ends: Vec<Option<usize>> = vec![None; random.below(3, 150)];
    for _ in 0..random.below(5, 20) {
        for host in 0..ends.len() {
            let other = if random.percent(10) { ends[random.below(0, ends.len())] } else { None };
            let needs: Vec<usize> = ends[host].into_iter().chain(other).collect();
            ends[host] = Some(graph.add(host, kind(random), needs));
        }
    }
    graph
}

/// One, then many, then one, some times over.
fn fork_and_join(random: &mut Random) -> Graph {
    let mut graph = Graph::new(64);
    let hosts = random.below(3, 80);
    let mut gate = add(&mut graph, random, hosts, Vec::new());
    for _ in 0..random.below(2, 8) {
        let width = random.below(2, 100);
        let between: Vec<usize> = (0..width).map(|_| add(&mut graph, random, hosts, vec![gate])).collect();
        gate = add(&mut graph, random, hosts, between);
    }
    graph
}

/// Nothing needs anything.
fn independent(random: &mut Random) -> Graph {
    let mut graph = Graph::new(random.below(2, 64));
    let hosts = random.below(2, 200);
    for _ in 0..random.below(20, 1000) {
        add(&mut graph, random, hosts, Vec::new());
    }
    graph
}

/// A third of all in two lanes that many share.
fn lanes(random: &mut Random) -> Graph {
    let mut graph = Graph::new(64);
    let hosts = random.below(3, 30);
    for number in 0..random.below(30, 300) {
        let needs: Vec<usize> = (0..random.below(0, 3).min(number)).map(|_| random.below(0, number)).collect();
        if random.percent(33) {
            graph.add(random.below(0, hosts), kind(random), needs);
            graph.lane(if random.percent(50) { Lane::ControlPlane } else { Lane::LoadBalancer });
        } else {
            add(&mut graph, random, hosts, needs);
        }
    }
    graph
}

/// Far more on each host than it may do at once.
fn few_hosts(random: &mut Random) -> Graph {
    let mut graph = Graph::new(64);
    let hosts = random.below(1, 4);
    for number in 0..random.below(100, 800) {
        let needs: Vec<usize> = (0..random.below(0, 2).min(number)).map(|_| random.below(0, number)).collect();
        graph.add(random.below(0, hosts), kind(random), needs);
    }
    graph
}
