//! Warnings about resources that stay on the hosts although mainstay no longer manages them.

use std::collections::BTreeSet;

use super::nodes::Nodes;

/// More hosts than this are counted, not named.
const NAMED: usize = 8;

/// A warning for each kind whose hand-over has consequences that its plan line does not show.
pub(super) fn warnings(nodes: &Nodes<'_>) -> Vec<String> {
    let of = |kind: &str| {
        let handed_over = nodes.all.iter().filter(|node| node.address.kind() == kind && node.is_handed_over());
        let (mut hosts, mut key) = (BTreeSet::new(), None);
        for node in handed_over {
            hosts.insert(node.address.host().as_str());
            key = key.or(node.address.key());
        }
        key.map(|key| (key, named(&hosts)))
    };
    let balancers = of("virtual_ip").map(|(address, hosts)| {
        format!(
            "haproxy and keepalived keep running on {hosts} and keep {address}, but mainstay no longer manages them: \
             they are not updated when control planes are added or removed. Stop them on all of these hosts when \
             another load balancer is ready to answer at {address}."
        )
    });
    let parameter = of("sysctl").map(|(name, hosts)| {
        format!(
            "{name} is no longer set at boot on {hosts}: add it to hostConfig.sysctls for as long as haproxy runs \
             there."
        )
    });
    let bridge = of("bridge_interface").map(|(_, hosts)| {
        format!(
            "The pod network `bridge` stays on {hosts} as it is, but mainstay no longer manages it: nodes that are \
             added later are not connected to it."
        )
    });
    balancers.into_iter().chain(parameter).chain(bridge).collect()
}

fn named(hosts: &BTreeSet<&str>) -> String {
    let mut names: Vec<&str> = hosts.iter().copied().collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let names = names.join(", ");
    if more > 0 { format!("{names} and {more} more") } else { names }
}
