//! The value that planning starts from.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::resource::{Address, HostFacts, HostName, ProbeError, Seen};

/// The answers of the hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactSet {
    /// Base facts of every host that answered.
    pub hosts: BTreeMap<HostName, HostFacts>,
    /// The result of every probe. Resources of hosts that did not answer are missing.
    pub seen: BTreeMap<Address, Result<Arc<Seen>, ProbeError>>,
    /// Hosts that did not answer, and why.
    pub unreached: BTreeMap<HostName, String>,
}

impl FactSet {
    /// The observation at an address, or why it is unknown.
    pub fn look(&self, address: &Address) -> Result<&Arc<Seen>, String> {
        match self.seen.get(address) {
            Some(Ok(seen)) => Ok(seen),
            Some(Err(error)) => Err(error.to_string()),
            None => Err(match self.unreached.get(address.host()) {
                Some(why) => why.clone(),
                None => format!("`{address}` was not checked"),
            }),
        }
    }

    /// Whether nothing is known because a host did not answer, rather than because it answered
    /// oddly.
    pub fn is_unreached(&self, address: &Address) -> bool {
        match self.seen.get(address) {
            Some(Err(ProbeError::Unreachable { .. })) => true,
            Some(_) => false,
            None => self.unreached.contains_key(address.host()),
        }
    }

    /// Hosts that carry an IPv4 address right now, in name order.
    pub fn holders(&self, address: Ipv4Addr) -> Vec<&HostName> {
        self.hosts.iter().filter(|(_, facts)| facts.interface_of(address).is_some()).map(|(host, _)| host).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::testing::absent;

    #[test]
    fn what_is_not_known_says_why() {
        let [known, unexpected, far, never] =
            ["a/c/k", "a/c/o", "b/c/k", "a/c/n"].map(|text| text.parse::<Address>().unwrap());
        let facts = FactSet {
            seen: [(known.clone(), Ok(absent().into())), (unexpected.clone(), Err(ProbeError::unexpected("7")))].into(),
            unreached: [(HostName::new("b"), "no route".into())].into(),
            ..FactSet::default()
        };
        assert_eq!(facts.look(&known), Ok(&absent().into()));
        assert_eq!(facts.look(&unexpected).unwrap_err(), "unexpected probe output: 7");
        assert_eq!(facts.look(&far).unwrap_err(), "no route");
        assert_eq!(facts.look(&never).unwrap_err(), "`a/c/n` was not checked");
        assert_eq!(
            [&known, &unexpected, &far, &never].map(|address| facts.is_unreached(address)),
            [false, false, true, false]
        );
    }
}
