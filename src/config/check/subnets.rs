//! The ranges of pods and services: their size, and that nothing overlaps.

use super::hosts::at_internal;
use super::values::{NO_ADDRESS, subnet};
use crate::config::Host;
use crate::config::faults::{Fault, Faults};
use crate::config::file;
use crate::config::quote::quoted;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

pub(super) const PODS: &str = "/kubernetes/podSubnet";
pub(super) const SERVICES: &str = "/kubernetes/serviceSubnet";

/// Prefix length of the range that every node gets.
const NODE: u8 = 24;

/// The two ranges; `None` where the file's was refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subnets {
    pub(super) pods: Option<Ipv4Net>,
    pub(super) services: Option<Ipv4Net>,
}

pub(super) fn check(written: &file::Kubernetes, hosts: &[Host], faults: &mut Faults<'_>) -> Subnets {
    let pods = written.pod_subnet.as_deref().unwrap_or("10.244.0.0/16");
    let services = written.service_subnet.as_deref().unwrap_or("10.96.0.0/12");
    let subnets = Subnets {
        pods: subnet(pods, PODS, faults).filter(|_| !faults.is_broken(PODS)),
        services: subnet(services, SERVICES, faults).filter(|_| !faults.is_broken(SERVICES)),
    };
    if let (Some(pods), Some(services)) = (subnets.pods, subnets.services)
        && overlap(pods, services)
    {
        let (first, second) = if faults.written(PODS) { (PODS, SERVICES) } else { (SERVICES, PODS) };
        let mut fault = Fault::at(first, format!("the pods' range {pods} and the services' {services} overlap"))
            .help("an address would be a pod's and a service's at once; take ranges that are apart");
        if faults.written(second) {
            fault = fault.also(second, "overlaps with this");
        }
        faults.error(fault);
    }
    if let Some(services) = subnets.services
        && !(12..=28).contains(&services.prefix_len())
    {
        let message = format!("the services' range {services} has the wrong size");
        faults.error(Fault::at(SERVICES, message).help("kubeadm takes a /12 to a /28"));
    }
    for host in hosts.iter().filter(|host| host.internal_address != NO_ADDRESS) {
        outside(host.internal_address, &at_internal(&host.name, faults), "a host", subnets, faults);
    }
    if let Some(pods) = subnets.pods {
        large_enough(pods, written, hosts, faults);
    }
    subnets
}

/// An address that exists on the network must not be a pod's or service's.
pub(super) fn outside(address: Ipv4Addr, at: &str, whose: &str, subnets: Subnets, faults: &mut Faults<'_>) {
    for (net, what, key) in [(subnets.pods, "pods", PODS), (subnets.services, "services", SERVICES)] {
        let Some(net) = net.filter(|net| net.contains(&address)) else {
            continue;
        };
        let name = quoted(key.rsplit('/').next().unwrap_or_default());
        let mut fault = Fault::at(at, format!("the address {address} of {whose} lies in the range of the {what}"))
            .help(format!("{name} is {net}; take a range that the hosts' network does not use"));
        if faults.written(key) {
            fault = fault.also(key, format!("the range of the {what}"));
        }
        faults.error(fault);
    }
}

/// One /24 for every node.
fn large_enough(pods: Ipv4Net, written: &file::Kubernetes, hosts: &[Host], faults: &mut Faults<'_>) {
    let flags = written.controller_manager.as_ref().and_then(|c| c.extra_args.as_ref());
    if flags.is_some_and(|flags| flags.contains_key("node-cidr-mask-size")) {
        return;
    }
    let nodes = hosts.iter().filter(|host| host.is_node()).count();
    let room = match pods.prefix_len() {
        prefix if prefix > NODE => 0,
        prefix => 1_usize << (NODE - prefix),
    };
    if nodes > room {
        let needed = (0..=NODE).rev().find(|prefix| (1_usize << (NODE - prefix)) >= nodes).unwrap_or_default();
        let wider = Ipv4Net::new(pods.addr(), needed).map_or(pods, |net| net.trunc());
        faults.error(
            Fault::at(PODS, format!("the pods' range {pods} is too small for {nodes} nodes"))
                .because(format!("holds {room} of the /{NODE} ranges that nodes get"))
                .help(format!("take at least a /{needed}, for example `{wider}`")),
        );
    }
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}
