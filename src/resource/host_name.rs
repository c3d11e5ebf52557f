//! The names of hosts.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer};
use serde::{Serialize, Serializer};

use super::recent::Recent;
use super::text::with_text;

thread_local! {
    static NAMES: RefCell<Recent<HostName>> = const { RefCell::new(Recent::new()) };
}

/// The name of a host in cluster.yaml, or `cluster` for cluster-wide resources.
// Shared, because every address has one: a copy costs a counter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, schemars::JsonSchema)]
#[schemars(transparent)]
pub struct HostName(Arc<str>);

impl HostName {
    /// Stands for the cluster itself; its resources are carried out on any healthy control plane.
    pub const CLUSTER: &'static str = "cluster";

    /// Takes a name that `config` has checked (DNS-1123), or one read back from state.
    pub fn new(name: impl AsRef<str>) -> Self {
        let new = |name: &str| Ok::<_, Infallible>(Self(name.into()));
        let Ok(name) = NAMES.with_borrow_mut(|names| names.of(name.as_ref(), new));
        name
    }

    /// The pseudo-host of cluster-wide resources.
    pub fn cluster() -> Self {
        Self::new(Self::CLUSTER)
    }

    /// Whether this is the pseudo-host of cluster-wide resources.
    pub fn is_cluster(&self) -> bool {
        self.as_str() == Self::CLUSTER
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without its trailing number, that number, and the name: a sort key that puts w2 before w10.
    pub fn by_number(&self) -> (&str, u64, &str) {
        let name = self.as_str();
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (stem, name[stem.len()..].parse().unwrap_or(0), name)
    }
}

impl AsRef<str> for HostName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for HostName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        with_text(deserializer, |name| Ok::<_, Infallible>(Self::new(name)))
    }
}
