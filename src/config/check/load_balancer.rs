//! The load balancer in front of the API servers, and the endpoint.

use super::subnets::Subnets;
use super::{endpoint, haproxy, keepalived, priorities};
use crate::config::faults::{Fault, Faults};
use crate::config::file::{self, ClusterFile, LoadBalancerMode};
use crate::config::paths::Paths;
use crate::config::{Endpoint, Host, LoadBalancer, Role};

/// The endpoint and the load balancer; assigns the hosts' priorities.
pub(super) fn check(
    written: &ClusterFile,
    name: &str,
    hosts: &mut [Host],
    subnets: Subnets,
    paths: &Paths,
    faults: &mut Faults<'_>,
) -> (Endpoint, LoadBalancer) {
    let empty = file::Endpoint::default();
    let at_endpoint = written.endpoint.as_ref().unwrap_or(&empty);
    let balancer = written.load_balancer.as_ref();
    let mode = balancer.and_then(|b| b.mode).unwrap_or(LoadBalancerMode::KeepalivedHaproxy);
    if mode == LoadBalancerMode::External {
        priorities::only_on_balancers(hosts, &[], faults);
        without_effect(balancer, hosts, faults);
        return (endpoint::external(at_endpoint, hosts, faults), LoadBalancer::External);
    }
    let positions = positions(hosts);
    priorities::assign(hosts, &positions, faults);
    priorities::only_on_balancers(hosts, &positions, faults);
    let balancers: Vec<&Host> = positions.iter().map(|position| &hosts[*position]).collect();
    let endpoint = endpoint::managed(at_endpoint, hosts, &balancers, subnets, faults);
    let haproxy = haproxy::check(balancer.and_then(|b| b.haproxy.as_ref()), written, &endpoint, &balancers, faults);
    let keepalived = keepalived::check(balancer.and_then(|b| b.keepalived.as_ref()), name, &balancers, paths, faults);
    (endpoint, LoadBalancer::KeepalivedHaproxy { haproxy, keepalived })
}

/// Which hosts carry the load balancer, as [`crate::config::Cluster::load_balancers`] says.
fn positions(hosts: &[Host]) -> Vec<usize> {
    let with = |role: Role| {
        let has = |(position, host): (usize, &Host)| host.roles.contains(&role).then_some(position);
        hosts.iter().enumerate().filter_map(has).collect::<Vec<_>>()
    };
    match with(Role::LoadBalancer) {
        dedicated if dedicated.is_empty() => with(Role::ControlPlane),
        dedicated => dedicated,
    }
}

fn without_effect(balancer: Option<&file::LoadBalancer>, hosts: &[Host], faults: &mut Faults<'_>) {
    let given = [
        ("haproxy", balancer.is_some_and(|b| b.haproxy.is_some())),
        ("keepalived", balancer.is_some_and(|b| b.keepalived.is_some())),
    ];
    for (key, _) in given.into_iter().filter(|(_, given)| *given) {
        faults.error(
            Fault::key(format!("/loadBalancer/{key}"), format!("`{key}` has no effect with `mode: external`"))
                .also("/loadBalancer/mode", "the mode")
                .help("remove it, or remove `mode`"),
        );
    }
    for host in hosts.iter().filter(|host| host.roles.contains(&Role::LoadBalancer)) {
        faults.error(
            Fault::at(super::hosts::at(&host.name, "roles"), "hosts cannot be load balancers with `mode: external`")
                .also("/loadBalancer/mode", "the mode")
                .help("remove the role `load-balancer`, or remove `mode`"),
        );
    }
}
