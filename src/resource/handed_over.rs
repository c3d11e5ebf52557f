//! What cluster.yaml leaves to somebody else.

use std::collections::BTreeMap;

use super::address::Address;
use super::host_name::HostName;

/// Resources that mainstay no longer manages on a host that stays in cluster.yaml. Those that are recorded are
/// forgotten and left in place; what cluster.yaml takes out is destroyed instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// The component.
    pub component: &'static str,
    /// The kind; any kind when absent.
    pub kind: Option<&'static str>,
    /// The key; any key when absent.
    pub key: Option<&'static str>,
    /// The key of cluster.yaml that says so, as a JSON pointer.
    pub source: &'static str,
    /// Its value.
    pub value: &'static str,
}

impl HandedOver {
    /// Every resource of a component.
    pub const fn component(component: &'static str, source: &'static str, value: &'static str) -> Self {
        Self { component, kind: None, key: None, source, value }
    }

    /// Of those, only the ones of a kind.
    #[must_use]
    pub const fn kind(self, kind: &'static str) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Of those, only the one with a key.
    #[must_use]
    pub const fn key(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    fn covers(&self, address: &Address) -> bool {
        self.component == address.component()
            && self.kind.is_none_or(|kind| kind == address.kind())
            && self.key.is_none_or(|key| Some(key) == address.key())
    }
}

/// What is handed over, by host.
#[derive(Clone, Debug, Default)]
pub struct HandOvers(BTreeMap<HostName, Vec<HandedOver>>);

impl HandOvers {
    /// Adds what a host's part of cluster.yaml hands over.
    pub fn add(&mut self, host: &HostName, what: HandedOver) {
        self.0.entry(host.clone()).or_default().push(what);
    }

    /// What covers this address.
    pub fn of(&self, address: &Address) -> Option<&HandedOver> {
        self.0.get(address.host())?.iter().find(|it| it.covers(address))
    }
}
