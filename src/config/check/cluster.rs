//! The whole file: its parts in the order in which they need each other.

use super::hosts::local_is_one;
use super::values::local_path;
use super::{hosts, kubernetes, lifecycle, load_balancer, names, network, platform, raw, rollout, subnets};
use crate::config::faults::{Fault, Faults};
use crate::config::file::{self, ClusterFile, Fleet};
use crate::config::paths::Paths;
use crate::config::quote::quoted;
use crate::config::{Cluster, FleetKind};

/// The checked cluster. It may be used only when no error was written down.
pub(in crate::config) fn check(written: &ClusterFile, paths: &Paths, faults: &mut Faults<'_>) -> Cluster {
    let empty = file::Kubernetes::default();
    let kubernetes = written.kubernetes.as_ref().unwrap_or(&empty);
    let name = name(written.name.as_deref(), faults);
    let mut hosts = hosts::check(written, paths, faults);
    let fleet = match written.fleet {
        None | Some(Fleet::Ssh) => FleetKind::Ssh,
        Some(Fleet::Local) => FleetKind::Local,
        Some(Fleet::Simulated) => FleetKind::Simulated,
    };
    local_is_one(fleet, &hosts, faults);
    let plugin = written.network.as_ref().and_then(|network| network.plugin);
    let subnets = subnets::check(kubernetes, plugin, &hosts, faults);
    let (endpoint, load_balancer) = load_balancer::check(written, &name, &mut hosts, subnets, paths, faults);
    let swap = written.host_config.as_ref().and_then(|h| h.swap).unwrap_or(file::Swap::Off);
    let kubernetes = kubernetes::check(kubernetes, &hosts, subnets, swap, faults);
    let container_runtime = platform::container_runtime(written.container_runtime.as_ref(), faults);
    raw::one_cgroup_driver(&kubernetes.kubelet, container_runtime.cgroup_driver, faults);
    Cluster {
        state_path: written
            .state
            .as_ref()
            .and_then(|state| state.local.as_ref())
            .and_then(|local| local.path.as_deref())
            .and_then(|path| local_path(path, paths, "/state/local/path", faults)),
        fleet,
        kubernetes,
        endpoint,
        load_balancer,
        host_config: platform::host_config(written.host_config.as_ref(), faults),
        container_runtime,
        network: network::check(written.network.as_ref(), paths, faults),
        guards: platform::guards(written.guards.as_ref(), &hosts, faults),
        rollout: rollout::check(written.rollout.as_ref(), faults),
        lifecycle: lifecycle::check(written.lifecycle.as_ref(), &hosts, faults),
        name,
        hosts,
    }
}

fn name(written: Option<&str>, faults: &mut Faults<'_>) -> String {
    let name = written.unwrap_or_default();
    if written.is_some() && !names::is_label(name) {
        let fault = Fault::at("/name", format!("the cluster name {} is not a DNS-1123 label", quoted(name)))
            .help("use at most 63 lower-case letters, digits and hyphens; start and end with a letter or digit");
        faults.broken(match names::to_label(name) {
            Some(label) => fault.help(format!("for example {}", quoted(&label))),
            None => fault,
        });
    }
    name.to_owned()
}
