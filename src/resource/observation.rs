//! What a look can find: nothing, or something. A third case does not exist; it is an error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::output::sha256_hex;

/// The observed value of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Observation<T = serde_json::Value> {
    /// The probe succeeded and the resource is absent.
    Absent,
    /// The probe succeeded and found this.
    Present(T),
}

impl<T> Observation<T> {
    /// What is there, if anything.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Absent => None,
            Self::Present(value) => Some(value),
        }
    }

    /// Maps what is there.
    pub fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Observation<U>, E> {
        Ok(match self {
            Self::Absent => Observation::Absent,
            Self::Present(value) => Observation::Present(f(value)?),
        })
    }

    /// Borrows what is there.
    pub fn as_ref(&self) -> Observation<&T> {
        match self {
            Self::Absent => Observation::Absent,
            Self::Present(value) => Observation::Present(value),
        }
    }
}

impl Observation {
    /// SHA-256 of the observation as JSON; what a record remembers of it, and what tells drift.
    pub fn digest(&self) -> String {
        sha256_hex(&serde_json::to_vec(self).expect("JSON values serialize"))
    }
}

/// One successful look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What was found.
    pub observation: Observation,
    /// Digest of the raw answer ([`super::Output::digest`]), by which the host itself can tell
    /// whether it still answers the same. Empty when no single answer stands behind it (a cluster
    /// resource concluded absent because no host is a control plane yet): nothing to compare with.
    pub digest: String,
}

/// What was there before mainstay took over the resource; destroy restores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Prior<T = serde_json::Value> {
    /// The observation before the first change.
    pub before: Observation<T>,
    /// Values recorded by steps (`@@keep NAME=VALUE` lines), for example packages installed as dependencies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
}
