//! Settings that no step of a kind changes, by the key of cluster.yaml that declares them.

use super::{FieldChange, HostName};

/// A declared setting that differs from the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// It is used only when the resource is created.
    AtCreation(FieldChange),
    /// It cannot change.
    Refused(Refusal),
}

impl Setting {
    /// The refusal, if it cannot change.
    pub fn refused(self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::AtCreation(_) => None,
        }
    }

    /// The change, if it is used only at creation.
    pub fn at_creation(self) -> Option<FieldChange> {
        match self {
            Self::AtCreation(change) => Some(change),
            Self::Refused(_) => None,
        }
    }
}

/// One key whose change cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    key: RefusedKey,
    /// What changes, for example `kubernetes.kubelet.maxPods: not set → 50`.
    pub change: String,
    /// Why that is not possible, and what to do instead.
    pub advice: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RefusedKey {
    Cluster(String),
    Host(&'static str),
}

impl Refusal {
    /// Of the key at this pointer.
    pub fn of(pointer: String, change: String, advice: String) -> Self {
        Self { key: RefusedKey::Cluster(pointer), change, advice }
    }

    /// Of a key of the resource's own host, for example `internalAddress`.
    pub fn of_host(key: &'static str, change: String, advice: String) -> Self {
        Self { key: RefusedKey::Host(key), change, advice }
    }

    /// The key's pointer, for a resource on this host.
    pub fn pointer(&self, host: &HostName) -> String {
        match &self.key {
            RefusedKey::Cluster(pointer) => pointer.clone(),
            RefusedKey::Host(key) => format!("/hosts/{host}/{key}"),
        }
    }

    /// All of them as one text: what changes, a line each, then what to do, once for all that have it in common.
    pub fn text(all: &[Self]) -> String {
        let mut lines: Vec<&str> = Vec::new();
        for (number, refusal) in all.iter().enumerate() {
            lines.extend(Some(refusal.change.as_str()).filter(|change| !change.is_empty()));
            if all.get(number + 1).is_none_or(|next| next.advice != refusal.advice) {
                lines.push(&refusal.advice);
            }
        }
        lines.join("\n")
    }
}
