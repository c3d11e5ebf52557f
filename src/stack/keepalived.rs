//! keepalived on every load balancer: the virtual IP is held by one of those whose haproxy listens.

use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::error::StackError;
use super::files::{CheckScript, DOWN_FILE, KeepalivedConf};
use super::made_from::balancer;
use super::site::{Completed, Family, Site, name};
use crate::config::{Host, Keepalived, LoadBalancer, pointer};
use crate::kinds::{Content, File, FileCheck, Group, OnChange, Package, Service, VirtualIp};
use crate::resource::{HostFacts, Lane, Secret};

pub(super) const COMPONENT: &str = "keepalived";
/// Component, kind and key of keepalived.conf.
pub(super) const CONFIG: (&str, &str, Option<&str>) = (COMPONENT, "file", Some(CONFIG_FILE));
const SOURCE: &str = "/loadBalancer/keepalived";
const CONFIG_FILE: &str = "/etc/keepalived/keepalived.conf";
/// On hosts with `SELinux` keepalived may run scripts only from this directory; elsewhere it is as
/// good as any.
const CHECK_SCRIPT: &str = "/usr/libexec/keepalived/check_haproxy.sh";

/// Where on a host the virtual IP goes.
#[derive(Debug)]
struct Place {
    interface: String,
    prefix: u8,
    family: Family,
}

/// Declares it for every load balancer.
pub(super) fn declare(site: &mut Site<'_>) -> Result<(), StackError> {
    let LoadBalancer::KeepalivedHaproxy { keepalived, .. } = &site.cluster.load_balancer else { return Ok(()) };
    let vip = site.cluster.endpoint.vip.ok_or(StackError::NoVirtualIp)?;
    for host in site.cluster.load_balancers() {
        declare_on(site, host, keepalived, vip)?;
    }
    Ok(())
}

fn declare_on(site: &mut Site<'_>, host: &Host, keepalived: &Keepalived, vip: Ipv4Addr) -> Result<(), StackError> {
    let place = assumed(site, host, keepalived);
    let config = config(site, host, keepalived, vip, &place)?;
    let service = service(site, host, keepalived, vip, &place)?;
    let port = site.cluster.endpoint.port;
    let on = name(host);
    let keys = Arc::clone(&site.keys);

    let package = Package { name: "keepalived".into(), version: None, hold: false };
    let package = site.package(host, COMPONENT, "/loadBalancer", package, &[], &keys.balancers).address();
    let script = File::new(CHECK_SCRIPT, CheckScript { port }.to_string()).mode("0755");
    let script = site
        .declared
        .declare(&on, COMPONENT, &pointer(["endpoint", "port"]), script)
        .made_from(&keys.port)
        .needs([&package])
        .lane(Lane::LoadBalancer)
        .address();
    // A script that is not there yet makes the file's check fail.
    let config = site
        .declared
        .declare(&on, COMPONENT, SOURCE, config)
        .made_from(&[&keys.keepalived[..], &balancer(host)].concat())
        .guessed()
        .needs([&package, &script])
        .lane(Lane::LoadBalancer)
        .address();
    let service = site
        .declared
        .declare(&on, COMPONENT, "/loadBalancer", service)
        .made_from(&keys.group)
        .guessed()
        .needs([&package, &script].into_iter().chain(site.proxies.get(&on)))
        .reacts_to([&config])
        .lane(Lane::LoadBalancer)
        .address();
    let answers = VirtualIp { address: vip, port };
    let answers = site
        .declared
        .declare(&on, COMPONENT, "/endpoint", answers)
        .made_from(keys.endpoint.iter().chain(&keys.balancers))
        .needs([&service].into_iter().chain(site.proxies.get(&on)))
        .lane(Lane::LoadBalancer)
        .address();
    site.virtual_ips.insert(on, answers);
    Ok(())
}

/// Configuration and service, with the interface that the host has for the virtual IP.
pub(super) fn complete(
    site: &Site<'_>,
    host: &Host,
    facts: &HostFacts,
    completed: &mut Completed,
) -> Result<(), StackError> {
    let LoadBalancer::KeepalivedHaproxy { keepalived, .. } = &site.cluster.load_balancer else { return Ok(()) };
    let vip = site.cluster.endpoint.vip.ok_or(StackError::NoVirtualIp)?;
    let place = place(site, host, keepalived, vip, facts)?;
    completed.add(host, COMPONENT, config(site, host, keepalived, vip, &place)?);
    completed.add(host, COMPONENT, service(site, host, keepalived, vip, &place)?);
    Ok(())
}

fn service(
    site: &Site<'_>,
    host: &Host,
    keepalived: &Keepalived,
    vip: Ipv4Addr,
    place: &Place,
) -> Result<Service, StackError> {
    Ok(Service {
        name: "keepalived".into(),
        enabled: true,
        active: true,
        // A restart would let the virtual IP go.
        on_change: OnChange::Reload,
        releases: vec![format!("{vip}/{}", place.prefix)],
        group: Some(group(site, host, keepalived)?),
        listens: Vec::new(),
        reads: Vec::new(),
        node: None,
    })
}

fn password<'a>(site: &Site<'a>, keepalived: &Keepalived) -> Result<Option<&'a Secret>, StackError> {
    let wanted = keepalived.auth_password.as_ref();
    wanted.map(|_| site.inputs.vrrp_password.ok_or(StackError::NoPassword)).transpose()
}

fn peers<'a>(site: &Site<'a>, host: &'a Host) -> impl Iterator<Item = Ipv4Addr> + 'a {
    site.cluster.load_balancers().filter(|other| other.name != host.name).map(|other| other.internal_address)
}

/// Advertisements of another router id, with another password or of another version are not heard, and of version 2, the
/// one with passwords, none that come at another interval.
fn group(site: &Site<'_>, host: &Host, keepalived: &Keepalived) -> Result<Group, StackError> {
    let alike = Content::builder().text(format!("virtualRouterId {}\n", keepalived.virtual_router_id));
    let alike = match password(site, keepalived)? {
        Some(password) => alike
            .text(format!("advertInterval {:?}\nauthPassword ", keepalived.advert_interval))
            .secret(password.clone())
            .text("\n"),
        None => alike,
    };
    Ok(Group { peers: peers(site, host).collect(), alike: alike.build() })
}

fn config(
    site: &Site<'_>,
    host: &Host,
    keepalived: &Keepalived,
    vip: Ipv4Addr,
    place: &Place,
) -> Result<File, StackError> {
    let content: Content = KeepalivedConf {
        keepalived,
        router_id: &host.node_name,
        interface: &place.interface,
        priority: host.priority,
        own: host.internal_address,
        peers: peers(site, host).collect(),
        vip,
        prefix: place.prefix,
        check_script: CHECK_SCRIPT,
        // `SELinux` does not let keepalived read what others write into /run.
        down_file: (place.family == Family::Debian).then_some(DOWN_FILE),
    }
    .content(password(site, keepalived)?);
    let mode = if content.has_secrets() { "0600" } else { "0644" };
    Ok(File::new(CONFIG_FILE, content).mode(mode).checked_by(FileCheck::Keepalived))
}

/// The place as far as cluster.yaml names it. A missing interface is shown as `<interface of ADDRESS>`.
fn assumed(site: &Site<'_>, host: &Host, keepalived: &Keepalived) -> Place {
    let named = host.interface.as_ref().or(keepalived.interface.as_ref());
    let interface = named.cloned().unwrap_or_else(|| format!("<interface of {}>", host.internal_address));
    Place { interface, prefix: site.cluster.endpoint.prefix_len.unwrap_or(24), family: Family::Debian }
}

/// The interface is the one that is named, else the one with the host's own address; the prefix
/// length is the one that is named, else that of the interface's network.
fn place(
    site: &Site<'_>,
    host: &Host,
    keepalived: &Keepalived,
    vip: Ipv4Addr,
    facts: &HostFacts,
) -> Result<Place, StackError> {
    let named = host.interface.as_ref().or(keepalived.interface.as_ref());
    let given = site.cluster.endpoint.prefix_len;
    let found = match named {
        Some(named) => {
            // The virtual IP itself says nothing about the network: it may be a leftover /32.
            let on_it = || facts.interfaces.iter().filter(|i| i.name == *named && i.address != vip);
            let found = on_it().find(|i| network(i.address, i.prefix).contains(&vip)).or_else(|| on_it().next());
            found.ok_or_else(|| StackError::NoSuchInterface { host: name(host), interface: named.clone() })?
        }
        None => facts
            .interface_of(host.internal_address)
            .ok_or_else(|| StackError::NoInterface { host: name(host), address: host.internal_address })?,
    };
    let network = network(found.address, found.prefix);
    match given {
        None if !network.contains(&vip) => {
            Err(StackError::OutsideNetwork { host: name(host), interface: found.name.clone(), network, vip })
        }
        _ => {
            let (interface, prefix) = (found.name.clone(), given.unwrap_or(found.prefix));
            Ok(Place { interface, prefix, family: Family::of(facts) })
        }
    }
}

fn network(address: Ipv4Addr, prefix: u8) -> Ipv4Net {
    Ipv4Net::new(address, prefix.min(32)).expect("a prefix of at most 32 bits").trunc()
}
