//! The state as a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use ipnet::Ipv4Net;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::resource::{Address, DigestKey, HostName, Json, Lane, MadeFrom, Prior};

/// Version of the state file's format.
pub const FORMAT: u32 = 2;

/// Whether a recorded resource is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The final check after the last change found it as declared.
    Ready,
    /// A change was started and its end was never recorded.
    Interrupted,
}

/// One recorded resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Record {
    /// Version of the recorded form of its kind.
    pub version: u32,
    /// Declared attributes, secrets masked.
    pub attributes: Json,
    /// Keyed digest of the declared attributes with their secrets.
    pub digest: String,
    /// SHA-256 of the last observation as JSON, to detect drift.
    pub observed: String,
    /// What was there before.
    pub prior: Prior,
    /// The resources it depends on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub needs: BTreeSet<Address>,
    /// Its lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// The keys of cluster.yaml that its value came from, with digests of their values.
    #[serde(default, skip_serializing_if = "MadeFrom::is_unknown")]
    pub made_from: MadeFrom,
    /// Whether it is complete.
    pub status: Status,
}

/// Lineage and serial of a state, for compare-and-swap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// [`State::lineage`].
    pub lineage: String,
    /// [`State::serial`].
    pub serial: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "serial {} of lineage {}", self.serial, self.lineage)
    }
}

/// The state of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct State {
    /// Version of this format; a newer one is refused.
    pub format: u32,
    /// UUID created with the state; states with different lineages belong to different clusters.
    pub lineage: String,
    /// Increases by one with every write of the state file.
    pub serial: u64,
    /// The cluster's name.
    pub cluster: String,
    /// Key of the digests; random.
    pub salt: String,
    /// Connection settings of each host with state entries, as serialized by `fleet`.
    #[serde(default)]
    pub hosts: BTreeMap<HostName, Value>,
    /// Assigned pod ranges (network plugin `bridge`); not reused while recorded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<HostName, String>")]
    pub pod_ranges: BTreeMap<HostName, Ipv4Net>,
    /// The resources.
    #[serde(default, deserialize_with = "in_order")]
    pub resources: BTreeMap<Address, Record>,
    /// Pending reactions: resources that must still react because another one has changed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reactions: BTreeMap<Address, BTreeSet<Address>>,
    /// `guards.preventDestroy` as of the last apply: removing one from cluster.yaml takes effect one
    /// apply later.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub guards: BTreeSet<String>,
}

impl State {
    /// The state of a cluster of which nothing is made yet, with a random lineage and salt.
    pub fn new(cluster: &str) -> Self {
        let salt = [rand::random::<u128>(), rand::random()].map(|half| format!("{half:032x}"));
        Self::fresh(cluster, random_uuid(rand::random()), salt.concat())
    }

    /// The same with a given lineage and salt, so that a saved first plan is applied under the
    /// lineage that it was made with.
    pub fn fresh(cluster: &str, lineage: String, salt: String) -> Self {
        Self {
            format: FORMAT,
            lineage,
            serial: 0,
            cluster: cluster.to_owned(),
            salt,
            hosts: BTreeMap::new(),
            pod_ranges: BTreeMap::new(),
            resources: BTreeMap::new(),
            reactions: BTreeMap::new(),
            guards: BTreeSet::new(),
        }
    }

    /// Its lineage and serial.
    pub fn version(&self) -> Version {
        Version { lineage: self.lineage.clone(), serial: self.serial }
    }

    /// The state entry at this address.
    pub fn record(&self, address: &Address) -> Option<&Record> {
        self.resources.get(address)
    }

    /// The hosts with state entries, and `cluster` if the cluster has some.
    pub fn recorded_hosts(&self) -> BTreeSet<&HostName> {
        let mut hosts: Vec<&HostName> = self.resources.keys().map(Address::host).collect();
        hosts.dedup();
        hosts.into_iter().collect()
    }

    /// The key under which declared values are digested.
    pub fn digest_key(&self) -> DigestKey {
        DigestKey::new(self.salt.clone())
    }
}

/// Reads a map whose keys are in order: made as a whole it needs half the memory of one that grows key by key.
fn in_order<'de, D: Deserializer<'de>, K: Deserialize<'de> + Ord, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<K, V>, D::Error> {
    struct Entries<K, V>(PhantomData<(K, V)>);
    impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries.into_iter().collect())
        }
    }
    deserializer.deserialize_map(Entries(PhantomData))
}

/// A version 4 UUID of random bits.
fn random_uuid(bits: u128) -> String {
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_new_state_is_another() {
        let (a, b) = (State::new("lab"), State::new("lab"));
        assert_ne!(a.lineage, b.lineage);
        assert_ne!(a.salt, b.salt);
        assert_ne!(a.digest_key().digest(["x"]), b.digest_key().digest(["x"]));
        assert_eq!(a.salt.len(), 64);
    }

    #[test]
    fn a_lineage_is_a_version_4_uuid() {
        assert_eq!(random_uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(random_uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
