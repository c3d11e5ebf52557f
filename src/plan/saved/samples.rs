//! Plans to save, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Basis, Options, Origin, Saved, digest_key};
use crate::facts::FactSet;
use crate::graph::Graph;
use crate::plan::{Inputs, Mode, Plan, Selection};
use crate::resource::testing::{Thing, absent, decode, seen};
use crate::resource::{Address, Declared, Observation, Pattern, Prior};
use crate::state::{Record, State, Status};

/// Things that are declared, recorded and there.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) declared: Vec<Declared>,
    pub(super) state: State,
    pub(super) facts: FactSet,
    pub(super) mode: Mode,
    /// `lifecycle.ignoreDrift`.
    pub(super) ignored: Vec<Pattern>,
}

impl Default for World {
    fn default() -> Self {
        let mut state = State::fresh("prod", "lineage".into(), "salt".into());
        state.serial = 1;
        Self { declared: Vec::new(), state, facts: FactSet::default(), mode: Mode::Apply, ignored: Vec::new() }
    }
}

pub(super) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(super) fn basis() -> Basis {
    let files = BTreeMap::from([("network.manifest".to_owned(), "digest".to_owned())]);
    Basis { cluster_yaml: "sha".into(), files, options: Options { simulate: true, selection: Selection::default() } }
}

impl World {
    /// Declares a thing, which is not there unless that was said before.
    pub(super) fn declare(&mut self, name: &str, value: &str) -> &mut Self {
        self.declare_after(name, value, &[], &[])
    }

    pub(super) fn declare_after(&mut self, name: &str, value: &str, needs: &[&str], reacts: &[&str]) -> &mut Self {
        let address = address(name);
        self.facts.hosts.entry(address.host().clone()).or_default();
        self.facts.seen.entry(address.clone()).or_insert_with(|| Ok(absent().into()));
        let all = |names: &[&str]| -> BTreeSet<Address> { names.iter().map(|name| self::address(name)).collect() };
        self.declared.push(Declared {
            resource: Arc::new(Thing::new(address.key().unwrap_or_default(), value)),
            address,
            needs: all(&[needs, reacts].concat()),
            reacts_to: all(reacts),
            lane: None,
            made_from: crate::resource::MadeFrom::default(),
            source: "/source".into(),
            guessed: false,
            turn: None,
        });
        self
    }

    /// Says what is on a host.
    pub(super) fn hosts(&mut self, name: &str, value: &str) -> &mut Self {
        self.facts.seen.insert(address(name), Ok(seen(value).into()));
        self
    }

    /// Says that nothing is there.
    pub(super) fn gone(&mut self, name: &str) -> &mut Self {
        self.facts.seen.insert(address(name), Ok(absent().into()));
        self
    }

    /// Records a thing with this value, and puts it there.
    pub(super) fn made(&mut self, name: &str, value: &str) -> &mut Self {
        let key = address(name).key().unwrap_or_default().to_owned();
        let resource: Arc<dyn crate::resource::AnyKind> = Arc::new(Thing::new(&key, value));
        let record = Record {
            version: resource.version(),
            attributes: resource.attributes().into(),
            digest: resource.digest(&self.state.digest_key()),
            observed: seen(value).observation.digest(),
            prior: Prior { before: Observation::Absent, kept: BTreeMap::new() },
            needs: BTreeSet::new(),
            lane: None,
            made_from: crate::resource::MadeFrom::default(),
            status: Status::Ready,
        };
        self.state.resources.insert(address(name), record);
        self.hosts(name, value)
    }

    pub(super) fn unreached(&mut self, host: &str) -> &mut Self {
        let host = crate::resource::HostName::new(host);
        self.facts.hosts.remove(&host);
        self.facts.seen.retain(|address, _| *address.host() != host);
        self.facts.unreached.insert(host, "no route".into());
        self
    }

    pub(super) fn plan(&self) -> Plan {
        Plan::make(&Inputs {
            mode: self.mode,
            graph: &Graph::build(self.declared.clone()).unwrap(),
            state: &self.state,
            facts: &self.facts,
            decode: &decode,
            control_planes: &[],
            prevent_destroy: &[],
            ignore_drift: &self.ignored,
            virtual_ip: None,
            moved: &BTreeMap::new(),
            selection: &Selection::default(),
            forget_unreachable: false,
        })
    }

    pub(super) fn saved(&self) -> Saved {
        let origin = Origin { file: "cluster.yaml".into(), lines: BTreeMap::from([("/source".to_owned(), 7)]) };
        Saved::of(&self.plan(), &digest_key(&self.state), basis(), origin)
    }
}
