//! Kernel, container runtime and guards.

use super::lifecycle::{no_such_host, pattern};
use super::names;
use super::values::one_line;
use crate::config::faults::{Fault, Faults};
use crate::config::file::{self, Text};
use crate::config::quote::quoted;
use crate::config::{CgroupDriver, ContainerRuntime, Guards, Host, HostConfig, RuntimeSource, Swap, pointer};
use std::collections::{BTreeMap, HashMap};

/// Kernel parameters that Kubernetes needs, and their value.
const NEEDED: &[(&str, &str)] = &[
    ("net.ipv4.ip_forward", "1"),
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
];

pub(super) fn host_config(written: Option<&file::HostConfig>, faults: &mut Faults<'_>) -> HostConfig {
    let sysctls = written.and_then(|h| h.sysctls.as_ref());
    let modules = written.and_then(|h| h.kernel_modules.as_ref());
    HostConfig {
        sysctls: check_sysctls(sysctls, faults),
        kernel_modules: check_modules(modules, faults),
        swap: match written.and_then(|h| h.swap) {
            None | Some(file::Swap::Off) => Swap::Off,
            Some(file::Swap::Keep) => Swap::Keep,
        },
    }
}

fn check_sysctls(written: Option<&BTreeMap<String, Text>>, faults: &mut Faults<'_>) -> BTreeMap<String, String> {
    let mut checked = BTreeMap::new();
    let mut seen: HashMap<String, String> = HashMap::new();
    for (name, Text(value)) in written.into_iter().flatten() {
        let at = pointer(["hostConfig", "sysctls", name]);
        if !names::is_sysctl(name) {
            faults.broken(
                Fault::key(&at, format!("{} is not a kernel parameter", quoted(name)))
                    .help("write it with dots, for example `net.ipv4.ip_forward`"),
            );
            continue;
        }
        if !one_line("value of a kernel parameter", value, &at, faults) {
            continue;
        }
        let dotted = dotted(name);
        if let Some(other) = seen.insert(dotted.clone(), at.clone()) {
            faults.error(
                Fault::key(&at, format!("duplicate kernel parameter {}", quoted(&dotted)))
                    .also(other, "also set here")
                    .help("dots and slashes are equivalent; remove one of the two"),
            );
        }
        if let Some((_, needed)) = NEEDED.iter().find(|(needed, wanted)| *needed == dotted && wanted != value) {
            faults.error(
                Fault::at(&at, format!("{} must be {needed}", quoted(name)))
                    .because("pods would have no network")
                    .help("remove it; mainstay sets it"),
            );
        }
        checked.insert(dotted, value.clone());
    }
    checked
}

/// The name with dots between its segments, as `sysctl` prints it: where the first separator is a
/// slash, slashes separate and dots belong to a segment.
fn dotted(name: &str) -> String {
    match name.find(['.', '/']).map(|at| name.as_bytes()[at]) {
        Some(b'/') => name
            .chars()
            .map(|c| {
                if c == '/' {
                    '.'
                } else if c == '.' {
                    '/'
                } else {
                    c
                }
            })
            .collect(),
        _ => name.to_owned(),
    }
}

fn check_modules(written: Option<&Vec<String>>, faults: &mut Faults<'_>) -> Vec<String> {
    let list = written.cloned().unwrap_or_default();
    for (number, module) in list.iter().enumerate() {
        if !names::is_module(module) {
            let at = pointer(["hostConfig", "kernelModules", &number.to_string()]);
            faults.broken(
                Fault::at(at, format!("{} is not a kernel module name", quoted(module)))
                    .help("write only its name, without options, for example `nf_conntrack`"),
            );
        }
    }
    list
}

pub(super) fn container_runtime(written: Option<&file::ContainerRuntime>, faults: &mut Faults<'_>) -> ContainerRuntime {
    let image = written.and_then(|c| c.sandbox_image.clone());
    if image.as_deref().is_some_and(|image| !names::is_image(image)) {
        let message = format!("{} is not an image reference", quoted(image.as_deref().unwrap_or_default()));
        faults.broken(
            Fault::at("/containerRuntime/sandboxImage", message).help("for example `registry.k8s.io/pause:3.10`"),
        );
    }
    ContainerRuntime {
        source: match written.and_then(|c| c.source) {
            None | Some(file::RuntimeSource::Distro) => RuntimeSource::Distro,
            Some(file::RuntimeSource::Preinstalled) => RuntimeSource::Preinstalled,
        },
        sandbox_image: image,
        cgroup_driver: written.and_then(|c| c.cgroup_driver).map(|driver| match driver {
            file::CgroupDriver::Systemd => CgroupDriver::Systemd,
            file::CgroupDriver::Cgroupfs => CgroupDriver::Cgroupfs,
        }),
        extra: written.and_then(|c| c.extra.clone()).unwrap_or_default(),
    }
}

pub(super) fn guards(written: Option<&file::Guards>, hosts: &[Host], faults: &mut Faults<'_>) -> Guards {
    let patterns = written.and_then(|g| g.prevent_destroy.clone()).unwrap_or_default();
    for (number, text) in patterns.iter().enumerate() {
        let at = pointer(["guards", "preventDestroy", &number.to_string()]);
        if pattern(text, "matches nothing", &at, faults)
            && let Some(fault) = no_such_host(text, "matches nothing in this file", &at, hosts, faults)
        {
            // The host may have left the file and still be recorded.
            faults.doubt(fault);
        }
    }
    Guards { prevent_destroy: patterns }
}

#[cfg(test)]
mod tests {
    use super::dotted;

    #[test]
    fn kernel_parameters_have_one_spelling() {
        assert_eq!(dotted("net/ipv4/conf/eth0.100/rp_filter"), "net.ipv4.conf.eth0/100.rp_filter");
        assert_eq!(dotted("net.ipv4.conf.eth0/100.rp_filter"), "net.ipv4.conf.eth0/100.rp_filter");
    }
}
