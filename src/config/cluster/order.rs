//! The order of the hosts. Their order in cluster.yaml has no effect.

use super::{Cluster, Host};
use crate::resource::HostName;

/// The default priority of the first load balancer; the next one has one less.
pub(in crate::config) const FIRST_PRIORITY: u8 = 100;

impl Cluster {
    /// Sorts the hosts: the nodes in `known` come first, in that order; the other hosts follow by name. Default VRRP
    /// priorities follow this order.
    #[must_use]
    pub fn in_order(&self, known: &[String]) -> Self {
        let mut cluster = self.clone();
        let place = |host: &Host| known.iter().position(|node| *node == host.node_name).unwrap_or(known.len());
        cluster.hosts.sort_by_cached_key(|host| {
            let name = HostName::new(&host.name);
            let (stem, number, _) = name.by_number();
            (place(host), stem.to_owned(), number, host.name.clone())
        });
        cluster.assign_priorities();
        cluster
    }

    /// Sets missing priorities: by default 100 for the first load balancer and one less for each next one. Priorities
    /// set in cluster.yaml are skipped.
    fn assign_priorities(&mut self) {
        let balancers: Vec<String> = self.load_balancers().map(|host| host.name.clone()).collect();
        let written = |host: &&Host| !host.default_priority && balancers.contains(&host.name);
        let mut taken: Vec<u8> = self.hosts.iter().filter(written).map(|host| host.priority).collect();
        let mut priority = FIRST_PRIORITY;
        for host in self.hosts.iter_mut().filter(|host| balancers.contains(&host.name)) {
            if host.default_priority {
                let mut free = priority;
                while taken.contains(&free) && free > 1 {
                    free -= 1;
                }
                host.priority = free;
                taken.push(free);
            }
            priority = priority.saturating_sub(1).max(1);
        }
    }
}
