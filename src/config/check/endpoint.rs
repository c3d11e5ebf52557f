//! Where the API is reached: a virtual IP that is nobody's, in a network where it can live, on a
//! port that is free.

use super::hosts::{at, at_internal};
use super::names;
use super::subnets::{self, Subnets};
use super::values::{NO_ADDRESS, host_address};
use crate::config::faults::{Fault, Faults};
use crate::config::file;
use crate::config::quote::quoted;
use crate::config::{Cluster, Endpoint, Host};
use ipnet::Ipv4Net;
use std::net::{IpAddr, Ipv4Addr};

const ADDRESS: &str = "/endpoint/address";
const PORT: &str = "/endpoint/port";

/// The network that hosts are taken to be in when the file does not say how large it is.
const ASSUMED: u8 = 24;

/// Ports in use on a Kubernetes node.
pub(super) const NODE_PORTS: &[(u16, &str)] = &[
    (2379, "etcd"),
    (2380, "etcd"),
    (2381, "etcd's metrics"),
    (10248, "kubelet's health check"),
    (10249, "kube-proxy's metrics"),
    (10250, "kubelet"),
    (10256, "kube-proxy's health check"),
    (10257, "the controller manager"),
    (10259, "the scheduler"),
];

/// The endpoint of mainstay's own load balancers.
pub(super) fn managed(
    written: &file::Endpoint,
    hosts: &[Host],
    balancers: &[&Host],
    subnets: Subnets,
    faults: &mut Faults<'_>,
) -> Endpoint {
    let text = written.address.as_deref().unwrap_or_default();
    let port = written.port.unwrap_or(8443);
    let (vip, prefix_len) = match written.address {
        Some(_) => virtual_ip(text, faults),
        None => (NO_ADDRESS, None),
    };
    if vip != NO_ADDRESS {
        not_a_hosts(vip, hosts, faults);
        subnets::outside(vip, ADDRESS, subnets, faults);
        reachable(vip, prefix_len, balancers, faults);
    }
    if !faults.is_broken(PORT) {
        free_port(port, balancers, faults);
    }
    Endpoint { address: vip.to_string(), vip: Some(vip), prefix_len, port }
}

/// The endpoint that somebody else's load balancer serves.
pub(super) fn external(written: &file::Endpoint, hosts: &[Host], faults: &mut Faults<'_>) -> Endpoint {
    let address = written.address.clone().unwrap_or_default();
    let port = written.port.unwrap_or(Cluster::API_PORT);
    let good = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => host_address(&address).is_ok(),
        Ok(IpAddr::V6(_)) => false,
        Err(_) => names::is_subdomain(&address) && !names::looks_like_ipv4(&address),
    };
    if written.address.is_some() && !good {
        let message = format!("{} is neither an IPv4 address nor a DNS name", quoted(&address));
        faults.broken(Fault::at(ADDRESS, message));
    }
    let planes: Vec<&Host> = hosts.iter().filter(|host| host.is_control_plane()).collect();
    let owner = planes.iter().find(|host| [&host.address, &host.internal_address.to_string()].contains(&&address));
    if let Some(owner) = owner {
        if planes.len() > 1 {
            faults.error(
                Fault::at(ADDRESS, format!("the endpoint is the control plane {} itself", quoted(&owner.name)))
                    .because("if this host fails, the API is unreachable")
                    .also(at_internal(&owner.name, faults), "its address")
                    .help("use the load balancer's address, or remove `loadBalancer.mode` and use a virtual IP"),
            );
        } else if port != Cluster::API_PORT {
            faults.error(
                Fault::at(PORT, format!("nothing listens on port {port} of {}", quoted(&owner.name)))
                    .help(format!("the API server listens on {}", Cluster::API_PORT)),
            );
        }
    }
    Endpoint { address, vip: None, prefix_len: None, port }
}

fn virtual_ip(text: &str, faults: &mut Faults<'_>) -> (Ipv4Addr, Option<u8>) {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    match (host_address(address), prefix.map(|text| text.parse::<u8>().ok().filter(|p| (8..=30).contains(p)))) {
        (Ok(vip), None) => (vip, None),
        (Ok(vip), Some(Some(prefix))) => (vip, Some(prefix)),
        (Ok(_), Some(None)) => {
            faults.broken(
                Fault::at(ADDRESS, format!("{} has no valid prefix length", quoted(text)))
                    .help("use /8 to /30; without a prefix length, /24 is assumed"),
            );
            (NO_ADDRESS, None)
        }
        (Err(why), _) => {
            let fault = if names::is_host_name(address) {
                Fault::at(ADDRESS, format!("the endpoint {} is a name, not a virtual IP", quoted(text)))
                    .because("keepalived needs an IP address")
                    .help("use an IP address here, and add the name to `kubernetes.apiServer.certSANs`")
                    .help("or use `loadBalancer: {mode: external}` if another load balancer serves the name")
            } else {
                Fault::at(ADDRESS, format!("the endpoint {} {why}", quoted(text)))
                    .help("use an unused IPv4 address of the load balancers' network")
            };
            faults.broken(fault);
            (NO_ADDRESS, None)
        }
    }
}

fn not_a_hosts(vip: Ipv4Addr, hosts: &[Host], faults: &mut Faults<'_>) {
    for host in hosts {
        let owned = if host.internal_address == vip {
            at_internal(&host.name, faults)
        } else if host.address == vip.to_string() {
            at(&host.name, "address")
        } else {
            continue;
        };
        faults.error(
            Fault::at(ADDRESS, format!("the endpoint's address is also the address of host {}", quoted(&host.name)))
                .because("a virtual IP must not be a host's own address")
                .also(owned, "used here")
                .help(format!("use an unused address of {}", around(vip))),
        );
    }
}

/// The load balancers can only hold an address of their own network.
fn reachable(vip: Ipv4Addr, prefix_len: Option<u8>, balancers: &[&Host], faults: &mut Faults<'_>) {
    let net = Ipv4Net::new(vip, prefix_len.unwrap_or(ASSUMED)).map_or_else(|_| around(vip), |net| net.trunc());
    if vip == net.network() || vip == net.broadcast() {
        let what = if vip == net.network() { "the address of the network" } else { "the broadcast address of" };
        faults.error(
            Fault::at(ADDRESS, format!("the endpoint {vip} is {what} {net}"))
                .help("use an address between the first and the last"),
        );
        return;
    }
    let mut outside =
        balancers.iter().filter(|host| host.internal_address != NO_ADDRESS && !net.contains(&host.internal_address));
    let Some(host) = outside.next() else { return };
    let mut fault = Fault::at(ADDRESS, format!("the endpoint {vip} is outside the load balancers' network"))
        .because(format!("is in {net}"))
        .also(at_internal(&host.name, faults), "is not");
    if prefix_len.is_some() {
        faults.error(fault.help("the load balancers and the virtual IP must be on one network segment"));
        return;
    }
    fault = fault.help(format!("use an unused address of {}", around(host.internal_address)));
    let all: Vec<Ipv4Addr> = balancers.iter().map(|host| host.internal_address).filter(|a| *a != NO_ADDRESS).collect();
    let common = enclosing(vip, &all);
    if common.prefix_len() >= 16 {
        let size = common.prefix_len();
        fault = fault.help(format!("if the network is larger, add its prefix length: `{vip}/{size}`"));
    }
    faults.error(fault);
}

/// The smallest network with all these addresses, at most a /24.
fn enclosing(first: Ipv4Addr, others: &[Ipv4Addr]) -> Ipv4Net {
    let net = |prefix| Ipv4Net::new(first, prefix).map(|net| net.trunc()).unwrap_or_default();
    let holds = |net: &Ipv4Net| others.iter().all(|address| net.contains(address));
    (0..=ASSUMED).rev().map(net).find(holds).unwrap_or_default()
}

fn around(address: Ipv4Addr) -> Ipv4Net {
    Ipv4Net::new(address, ASSUMED).map(|net| net.trunc()).unwrap_or_default()
}

/// Nothing else of the cluster listens on haproxy's port.
fn free_port(port: u16, balancers: &[&Host], faults: &mut Faults<'_>) {
    let place = if faults.written(PORT) { PORT } else { ADDRESS };
    if let Some(plane) = balancers.iter().find(|host| host.is_control_plane())
        && port == Cluster::API_PORT
    {
        faults.error(
            Fault::at(place, format!("port {port} is used by the API server on host {}", quoted(&plane.name)))
                .because("haproxy cannot use the same port")
                .also(at(&plane.name, "roles"), "runs haproxy and an API server")
                .help("use another port, for example 8443, or separate hosts with the role `load-balancer`"),
        );
        return;
    }
    if let Some(node) = balancers.iter().find(|host| host.is_node()) {
        if let Some((_, whose)) = NODE_PORTS.iter().find(|(taken, _)| *taken == port) {
            faults.error(
                Fault::at(place, format!("port {port} is used by {whose} on host {}", quoted(&node.name)))
                    .help("use another port, for example 8443"),
            );
        } else if (30000..=32767).contains(&port) {
            faults.warn(
                Fault::at(place, format!("port {port} is in the Kubernetes NodePort range"))
                    .because("a Service could use it on every node")
                    .help("use another port, for example 8443"),
            );
        }
    }
    if let Some(host) = balancers.iter().find(|host| host.ssh.port.unwrap_or(22) == port) {
        faults.error(
            Fault::at(place, format!("port {port} is used by the SSH server on host {}", quoted(&host.name)))
                .help("use another port, for example 8443"),
        );
    }
}
