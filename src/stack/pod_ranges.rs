//! Which pods live on which node, for the built-in network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::error::StackError;
use crate::config::Cluster;
use crate::resource::HostName;

/// Size of a node's range of pod addresses, as a prefix length.
const NODE_PREFIX: u8 = 24;

/// Gives each node a /24 of the pod subnet: the one that it has on record, else, in the order of
/// the hosts, the lowest that nobody has on record (hosts that are no longer declared neither:
/// their pods may still run).
///
/// # Errors
/// [`StackError::PodSubnetFull`] when the subnet has no range left.
pub fn assign_pod_ranges(
    cluster: &Cluster,
    recorded: &BTreeMap<HostName, Ipv4Net>,
) -> Result<BTreeMap<HostName, Ipv4Net>, StackError> {
    let subnet = cluster.kubernetes.pod_subnet;
    let taken: BTreeSet<Ipv4Net> = recorded.values().copied().collect();
    let overlaps = |range: &Ipv4Net| taken.iter().any(|t| t.contains(range) || range.contains(t));
    let ranges = subnet.subnets(NODE_PREFIX.max(subnet.prefix_len())).into_iter().flatten();
    let mut free = ranges.filter(|range| range.prefix_len() == NODE_PREFIX && !overlaps(range));
    let mut assigned = BTreeMap::new();
    for node in cluster.nodes() {
        let host = HostName::new(&node.name);
        let range = match recorded.get(&host) {
            Some(range) => *range,
            None => free.next().ok_or_else(|| StackError::PodSubnetFull { host: host.clone(), subnet })?,
        };
        assigned.insert(host, range);
    }
    Ok(assigned)
}

/// The ranges that were given to nodes before, with the nodes' addresses: as declared, else as `address_of` knows those
/// of hosts that left cluster.yaml.
pub fn recorded_pods(
    cluster: &Cluster,
    recorded: &BTreeMap<HostName, Ipv4Net>,
    address_of: impl Fn(&HostName) -> Option<Ipv4Addr>,
) -> BTreeMap<Ipv4Net, Ipv4Addr> {
    let declared: BTreeMap<&str, Ipv4Addr> =
        cluster.hosts.iter().map(|host| (host.name.as_str(), host.internal_address)).collect();
    let address = |host: &HostName| declared.get(host.as_str()).copied().or_else(|| address_of(host));
    recorded.iter().filter_map(|(host, range)| Some((*range, address(host)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::fixture;

    fn range(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn in_file_order_from_the_lowest() {
        let ranges = assign_pod_ranges(&fixture::cluster(), &BTreeMap::new()).unwrap();
        let of = |host: &str| ranges[&HostName::new(host)].to_string();
        assert_eq!(["cp1", "cp2", "cp3", "w1", "w2"].map(of), [0, 1, 2, 3, 4].map(|n| format!("10.244.{n}.0/24")));
    }

    #[test]
    fn what_is_recorded_stays_and_is_never_given_to_another() {
        let recorded = BTreeMap::from([
            (HostName::new("cp2"), range("10.244.9.0/24")),
            (HostName::new("long-gone"), range("10.244.0.0/24")),
        ]);
        let ranges = assign_pod_ranges(&fixture::cluster(), &recorded).unwrap();
        assert_eq!(ranges[&HostName::new("cp2")], range("10.244.9.0/24"));
        assert_eq!(ranges[&HostName::new("cp1")], range("10.244.1.0/24"));
        assert!(!ranges.contains_key(&HostName::new("long-gone")));
        assert_eq!(assign_pod_ranges(&fixture::cluster(), &ranges).unwrap(), ranges);
    }

    #[test]
    fn a_subnet_too_small_names_the_host_that_gets_none() {
        for (subnet, host) in [("10.244.0.0/23", "cp3"), ("10.244.0.0/26", "cp1")] {
            let mut cluster = fixture::cluster();
            cluster.kubernetes.pod_subnet = range(subnet);
            let host = HostName::new(host);
            let full = StackError::PodSubnetFull { host, subnet: range(subnet) };
            assert_eq!(assign_pod_ranges(&cluster, &BTreeMap::new()), Err(full));
        }
    }
}
