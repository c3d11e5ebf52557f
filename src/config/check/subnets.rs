//! The ranges of pods and services: their size, and that nothing overlaps.

use super::hosts::at_internal;
use super::values::subnet;
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

pub(super) fn check(
    written: &file::Kubernetes,
    plugin: Option<file::Plugin>,
    hosts: &[Host],
    faults: &mut Faults<'_>,
) -> Subnets {
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
        let mut fault = Fault::at(first, format!("podSubnet {pods} and serviceSubnet {services} overlap"))
            .help("choose ranges that do not overlap");
        if faults.written(second) {
            fault = fault.also(second, "overlaps with this");
        }
        faults.error(fault);
    }
    if let Some(services) = subnets.services
        && !(12..=28).contains(&services.prefix_len())
    {
        let message = format!("serviceSubnet {services} has an invalid size");
        faults.error(Fault::at(SERVICES, message).help("kubeadm accepts /12 to /28"));
    }
    hosts_outside(hosts, subnets, faults);
    if let Some(pods) = subnets.pods {
        large_enough(pods, written, plugin, hosts, faults);
    }
    subnets
}

/// The ranges with their names.
fn named(subnets: Subnets) -> impl Iterator<Item = (Ipv4Net, &'static str, &'static str)> {
    let both = [(subnets.pods, "podSubnet", PODS), (subnets.services, "serviceSubnet", SERVICES)];
    both.into_iter().filter_map(|(net, what, key)| net.map(|net| (net, what, key)))
}

/// An address that exists on the network must not be a pod's or service's.
pub(super) fn outside(address: Ipv4Addr, at: &str, subnets: Subnets, faults: &mut Faults<'_>) {
    for (net, what, key) in named(subnets).filter(|(net, ..)| net.contains(&address)) {
        let message = format!("the endpoint {address} is inside kubernetes.{what}");
        faults.error(apart(Fault::at(at, message), net, what, key, faults));
    }
}

fn hosts_outside(hosts: &[Host], subnets: Subnets, faults: &mut Faults<'_>) {
    for (net, what, key) in named(subnets) {
        let inside: Vec<&Host> = hosts.iter().filter(|host| net.contains(&host.internal_address)).collect();
        let message = match inside.as_slice() {
            [] => continue,
            [host] => format!("the address of host {} is inside kubernetes.{what}", quoted(&host.name)),
            several => format!("the addresses of {} hosts are inside kubernetes.{what}", several.len()),
        };
        let mut fault = Fault::at(at_internal(&inside[0].name, faults), message);
        for host in inside.iter().skip(1).take(2) {
            fault = fault.also(at_internal(&host.name, faults), "");
        }
        faults.error(apart(fault, net, what, key, faults));
    }
}

fn apart(fault: Fault, net: Ipv4Net, what: &str, key: &str, faults: &Faults<'_>) -> Fault {
    let name = quoted(key.rsplit('/').next().unwrap_or_default());
    let fault = fault.help(format!("{name} is {net}; choose a range that the hosts' network does not use"));
    if faults.written(key) { fault.also(key, what) } else { fault }
}

/// One /24 for every node. If the controller manager assigns the ranges, it can be configured to use smaller ones.
fn large_enough(
    pods: Ipv4Net,
    written: &file::Kubernetes,
    plugin: Option<file::Plugin>,
    hosts: &[Host],
    faults: &mut Faults<'_>,
) {
    let flags = written.controller_manager.as_ref().and_then(|c| c.extra_args.as_ref());
    let sized = flags.is_some_and(|flags| flags.contains_key("node-cidr-mask-size"));
    if sized && plugin != Some(file::Plugin::Bridge) {
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
            Fault::at(PODS, format!("podSubnet {pods} is too small for {nodes} nodes"))
                .because(format!("it has room for {room} nodes, which get a /{NODE} each"))
                .help(format!("use at least a /{needed}, for example `{wider}`")),
        );
    }
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}
