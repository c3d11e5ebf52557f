//! No API server is reset while a load balancer that stays still sends clients to it.

use std::collections::{BTreeMap, BTreeSet};

use mainstay::plan::Plan;
use mainstay::resource::{Action, HostName};

/// Follows which API servers the load balancers know.
#[derive(Clone, Debug, Default)]
pub(crate) struct DroppedFirst {
    /// Load balancers that stay and can be told.
    pub(crate) stay: BTreeSet<HostName>,
    /// Control planes that leave.
    pub(crate) leaving: BTreeSet<HostName>,
    pub(crate) servers: BTreeSet<HostName>,
}

impl DroppedFirst {
    /// What a plan means for them.
    pub(crate) fn planned(&mut self, plan: &Plan) {
        let haproxy =
            plan.changes.iter().filter(|it| it.address.component() == "haproxy" && it.address.kind() == "service");
        let stays = haproxy.filter(|it| it.problem.is_none() && !matches!(it.action, Action::Destroy | Action::Forget));
        self.stay = stays.map(|it| it.address.host().clone()).collect();
        let kubeadm = plan.changes.iter().filter(|it| it.address.is_member());
        let leaves = kubeadm.filter(|it| match (it.action, it.address.component()) {
            (Action::Destroy, "control-plane") => true,
            (Action::Replace, "worker") => plan.control_planes.contains(it.address.host()),
            _ => false,
        });
        self.leaving = leaves.map(|it| it.address.host().clone()).collect();
    }

    /// This is how it is before anything of ours happens.
    pub(crate) fn before(&mut self, servers: BTreeSet<HostName>) {
        self.servers = servers;
    }

    /// This is how it is after an act of ours.
    pub(crate) fn after(
        &mut self,
        act: &str,
        servers: &BTreeSet<HostName>,
        backends: &BTreeMap<HostName, BTreeSet<HostName>>,
    ) -> Result<(), String> {
        let gone: Vec<&HostName> = self.servers.difference(servers).filter(|it| self.leaving.contains(*it)).collect();
        for (balancer, known) in backends.iter().filter(|(host, _)| self.stay.contains(*host)) {
            if let Some(host) = gone.iter().find(|host| known.contains(**host)) {
                return Err(format!("dropped first: after {act} haproxy on {balancer} still sends clients to {host}"));
            }
        }
        Ok(())
    }
}
