//! What is wanted: resources with their edges, as `stack` declares them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::handed_over::{HandOvers, HandedOver};
use super::host_name::HostName;
use super::kind::{AnyKind, Kind};
use super::made_from::{Key, MadeFrom};

/// Resources of the same lane change one at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// Control planes join and leave one at a time.
    ControlPlane,
    /// Load balancers change one host at a time; several can be created at once.
    LoadBalancer,
    /// A host's package manager does one thing at a time.
    Packages(HostName),
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ControlPlane => f.write_str("one control plane at a time"),
            Self::LoadBalancer => f.write_str("one load balancer at a time"),
            Self::Packages(host) => write!(f, "one package step at a time on {host}"),
        }
    }
}

/// On which hosts at a time something changes that interrupts what runs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// On one control plane after another, before the workers.
    ControlPlane,
    /// On so many workers at once.
    Worker {
        /// How many.
        at_once: usize,
    },
}

/// A resource with the value that facts of its host decide, by its address.
pub type Completion = (Address, Arc<dyn AnyKind>);

/// One declared resource.
#[derive(Clone, Debug)]
pub struct Declared {
    /// Its name.
    pub address: Address,
    /// Its desired state.
    pub resource: Arc<dyn AnyKind>,
    /// What must be right before it.
    pub needs: BTreeSet<Address>,
    /// Those among its needs at whose change it acts, too (a service reloads when its file changes).
    pub reacts_to: BTreeSet<Address>,
    /// Its lane, if any.
    pub lane: Option<Lane>,
    /// Where in cluster.yaml the wish comes from, as a JSON pointer, for example `/endpoint/port`.
    pub source: String,
    /// The keys of cluster.yaml that its value comes from.
    pub made_from: MadeFrom,
    /// Whether its value is assumed, because facts of its host decide it and the host has not answered.
    pub guessed: bool,
    /// Set where its change interrupts what runs on its host, so that running hosts take turns.
    pub turn: Option<Turn>,
}

/// All that is declared, in declaration order.
#[derive(Clone, Debug, Default)]
pub struct Declarations {
    items: Vec<Declared>,
    handed_over: HandOvers,
    keys: MadeFrom,
}

/// A resource just declared, to which edges may be added.
#[derive(Debug)]
pub struct Declaring<'a> {
    item: &'a mut Declared,
}

impl Declarations {
    /// Declares a resource.
    pub fn declare<K: Kind>(&mut self, host: &HostName, component: &str, source: &str, resource: K) -> Declaring<'_> {
        let address = Address::new(host.clone(), component, K::NAME, Kind::key(&resource).as_deref());
        self.items.push(Declared {
            address,
            resource: Arc::new(resource),
            needs: BTreeSet::new(),
            reacts_to: BTreeSet::new(),
            lane: None,
            source: source.to_owned(),
            made_from: MadeFrom::default(),
            guessed: false,
            turn: None,
        });
        Declaring { item: self.items.last_mut().expect("an item was pushed just now") }
    }

    /// Declares what mainstay no longer manages on a host.
    pub fn hand_over(&mut self, host: &HostName, what: HandedOver) {
        self.handed_over.add(host, what);
    }

    /// Says what cluster.yaml has in keys from which nothing may be made now.
    pub fn know(&mut self, keys: MadeFrom) {
        self.keys = keys;
    }

    /// Keys of cluster.yaml, as far as they were said.
    pub fn keys(&self) -> &MadeFrom {
        &self.keys
    }

    /// Everything declared.
    pub fn items(&self) -> &[Declared] {
        &self.items
    }

    /// Replaces assumed values by values from host facts.
    pub fn complete(&mut self, values: Vec<Completion>) {
        let mut values: BTreeMap<Address, Arc<dyn AnyKind>> = values.into_iter().collect();
        for item in self.items.iter_mut().filter(|item| item.guessed) {
            if let Some(resource) = values.remove(&item.address) {
                (item.resource, item.guessed) = (resource, false);
            }
        }
    }

    /// Takes the items out.
    pub fn into_items(self) -> Vec<Declared> {
        self.items
    }

    /// Takes the items out, and what is handed over.
    pub fn into_parts(self) -> (Vec<Declared>, HandOvers) {
        (self.items, self.handed_over)
    }
}

impl Declaring<'_> {
    /// Adds things that must be right before it.
    #[must_use]
    pub fn needs<'b>(self, others: impl IntoIterator<Item = &'b Address>) -> Self {
        self.item.needs.extend(others.into_iter().cloned());
        self
    }

    /// Adds things that it needs and at whose change it acts.
    #[must_use]
    pub fn reacts_to<'b>(self, others: impl IntoIterator<Item = &'b Address>) -> Self {
        for other in others {
            self.item.needs.insert(other.clone());
            self.item.reacts_to.insert(other.clone());
        }
        self
    }

    /// Puts it into a lane.
    #[must_use]
    pub fn lane(self, lane: Lane) -> Self {
        self.item.lane = Some(lane);
        self
    }

    /// Says which keys of cluster.yaml its value comes from.
    #[must_use]
    pub fn made_from<'b>(self, keys: impl IntoIterator<Item = &'b Key>) -> Self {
        self.item.made_from = keys.into_iter().cloned().collect();
        self
    }

    /// Says that its change interrupts what runs on its host.
    #[must_use]
    pub fn turn(self, turn: Turn) -> Self {
        self.item.turn = Some(turn);
        self
    }

    /// Marks its value as assumed until its host answers.
    #[must_use]
    pub fn guessed(self) -> Self {
        self.item.guessed = true;
        self
    }

    /// Its address, for the edges of others.
    pub fn address(self) -> Address {
        self.item.address.clone()
    }
}
