//! All that a plan is made from, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mainstay::config::{self, Cluster};
use mainstay::facts::FactSet;
use mainstay::graph::Graph;
use mainstay::kinds;
use mainstay::plan::{Inputs, Mode, Plan, Selection};
use mainstay::resource::{Action, Declared, HostFacts, HostName, Interface, Observation, Prior, Seen};
use mainstay::stack;
use mainstay::state::{Record, State, Status};

use crate::fixture::cluster_yaml;

/// Before the first apply, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is there, everything is created.
    First,
    /// Everything is there and recorded, nothing is to be done.
    Again,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Again => "nothing-to-do",
        }
    }

    pub(crate) fn of(name: &str) -> Self {
        if name == Self::First.name() { Self::First } else { Self::Again }
    }
}

/// A cluster, what its hosts say, and what is on record.
pub(crate) struct World {
    phase: Phase,
    cluster: Cluster,
    control_planes: Vec<HostName>,
    pod_ranges: BTreeMap<HostName, ipnet::Ipv4Net>,
    facts: FactSet,
    state: State,
}

const MANIFEST: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: net}\n";

impl World {
    pub(crate) fn new(phase: Phase, hosts: usize) -> Self {
        let loaded = config::load(&cluster_yaml(hosts), "cluster.yaml", Path::new("/bench")).expect("it has no faults");
        let cluster = loaded.cluster;
        let debian = |host: &config::Host| HostFacts {
            package_manager: "apt".into(),
            interfaces: vec![Interface { name: "eth0".into(), address: host.internal_address, prefix: 8 }],
            ..HostFacts::default()
        };
        let all = cluster.hosts.iter().map(|host| (HostName::new(&host.name), debian(host))).collect();
        let control_planes = cluster.control_planes().map(|host| HostName::new(&host.name)).collect();
        let state = State::fresh("bench", "11111111-2222-4333-8444-555555555555".into(), "5a17".repeat(16));
        let facts = FactSet { hosts: all, ..FactSet::default() };
        let pod_ranges = stack::assign_pod_ranges(&cluster, &BTreeMap::new()).expect("the subnet is wide enough");
        let mut world = Self { phase, cluster, control_planes, pod_ranges, facts, state };
        world.look();
        world
    }

    /// What every look has found, and what the first apply recorded.
    fn look(&mut self) {
        let key = self.state.digest_key();
        for item in self.declare() {
            let observation = match self.phase {
                Phase::First => Observation::Absent,
                Phase::Again => Observation::Present(item.resource.simulate()),
            };
            if self.phase == Phase::Again {
                let record = Record {
                    version: item.resource.version(),
                    attributes: item.resource.attributes().into(),
                    digest: item.resource.digest(&key),
                    observed: observation.digest(),
                    prior: Prior { before: Observation::Absent, kept: BTreeMap::new() },
                    needs: item.needs.clone(),
                    lane: item.lane.clone(),
                    made_from: mainstay::resource::MadeFrom::default(),
                    status: Status::Ready,
                };
                self.state.resources.insert(item.address.clone(), record);
                self.state.serial = 1;
            }
            self.facts.seen.insert(item.address, Ok(Seen { observation, digest: "0".repeat(64) }.into()));
        }
    }

    /// Everything that is wanted.
    pub(crate) fn declare(&self) -> Vec<Declared> {
        let inputs = stack::Inputs {
            pod_ranges: &self.pod_ranges,
            pods_before: &BTreeMap::new(),
            vrrp_password: None,
            manifest: Some(MANIFEST),
            recorded: &stack::Recorded::default(),
        };
        let mut declared = stack::declare(&self.cluster, &inputs).expect("nothing contradicts it");
        declared.complete(stack::complete(&self.cluster, &inputs, &self.facts.hosts).expect("nothing contradicts it"));
        declared.into_items()
    }

    pub(crate) fn graph(declared: Vec<Declared>) -> Graph {
        Graph::build(declared).expect("the stack declares a graph")
    }

    pub(crate) fn plan(&self, graph: &Graph) -> Plan {
        Plan::make(&Inputs {
            mode: Mode::Apply,
            graph,
            state: &self.state,
            facts: &self.facts,
            decode: &kinds::decode,
            control_planes: &self.control_planes,
            prevent_destroy: &[],
            ignore_drift: &[],
            virtual_ip: self.cluster.endpoint.vip,
            moved: &BTreeMap::new(),
            selection: &Selection::default(),
            forget_unreachable: false,
        })
    }

    /// A fast plan that is wrong would be no figure.
    pub(crate) fn is_as_expected(&self, plan: &Plan) {
        let wanted = match self.phase {
            Phase::First => Action::Create,
            Phase::Again => Action::NoOp,
        };
        let other = plan.changes.iter().find(|it| it.action != wanted || it.problem.is_some() || it.rerecord);
        assert!(other.is_none(), "{other:?}");
        let addresses: BTreeSet<_> = plan.changes.iter().map(|change| &change.address).collect();
        assert_eq!(addresses.len(), self.facts.seen.len());
    }
}
