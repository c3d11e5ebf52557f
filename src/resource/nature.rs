//! Properties of resources that plans need, independent of the kind.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Properties on which guards and the order of changes depend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nature {
    /// Whether it is a long-running process; see [`super::Kind::runs`].
    pub process: bool,
    /// What its change interrupts on a running host, for people, for example `kubelet restarts`.
    pub interruption: Option<String>,
    /// The field whose change alone interrupts nothing.
    pub harmless: Option<&'static str>,
    /// The group of load balancers that share the virtual IP, if it is one of them.
    pub group: Option<BalancerGroup>,
    /// Whether it is deleted together with the member of the cluster that it needs.
    pub ends_with_member: bool,
    /// Absolute paths of files that its steps restore if it fails with the new ones.
    pub puts_back: Vec<String>,
}

/// A load balancer in a group that shares the virtual IP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalancerGroup {
    /// The shared addresses; one load balancer holds each of them at a time.
    pub addresses: BTreeSet<Ipv4Addr>,
    /// Addresses of the others; none if an earlier version recorded it.
    pub peers: Option<BTreeSet<Ipv4Addr>>,
    /// Settings that all of them must share, as `key value`, secrets masked; none if an earlier version recorded it.
    pub alike: Option<BTreeSet<String>>,
}
