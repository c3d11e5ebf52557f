//! Hosts, state and declarations in memory, and what carrying out a plan does to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Change, Inputs, Mode, Plan};
use crate::facts::FactSet;
use crate::graph::Graph;
use crate::kinds;
use crate::plan::Selection;
use crate::resource::testing::{Thing, absent, decode, seen};
use crate::resource::{Action, Address, AnyKind, Declared, DigestKey, HostName, Observation, Pattern, Prior, Seen};
use crate::state::{FORMAT, Record, State, Status};

/// Everything that planning looks at.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) declared: Vec<Declared>,
    pub(super) state: State,
    pub(super) facts: FactSet,
    pub(super) guards: Vec<Pattern>,
    pub(super) vip: Option<Ipv4Addr>,
    pub(super) control_planes: Vec<HostName>,
    pub(super) selection: Selection,
    pub(super) moved: BTreeMap<Address, Address>,
    /// What was on the hosts before mainstay came.
    pub(super) untouched: BTreeMap<Address, Observation>,
}

impl Default for World {
    fn default() -> Self {
        let state = State {
            format: FORMAT,
            lineage: "lineage".into(),
            serial: 1,
            cluster: "prod".into(),
            salt: "salt".into(),
            hosts: BTreeMap::new(),
            pod_ranges: BTreeMap::new(),
            resources: BTreeMap::new(),
            reactions: BTreeMap::new(),
            guards: BTreeSet::new(),
        };
        let (declared, facts, untouched) = (Vec::new(), FactSet::default(), BTreeMap::new());
        let selection = Selection::default();
        Self {
            declared,
            state,
            facts,
            guards: Vec::new(),
            vip: None,
            control_planes: Vec::new(),
            selection,
            moved: BTreeMap::new(),
            untouched,
        }
    }
}

pub(super) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(super) fn thing(key: &str, value: &str) -> Thing {
    Thing::new(key, value)
}

fn addresses(texts: &[&str]) -> BTreeSet<Address> {
    texts.iter().map(|text| address(text)).collect()
}

impl World {
    /// Declares a thing; its host answers, and nothing is there unless that was said before.
    pub(super) fn declare(&mut self, name: &str, value: &str, needs: &[&str], reacts_to: &[&str]) -> &mut Self {
        let address = address(name);
        self.facts.hosts.entry(address.host().clone()).or_default();
        self.facts.seen.entry(address.clone()).or_insert_with(|| Ok(absent().into()));
        self.declared.push(Declared {
            resource: Arc::new(thing(address.key().unwrap_or_default(), value)),
            address,
            needs: addresses(needs).into_iter().chain(addresses(reacts_to)).collect(),
            reacts_to: addresses(reacts_to),
            lane: None,
            made_from: crate::resource::MadeFrom::default(),
            source: "/source".into(),
            guessed: false,
            turn: None,
        });
        self
    }

    /// Says what is on a host.
    pub(super) fn hosts(&mut self, name: &str, seen: Seen) -> &mut Self {
        self.facts.seen.insert(address(name), Ok(seen.into()));
        self
    }

    /// Records a thing that mainstay made where nothing was, and puts it there.
    pub(super) fn made(&mut self, name: &str, value: &str, needs: &[&str]) -> &mut Self {
        let key = address(name).key().unwrap_or_default().to_owned();
        self.made_of(name, &thing(&key, value));
        self.state.resources.get_mut(&address(name)).unwrap().needs = addresses(needs);
        self
    }

    pub(super) fn made_of(&mut self, name: &str, thing: &dyn AnyKind) -> &mut Self {
        self.facts.hosts.entry(address(name).host().clone()).or_default();
        let observation = Observation::Present(thing.simulate());
        self.see(&address(name), observation.clone());
        let prior = Prior { before: Observation::Absent, kept: BTreeMap::new() };
        let record = self.record(thing, &observation, prior);
        self.state.resources.insert(address(name), record);
        self
    }

    /// Cuts a host off.
    pub(super) fn unreached(&mut self, host: &str) -> &mut Self {
        let host = HostName::new(host);
        self.facts.hosts.remove(&host);
        self.facts.seen.retain(|address, _| *address.host() != host);
        self.facts.unreached.insert(host, "no route".into());
        self
    }

    pub(super) fn plan(&self) -> Plan {
        self.plan_for(Mode::Apply, false)
    }

    pub(super) fn plan_for(&self, mode: Mode, forget_unreachable: bool) -> Plan {
        self.plan_with(&Graph::build(self.declared.clone()).unwrap(), mode, forget_unreachable)
    }

    pub(super) fn plan_with(&self, graph: &Graph, mode: Mode, forget_unreachable: bool) -> Plan {
        Plan::make(&Inputs {
            mode,
            graph,
            state: &self.state,
            facts: &self.facts,
            decode: &|kind, value| {
                // What is no real resource is a thing, whatever its address says.
                decode(kind, value).or_else(|_| kinds::decode(kind, value))
            },
            control_planes: &self.control_planes,
            prevent_destroy: &self.guards,
            ignore_drift: &[],
            virtual_ip: self.vip,
            moved: &self.moved,
            selection: &self.selection,
            forget_unreachable,
        })
    }

    pub(super) fn change<'a>(&self, plan: &'a Plan, name: &str) -> &'a Change {
        plan.changes.iter().find(|change| change.address == address(name)).unwrap()
    }

    /// What a run without failures leaves behind.
    pub(super) fn apply(&mut self, plan: &Plan) {
        self.state.reactions.clear();
        for change in &plan.changes {
            assert_eq!(change.problem, None, "{}", change.address);
            let address = &change.address;
            match change.action {
                Action::NoOp if !change.rerecord => {}
                Action::Destroy => {
                    let before = change.prior.as_ref().unwrap().before.clone();
                    self.see(address, before);
                    self.state.resources.remove(address);
                }
                Action::Forget => _ = self.state.resources.remove(address),
                action => {
                    let resource = change.resource.as_ref().unwrap();
                    if action.touches_host() {
                        self.see(address, Observation::Present(resource.simulate()));
                    }
                    let observation = self.facts.look(address).unwrap().observation.clone();
                    let prior = change.prior.clone().unwrap();
                    let mut record = self.record(resource.as_ref(), &observation, prior);
                    record.needs.clone_from(&change.needs);
                    self.state.resources.insert(address.clone(), record);
                }
            }
        }
    }

    /// What a run that only brings records up to date leaves behind.
    pub(super) fn refresh(&mut self, plan: &Plan) {
        for change in &plan.changes {
            let observed = change.before.as_ref().map(|seen| seen.observation.digest());
            match change.action {
                Action::Forget => _ = self.state.resources.remove(&change.address),
                Action::NoOp if !change.rerecord => {}
                _ => self.state.resources.get_mut(&change.address).unwrap().observed = observed.unwrap(),
            }
        }
    }

    fn see(&mut self, address: &Address, observation: Observation) {
        let digest = observation.digest();
        self.facts.seen.insert(address.clone(), Ok(Seen { observation, digest }.into()));
    }

    fn record(&self, resource: &dyn AnyKind, observation: &Observation, prior: Prior) -> Record {
        Record {
            version: resource.version(),
            attributes: resource.attributes().into(),
            digest: resource.digest(&DigestKey::new(self.state.salt.clone())),
            observed: observation.digest(),
            prior,
            needs: BTreeSet::new(),
            lane: None,
            made_from: crate::resource::MadeFrom::default(),
            status: Status::Ready,
        }
    }
}

/// A few things on a few hosts: each one declared or not, recorded or not, there or not, the same or
/// not, whole or interrupted, and needing some of those declared before it.
pub(super) fn any_world() -> impl Strategy<Value = World> {
    let some = (any_value(), any_value(), any_value(), any_value(), any::<bool>(), any::<u8>(), any::<u8>());
    proptest::collection::vec(some, 1..14).prop_map(|things| {
        let mut world = World::default();
        let mut declared: Vec<String> = Vec::new();
        let mut recorded: Vec<String> = Vec::new();
        for (i, (wanted, known, there, before, interrupted, needs, reacts)) in things.into_iter().enumerate() {
            let name = format!("h{}/c/thing[{i:02}]", i % 3);
            let pick = |names: &[String], bits: u8| -> Vec<String> {
                names.iter().enumerate().filter(|(i, _)| bits >> (i % 8) & 1 == 1).map(|(_, n)| n.clone()).collect()
            };
            let look = |value: &Option<String>| value.as_deref().map_or_else(absent, seen);
            if let Some(value) = &known {
                let needed = pick(&recorded, needs);
                world.made(&name, value, &needed.iter().map(String::as_str).collect::<Vec<_>>());
                let record = world.state.resources.get_mut(&address(&name)).unwrap();
                record.prior.before = look(&before).observation;
                record.status = if interrupted { Status::Interrupted } else { Status::Ready };
                recorded.push(name.clone());
            }
            world.hosts(&name, look(&there));
            if let Some(value) = &wanted {
                let (needs, reacts) = (pick(&declared, needs), pick(&declared, reacts));
                world.declare(
                    &name,
                    value,
                    &needs.iter().map(String::as_str).collect::<Vec<_>>(),
                    &reacts.iter().map(String::as_str).collect::<Vec<_>>(),
                );
                declared.push(name.clone());
            }
            // What destroy must put back: what was there before mainstay came. What was forgotten
            // because it was gone is not put back.
            let gone = known.is_some() && wanted.is_none() && there.is_none();
            let prior = if known.is_some() { look(&before) } else { look(&there) };
            if !gone {
                world.untouched.insert(address(&name), prior.observation);
            }
        }
        world
    })
}

fn any_value() -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(0.7, prop_oneof!["1", "2"])
}
