//! The state as a value.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::{Address, HostName, Lane, Prior};

/// Version of the state file's format.
pub const FORMAT: u32 = 1;

/// Whether a recorded resource is known to be whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The last look after the last act found it as declared.
    Ready,
    /// An act was begun and its end was never recorded.
    Interrupted,
}

/// One recorded resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Version of its kind's recorded form.
    pub version: u32,
    /// Declared attributes, secrets masked.
    pub attributes: Value,
    /// Keyed digest of the declared attributes with their secrets.
    pub digest: String,
    /// SHA-256 of what the last look found, as JSON; tells drift.
    pub observed: String,
    /// What was there before.
    pub prior: Prior,
    /// What it needed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub needs: BTreeSet<Address>,
    /// Its lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// Whether it is whole.
    pub status: Status,
}

/// Everything that is remembered of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// [`FORMAT`].
    pub format: u32,
    /// UUID made with the state; two states with different lineages are of different clusters.
    pub lineage: String,
    /// Grows by one with every write of the state file.
    pub serial: u64,
    /// The cluster's name.
    pub cluster: String,
    /// Key of the digests; random.
    pub salt: String,
    /// How to reach each host that has records, as `fleet` serializes it.
    #[serde(default)]
    pub hosts: BTreeMap<HostName, Value>,
    /// Pod ranges handed out (network plugin `bridge`); never reused while recorded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_ranges: BTreeMap<HostName, Ipv4Net>,
    /// The resources.
    #[serde(default)]
    pub resources: BTreeMap<Address, Record>,
    /// Reactions owed: resources that must still act because one they react to has changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reactions: BTreeMap<Address, BTreeSet<Address>>,
}
