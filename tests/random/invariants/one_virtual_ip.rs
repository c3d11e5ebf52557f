//! A virtual IP is never on two healthy hosts through our own act.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mainstay::resource::HostName;

/// Who holds each address.
pub(crate) type Holders = BTreeMap<Ipv4Addr, BTreeSet<HostName>>;

/// Follows who holds virtual addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct OneVirtualIp {
    twice: bool,
}

impl OneVirtualIp {
    fn twice(holders: &Holders) -> bool {
        holders.values().any(|hosts| hosts.len() > 1)
    }

    /// This is how it is before anything of ours happens.
    pub(crate) fn before(&mut self, holders: &Holders) {
        self.twice = Self::twice(holders);
    }

    /// This is how it is after an act of ours.
    pub(crate) fn after(&mut self, act: &str, holders: &Holders) -> Result<(), String> {
        let was = std::mem::replace(&mut self.twice, Self::twice(holders));
        if was || !self.twice {
            Ok(())
        } else {
            Err(format!("one virtual IP: after {act} it is held twice: {holders:?}"))
        }
    }
}
