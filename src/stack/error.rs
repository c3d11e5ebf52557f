//! Why a cluster cannot be declared.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::resource::HostName;

/// Why a cluster cannot be declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// The interface for the virtual IP is not known and the host has none with its own address.
    #[error("{host} has no interface with its address {address}: set `interface`, or correct `internalAddress`")]
    NoInterface {
        /// The host.
        host: HostName,
        /// Its own address.
        address: Ipv4Addr,
    },
    /// The interface that is named does not exist on the host, or has no IPv4 address.
    #[error("{host} has no interface {interface} with an IPv4 address")]
    NoSuchInterface {
        /// The host.
        host: HostName,
        /// The interface that is named.
        interface: String,
    },
    /// The virtual IP lies in no network of the interface, so no neighbour would ever look for it there.
    #[error("the virtual IP {vip} is not in the network {network} of {interface} on {host}")]
    OutsideNetwork {
        /// The host.
        host: HostName,
        /// Its interface.
        interface: String,
        /// The interface's network.
        network: Ipv4Net,
        /// The virtual IP.
        vip: Ipv4Addr,
    },
    /// keepalived needs an address to move.
    #[error("the load balancer keepalived-haproxy needs a virtual IP in `endpoint.address`")]
    NoVirtualIp,
    /// `loadBalancer.keepalived.authPassword` was not resolved.
    #[error("the password in `loadBalancer.keepalived.authPassword` was not read")]
    NoPassword,
    /// The manifest of the network plugin was not read.
    #[error("the manifest in `network.manifest` was not read")]
    NoManifest,
    /// A node has no range for its pods.
    #[error("{host} has no pod range")]
    NoPodRange {
        /// The host.
        host: HostName,
    },
    /// The pod subnet has fewer /24 ranges than there are nodes.
    #[error("`kubernetes.podSubnet` {subnet} has no free /24 for {host}")]
    PodSubnetFull {
        /// The host that came too late.
        host: HostName,
        /// The pod subnet.
        subnet: Ipv4Net,
    },
}
