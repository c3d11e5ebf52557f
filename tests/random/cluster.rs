//! A cluster as a value, and as the cluster.yaml that says the same.

use std::fmt::Write;
use std::path::Path;

use mainstay::config::{self, ConfigErrors, Loaded, Paths};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::files::manifests;
use crate::knobs::{Knobs, knobs};

/// Bits of a host's roles.
pub(crate) const CONTROL_PLANE: u8 = 1;
pub(crate) const WORKER: u8 = 2;
pub(crate) const LOAD_BALANCER: u8 = 4;

/// Bits of how a host is addressed.
pub(crate) const OTHER_ADDRESS: u8 = 1;
pub(crate) const BY_NAME: u8 = 2;
/// It had another address at some time, which may be the recorded one.
pub(crate) const MOVED: u8 = 4;

/// The bit of a host's marks that adds a label and a taint to those that are there.
pub(crate) const SECOND_MARK: u8 = 128;

/// A host as it is wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    /// The machine behind the name; the last part of its address.
    pub(crate) machine: u8,
    /// Bits; none at all means worker.
    pub(crate) roles: u8,
    /// The name of its node, where that is not the host's.
    pub(crate) node: Option<String>,
    /// Bits: labels, taints, annotations, and a second label and taint.
    pub(crate) marks: u8,
    /// Bits: another address in the cluster, and reached by a name.
    pub(crate) at: u8,
    /// Its VRRP priority; zero for none.
    pub(crate) priority: u8,
}

/// All that a cluster.yaml says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) hosts: Vec<Host>,
    pub(crate) knobs: Knobs,
    pub(crate) moved: Vec<(String, String)>,
    pub(crate) guards: Vec<String>,
    pub(crate) ignored: Vec<String>,
}

/// A host before it has a name: role, marks, priority.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed {
    pub(crate) roles: u8,
    pub(crate) marks: u8,
    pub(crate) priority: u8,
}

pub(crate) fn seed() -> impl Strategy<Value = Seed> {
    let roles = prop_oneof![4 => Just(WORKER), 4 => Just(CONTROL_PLANE), 2 => Just(LOAD_BALANCER), 2 => 1..8_u8];
    let marks = prop_oneof![5 => Just(0_u8), 2 => any::<u8>()];
    let priority = prop_oneof![9 => Just(0_u8), 1 => 1..=254_u8];
    (roles, marks, priority).prop_map(|(roles, marks, priority)| Seed { roles, marks, priority })
}

/// How many hosts; most clusters are small.
fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![400 => Just(1_usize), 300 => 2..=3_usize, 230 => 3..=6_usize, 60 => 7..=14_usize, 9 => 15..=40_usize, 1 => 41..=200_usize]
}

/// A cluster that is nearly always a valid one.
pub(crate) fn wanted() -> impl Strategy<Value = Wanted> {
    let hosts = sizes().prop_flat_map(|size| prop::collection::vec(seed(), size));
    let guards = prop_oneof![8 => Just(Vec::new()), 2 => prop::collection::vec(0..PATTERNS.len(), 1..3)];
    let ignored = prop_oneof![8 => Just(Vec::new()), 2 => prop::collection::vec(0..PATTERNS.len(), 1..3)];
    (hosts, knobs(), guards, ignored).prop_map(|(seeds, knobs, guards, ignored)| {
        let host = |(number, seed): (usize, Seed)| {
            let machine = u8::try_from(number + 1).expect("at most 200 hosts");
            // A cluster has a control plane.
            let roles = if number == 0 { seed.roles | CONTROL_PLANE } else { seed.roles };
            Host { roles, ..Host::new(machine, seed) }
        };
        let texts = |patterns: Vec<usize>| patterns.into_iter().map(|it| PATTERNS[it].to_owned()).collect();
        let hosts = seeds.into_iter().enumerate().map(host).collect();
        Wanted { hosts, knobs, moved: Vec::new(), guards: texts(guards), ignored: texts(ignored) }
    })
}

/// What guards and ignored drift may be about.
pub(crate) const PATTERNS: [&str; 8] =
    ["*/control-plane", "h1", "h2", "*/host", "*/haproxy", "cluster/network", "h*/kubernetes", "*/keepalived/file[*]"];

impl Host {
    pub(crate) fn new(machine: u8, seed: Seed) -> Self {
        let Seed { roles, marks, priority } = seed;
        Self { name: format!("h{machine}"), machine, roles, node: None, marks, at: 0, priority }
    }

    /// Its address in the cluster.
    pub(crate) fn address(&self) -> String {
        let other = if self.at & OTHER_ADDRESS == 0 { 0 } else { 128 };
        format!("10.0.0.{}", self.machine ^ other)
    }

    fn roles(&self, external: bool) -> Vec<&'static str> {
        let roles = [(CONTROL_PLANE, "control-plane"), (WORKER, "worker"), (LOAD_BALANCER, "load-balancer")];
        let has = |bit: u8| self.roles & bit != 0 && !(external && bit == LOAD_BALANCER);
        let roles: Vec<&str> = roles.into_iter().filter(|(bit, _)| has(*bit)).map(|it| it.1).collect();
        if roles.is_empty() { vec!["worker"] } else { roles }
    }

    fn json(&self, external: bool) -> Value {
        let mut all = Map::new();
        let mut put = |key: &str, value: Value| drop(all.insert(key.to_owned(), value));
        if self.at & BY_NAME == 0 {
            put("address", json!(self.address()));
        } else {
            put("address", json!(format!("h{}.example.com", self.machine)));
            put("internalAddress", json!(self.address()));
        }
        put("roles", json!(self.roles(external)));
        if let Some(node) = &self.node {
            put("nodeName", json!(node));
        }
        let (value, second) = (self.marks / 8 % 16, self.marks & SECOND_MARK != 0);
        if self.marks & 1 != 0 {
            let mut labels = Map::from_iter([("topology.kubernetes.io/zone".to_owned(), json!(format!("z{value}")))]);
            labels.extend(second.then(|| ("example.com/disk".to_owned(), json!("ssd"))));
            put("labels", Value::Object(labels));
        }
        if self.marks & 2 != 0 {
            let mut taints = vec![format!("dedicated=t{value}:NoSchedule")];
            taints.extend(second.then(|| "example.com/spot:NoExecute".to_owned()));
            put("taints", json!(taints));
        }
        if self.marks & 4 != 0 {
            put("annotations", json!({"example.com/rack": format!("r{value}")}));
        }
        let balances = self.roles & LOAD_BALANCER != 0 && !external;
        if self.priority > 0 && balances {
            put("priority", json!(self.priority));
        }
        Value::Object(all)
    }
}

/// What the cluster is called.
pub(crate) const NAME: &str = "sim";

impl Wanted {
    /// The file.
    pub(crate) fn yaml(&self) -> String {
        let external = self.knobs.is_external();
        let mut text = format!("apiVersion: mainstay/v1\nkind: Cluster\nname: {NAME}\nfleet: simulated\nhosts:\n");
        for host in &self.hosts {
            let _ = writeln!(text, "  {}: {}", host.name, host.json(external));
        }
        for (key, value) in self.knobs.sections(manifests()) {
            let _ = writeln!(text, "{key}: {value}");
        }
        if !self.guards.is_empty() {
            let _ = writeln!(text, "guards: {}", json!({"preventDestroy": self.guards}));
        }
        let moved: Vec<Value> = self.moved.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
        if !self.ignored.is_empty() || !moved.is_empty() {
            let _ = writeln!(text, "lifecycle: {}", json!({"ignoreDrift": self.ignored, "moved": moved}));
        }
        text
    }

    /// The file as mainstay reads it.
    pub(crate) fn load(&self) -> Result<Loaded, ConfigErrors> {
        load(&self.yaml())
    }
}

/// A cluster.yaml as mainstay reads it.
pub(crate) fn load(yaml: &str) -> Result<Loaded, ConfigErrors> {
    let paths = Paths { base: Path::new(".").to_owned(), home: None };
    config::load_with(yaml, "cluster.yaml", &paths)
}
