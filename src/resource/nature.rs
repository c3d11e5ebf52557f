//! What a plan must know of a resource, whatever its kind.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Properties on which guards and the order of changes depend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nature {
    /// Whether it is a process that keeps running; [`super::Kind::runs`] says whether it does.
    pub process: bool,
    /// What its change interrupts on a running host, for people, for example `kubelet restarts`.
    pub interruption: Option<String>,
    /// The field whose change alone interrupts nothing.
    pub harmless: Option<&'static str>,
    /// On a process that holds the virtual IP: the group of load balancers that hold it in turn.
    pub group: Option<BalancerGroup>,
    /// Whether it is deleted together with the member of the cluster that it needs.
    pub ends_with_member: bool,
    /// Absolute paths of files that its steps put back when it does not run with the new ones.
    pub puts_back: Vec<String>,
}

/// A load balancer as one of several that hold the virtual IP in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalancerGroup {
    /// The addresses that one of them holds at a time.
    pub addresses: BTreeSet<Ipv4Addr>,
    /// Addresses of the others; none if an earlier version recorded it.
    pub peers: Option<BTreeSet<Ipv4Addr>>,
    /// Settings that all of them must share, as `key value`, secrets masked; none if an earlier version recorded it.
    pub alike: Option<BTreeSet<String>>,
}
