//! The hosts: names, addresses, roles.

use super::values::{NO_ADDRESS, host_address};
use super::{names, node, ssh};
use crate::config::faults::{Fault, Faults};
use crate::config::file::{self, ClusterFile, HostRole};
use crate::config::paths::Paths;
use crate::config::quote::quoted;
use crate::config::{FleetKind, Host, Role, Ssh, pointer};
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

/// The hosts in the order of the file, priorities not yet assigned.
pub(super) fn check(written: &ClusterFile, paths: &Paths, faults: &mut Faults<'_>) -> Vec<Host> {
    let defaults = ssh::check(written.ssh.as_ref(), &ssh::defaults(), paths, "/ssh", faults);
    let mut hosts: Vec<Host> = Vec::new();
    for (name, written) in written.hosts.iter().flatten() {
        hosts.push(host(name, written, &defaults, paths, faults));
    }
    hosts.sort_by_cached_key(|host| faults.place(&at(&host.name, "")).start);
    unique(&hosts, faults);
    counts(&hosts, faults);
    hosts
}

/// The pointer of a host's key, or of the host for an empty key.
pub(super) fn at(host: &str, key: &str) -> String {
    match key {
        "" => pointer(["hosts", host]),
        key => pointer(["hosts", host, key]),
    }
}

/// Where the address that the cluster uses was written.
pub(super) fn at_internal(host: &str, faults: &Faults<'_>) -> String {
    let own = at(host, "internalAddress");
    if faults.written(&own) { own } else { at(host, "address") }
}

fn host(name: &str, written: &file::Host, defaults: &Ssh, paths: &Paths, faults: &mut Faults<'_>) -> Host {
    check_name(name, faults);
    let address = written.address.clone().unwrap_or_default();
    if written.address.is_some() && !names::is_host(&address) {
        let message = format!("{} is neither an address nor a host name", quoted(&address));
        let mut fault = Fault::at(at(name, "address"), message);
        if address.contains('@') {
            fault = fault.help("set the login name in `ssh.user`");
        } else if address.contains(':') {
            fault = fault.help("set the port in `ssh.port`");
        } else if address.contains('/') {
            fault = fault.help("write only the address, without a prefix length");
        }
        faults.broken(fault);
    }
    let interface = written.interface.clone();
    if interface.as_deref().is_some_and(|name| !names::is_interface(name)) {
        let message = format!("{} is not a network interface", quoted(interface.as_deref().unwrap_or_default()));
        faults.broken(
            Fault::at(at(name, "interface"), message).help("to list them, run `ip -brief address` on the host"),
        );
    }
    let roles: BTreeSet<Role> = written.roles.iter().flatten().map(|role| checked_role(*role)).collect();
    Host {
        internal_address: internal_address(name, written, faults),
        address,
        interface,
        node_name: node::name(name, written, faults),
        labels: node::labels(name, written, faults),
        taints: node::taints(name, written, &roles, faults),
        annotations: node::annotations(name, written, faults),
        ssh: ssh::check(written.ssh.as_ref(), defaults, paths, &at(name, "ssh"), faults),
        priority: written.priority.unwrap_or_default(),
        default_priority: written.priority.is_none(),
        name: name.to_owned(),
        roles,
    }
}

fn checked_role(role: HostRole) -> Role {
    match role {
        HostRole::ControlPlane => Role::ControlPlane,
        HostRole::Worker => Role::Worker,
        HostRole::LoadBalancer => Role::LoadBalancer,
    }
}

fn check_name(name: &str, faults: &mut Faults<'_>) {
    if name == "cluster" {
        faults.broken(
            Fault::key(at(name, ""), "a host cannot be named `cluster`")
                .because("resource addresses that begin with `cluster/` are reserved for the whole cluster")
                .help("choose another name, for example `cluster1`"),
        );
    } else if !names::is_label(name) {
        let message = format!("the host name {} is not a DNS-1123 label", quoted(name));
        let fault = Fault::key(at(name, ""), message)
            .help("use at most 63 lower-case letters, digits and hyphens; start and end with a letter or digit");
        let fault = match names::to_label(name) {
            Some(label) => fault.help(format!("for example {}", quoted(&label))),
            None => fault,
        };
        faults.broken(fault);
    }
}

fn internal_address(name: &str, written: &file::Host, faults: &mut Faults<'_>) -> Ipv4Addr {
    let (key, text) = match (&written.internal_address, &written.address) {
        (Some(own), _) => ("internalAddress", own),
        (None, Some(address)) => ("address", address),
        (None, None) => return NO_ADDRESS,
    };
    match host_address(text) {
        Ok(address) => address,
        Err(why) if key == "internalAddress" => {
            faults.broken(Fault::at(at(name, key), format!("{} {why}", quoted(text))));
            NO_ADDRESS
        }
        Err(_) if !names::is_host(text) => NO_ADDRESS,
        Err(why) => {
            let what = match text.parse::<IpAddr>() {
                Ok(IpAddr::V4(_)) => format!("{} {why}", quoted(text)),
                Ok(IpAddr::V6(_)) => format!("{} is an IPv6 address", quoted(text)),
                Err(_) => format!("{} is a name", quoted(text)),
            };
            let message = format!("host {} needs an IPv4 address inside the cluster", quoted(name));
            faults.broken(
                Fault::at(at(name, key), message)
                    .because(what)
                    .help("add `internalAddress`, the IPv4 address at which the other hosts reach it"),
            );
            NO_ADDRESS
        }
    }
}

/// Node names and addresses must be unique.
fn unique(hosts: &[Host], faults: &mut Faults<'_>) {
    let mut nodes: HashMap<&str, &Host> = HashMap::new();
    let mut internal: HashMap<Ipv4Addr, &Host> = HashMap::new();
    let mut logins: HashMap<(&str, u16), &Host> = HashMap::new();
    for host in hosts {
        if let Some(other) = nodes.insert(&host.node_name, host) {
            faults.error(
                Fault::at(at(&host.name, "nodeName"), format!("duplicate node name {}", quoted(&host.node_name)))
                    .also(at(&other.name, "nodeName"), "also used here")
                    .help("set a different `nodeName` for one of them"),
            );
        }
        if host.internal_address == NO_ADDRESS {
            continue;
        }
        if let Some(other) = internal.insert(host.internal_address, host) {
            faults.error(
                Fault::at(
                    at_internal(&host.name, faults),
                    format!("hosts {} and {} have the same address", quoted(&other.name), quoted(&host.name)),
                )
                .also(at_internal(&other.name, faults), "first used here")
                .help("give each host its own address"),
            );
            continue;
        }
        let login = (host.address.as_str(), host.ssh.port.unwrap_or(22));
        if let Some(other) = logins.insert(login, host) {
            faults.error(
                Fault::at(
                    at(&host.name, "address"),
                    format!("hosts {} and {} have the same SSH address", quoted(&other.name), quoted(&host.name)),
                )
                .also(at(&other.name, "address"), "first used here")
                .help("use a different `ssh.port` for each host behind one address"),
            );
        }
    }
}

/// How many control planes there are.
fn counts(hosts: &[Host], faults: &mut Faults<'_>) {
    if !faults.is_complete("/hosts") || hosts.is_empty() {
        return;
    }
    let count = hosts.iter().filter(|host| host.is_control_plane()).count();
    let roles = |host: &Host| at(&host.name, "roles");
    match count {
        0 => faults.error(
            Fault::key("/hosts", "no host is a control plane")
                .help("give at least one host `roles: [control-plane]`; use three to tolerate the loss of one"),
        ),
        2 => {
            let planes: Vec<&Host> = hosts.iter().filter(|host| host.is_control_plane()).collect();
            faults.warn(
                Fault::at(roles(planes[1]), "two control planes are less available than one")
                    .because("losing either of them stops etcd")
                    .also(roles(planes[0]), "the first")
                    .help("use three to tolerate the loss of any one"),
            );
        }
        even if even % 2 == 0 => {
            if let Some(last) = hosts.iter().rev().find(|host| host.is_control_plane()) {
                faults.warn(
                    Fault::at(
                        roles(last),
                        format!("{even} control planes tolerate no more failures than {}", even - 1),
                    )
                    .because("an even number of etcd members adds no fault tolerance")
                    .help(format!("use {} or {}", even - 1, even + 1)),
                );
            }
        }
        _ => {}
    }
}

/// A local cluster is this one machine.
pub(super) fn local_is_one(fleet: FleetKind, hosts: &[Host], faults: &mut Faults<'_>) {
    if fleet == FleetKind::Local && hosts.len() > 1 {
        faults.error(
            Fault::at("/fleet", format!("`fleet: local` manages one machine, but there are {} hosts", hosts.len()))
                .also(at(&hosts[1].name, ""), "the second host")
                .help("use `fleet: ssh` for several hosts"),
        );
    }
}
