//! A virtual IP is never on two healthy hosts through our own act.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mainstay::plan::Plan;
use mainstay::resource::HostName;

/// Who holds each address.
pub(crate) type Holders = BTreeMap<Ipv4Addr, BTreeSet<HostName>>;

/// Follows who holds virtual addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct OneVirtualIp {
    twice: bool,
    unknown: BTreeSet<HostName>,
}

impl OneVirtualIp {
    /// Whom the plan could not look at cannot be told anything, and must be replaceable: where such a host is back before
    /// the others have been told that it is gone, it does not hear them.
    pub(crate) fn planned(&mut self, plan: &Plan) {
        self.unknown = plan.coverage.unreached.keys().cloned().collect();
    }

    fn twice(&self, holders: &Holders) -> bool {
        holders.values().any(|hosts| hosts.difference(&self.unknown).count() > 1)
    }

    /// This is how it is before anything of ours happens.
    pub(crate) fn before(&mut self, holders: &Holders) {
        self.twice = self.twice(holders);
    }

    /// This is how it is after an act of ours.
    pub(crate) fn after(&mut self, act: &str, holders: &Holders) -> Result<(), String> {
        let twice = self.twice(holders);
        let was = std::mem::replace(&mut self.twice, twice);
        if was || !self.twice {
            Ok(())
        } else {
            Err(format!("one virtual IP: after {act} it is held twice: {holders:?}"))
        }
    }
}
