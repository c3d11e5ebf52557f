//! haproxy on every load balancer, with every control plane behind it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::files::{Backend, HaproxyCfg, HaproxyUnit};
use super::made_from::roles;
use super::site::{Completed, Family, Site, name};
use super::{host_base, keepalived};
use crate::config::{Cluster, Haproxy, Host, LoadBalancer, pointer};
use crate::kinds::{File, FileCheck, OnChange, Package, Service};
use crate::resource::{HandedOver, HostFacts, Lane};

const COMPONENT: &str = "haproxy";
/// Component, kind and key of its service.
pub(super) const SERVICE: (&str, &str, Option<&str>) = (COMPONENT, "service", Some("haproxy"));
/// Component, kind and key of haproxy.cfg.
pub(super) const CONFIG: (&str, &str, Option<&str>) = (COMPONENT, "file", Some(CONFIG_FILE));
const SOURCE: &str = "/loadBalancer/haproxy";
const CONFIG_FILE: &str = "/etc/haproxy/haproxy.cfg";
const DROP_IN: &str = "/etc/systemd/system/haproxy.service.d/mainstay.conf";

/// Declares it for every load balancer.
pub(super) fn declare(site: &mut Site<'_>) {
    let LoadBalancer::KeepalivedHaproxy { haproxy, .. } = &site.cluster.load_balancer else {
        hand_over(site);
        return;
    };
    let keys = Arc::clone(&site.keys);
    for host in site.cluster.load_balancers() {
        let service_keys = [&keys.balancers[..], &[roles(host)]].concat();
        let package = Package { name: "haproxy".into(), version: None, hold: false };
        let package = site.package(host, COMPONENT, "/loadBalancer", package, &[], &keys.balancers).address();
        let config = config_file(site, haproxy, Family::Debian);
        let config = site
            .declared
            .declare(&name(host), COMPONENT, SOURCE, config)
            .made_from(&keys.haproxy)
            .guessed()
            .needs([&package])
            .lane(Lane::LoadBalancer)
            .address();
        let drop_in = File::new(DROP_IN, HaproxyUnit.to_string());
        let drop_in = site
            .declared
            .declare(&name(host), COMPONENT, "/loadBalancer", drop_in)
            .made_from(&keys.balancers)
            .lane(Lane::LoadBalancer)
            .address();
        let service = Service {
            name: "haproxy".into(),
            enabled: true,
            active: true,
            // A restart would cut every connection that goes through this host.
            on_change: OnChange::Reload,
            releases: Vec::new(),
            group: None,
            listens: listens(site.cluster, haproxy),
            reads: Vec::new(),
            node: None,
        };
        let needs = [site.base(host), vec![package]].concat();
        let service = site
            .declared
            .declare(&name(host), COMPONENT, &pointer(["loadBalancer"]), service)
            .made_from(&service_keys)
            .needs(&needs)
            .reacts_to([&config, &drop_in])
            .lane(Lane::LoadBalancer)
            .address();
        site.proxies.insert(name(host), service);
    }
}

/// haproxy and keepalived stay as they are until the other load balancer answers, with what haproxy needs to bind to an
/// address that another host holds.
fn hand_over(site: &mut Site<'_>) {
    let of = |component| HandedOver::component(component, "/loadBalancer/mode", "external");
    let bind = of(host_base::COMPONENT).kind("sysctl").key(host_base::NONLOCAL_BIND);
    for host in &site.cluster.hosts {
        let host = name(host);
        for what in [of(COMPONENT), of(keepalived::COMPONENT)] {
            site.declared.hand_over(&host, what);
        }
        if site.inputs.recorded.balancers.contains(&host) {
            site.declared.hand_over(&host, bind.clone());
        }
    }
}

/// The endpoint, and the statistics where they are asked for.
fn listens(cluster: &Cluster, haproxy: &Haproxy) -> Vec<SocketAddrV4> {
    let endpoint = SocketAddrV4::new(haproxy.bind.unwrap_or(Ipv4Addr::UNSPECIFIED), cluster.endpoint.port);
    let stats = haproxy.stats.as_ref().map(|stats| SocketAddrV4::new(stats.bind, stats.port));
    std::iter::once(endpoint).chain(stats).collect()
}

/// The configuration, with the socket where the distribution of the host has it.
pub(super) fn complete(site: &Site<'_>, host: &Host, facts: &HostFacts, completed: &mut Completed) {
    if let LoadBalancer::KeepalivedHaproxy { haproxy, .. } = &site.cluster.load_balancer {
        completed.add(host, COMPONENT, config_file(site, haproxy, Family::of(facts)));
    }
}

fn config_file(site: &Site<'_>, haproxy: &Haproxy, family: Family) -> File {
    File::new(CONFIG_FILE, config(site, haproxy, family)).checked_by(FileCheck::Haproxy)
}

fn config(site: &Site<'_>, haproxy: &Haproxy, family: Family) -> String {
    HaproxyCfg {
        haproxy,
        port: site.cluster.endpoint.port,
        // Each where the distribution's own configuration has it and its policies allow it.
        stats_socket: match family {
            Family::RedHat => "/var/lib/haproxy/stats",
            Family::Debian => "/run/haproxy/admin.sock",
        },
        backends: site.cluster.control_planes().map(backend).collect(),
    }
    .to_string()
}

fn backend(host: &Host) -> Backend<'_> {
    Backend { name: &host.node_name, address: host.internal_address, port: Cluster::API_PORT }
}
