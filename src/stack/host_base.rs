//! Host preparation: kernel modules, kernel parameters, swap; each one now and after a reboot.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::site::{Site, name};
use crate::config::{Host, LoadBalancer, ProxyMode, Swap, pointer};
use crate::kinds::{self, File, KernelModule, Sysctl};
use crate::resource::{Address, HandedOver, Key};

pub(super) const COMPONENT: &str = "host";
/// Lets a program bind to an address that another host holds.
pub(super) const NONLOCAL_BIND: &str = "net.ipv4.ip_nonlocal_bind";
const MODULES_FILE: &str = "/etc/modules-load.d/mainstay.conf";
const SYSCTL_FILE: &str = "/etc/sysctl.d/90-mainstay.conf";
const HEADER: &str = "# Written by mainstay; changes are overwritten.\n";

/// Declares it for every host.
pub(super) fn declare(site: &mut Site<'_>) {
    for host in &site.cluster.hosts {
        modules(site, host);
        sysctls(site, host);
        swap(site, host);
    }
}

fn modules(site: &mut Site<'_>, host: &Host) {
    let wanted = wanted_modules(site, host);
    if wanted.is_empty() {
        return;
    }
    let source = pointer(["hostConfig", "kernelModules"]);
    let content = wanted.iter().fold(HEADER.to_owned(), |text, module| text + module + "\n");
    let keys = Arc::clone(&site.keys);
    let listed = &site.cluster.host_config.kernel_modules;
    let mut earlier: Vec<(String, Address)> = Vec::new();
    for module in wanted {
        // In this order, so that destroy unloads what others build on last.
        let needs = earlier.iter().filter(|(first, _)| builds_on(&module, first)).map(|(_, address)| address);
        let needs: Vec<Address> = needs.cloned().collect();
        let keys = match module.as_str() {
            name if listed.iter().any(|it| it == name) => &keys.modules,
            "overlay" | "br_netfilter" => &[][..],
            _ => &keys.proxy_mode,
        };
        let kind = KernelModule { name: module.clone() };
        let address =
            site.declared.declare(&name(host), COMPONENT, &source, kind).made_from(keys).needs(&needs).address();
        site.in_base(host, address.clone());
        earlier.push((module, address));
    }
    // What is loaded at boot changes first: what is still listed there is not unloaded.
    let modules: Vec<Address> = earlier.into_iter().map(|(_, address)| address).collect();
    let file = File::new(MODULES_FILE, content);
    let file = site.declared.declare(&name(host), COMPONENT, &source, file).needs(&modules);
    let file = file.made_from(keys.modules.iter().chain(&keys.proxy_mode)).address();
    site.in_base(host, file);
}

/// The modules, each once: what Kubernetes needs first.
fn wanted_modules(site: &Site<'_>, host: &Host) -> Vec<String> {
    let own: &[&str] = match site.cluster.kubernetes.proxy_mode {
        _ if !host.is_node() => &[],
        ProxyMode::Ipvs => &["overlay", "br_netfilter", "nf_conntrack", "ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"],
        ProxyMode::Iptables | ProxyMode::Nftables => &["overlay", "br_netfilter"],
    };
    let mut wanted: Vec<String> = own.iter().map(|module| (*module).to_owned()).collect();
    let known = |wanted: &[String], module: &str| {
        // The kernel takes both for the same.
        let same = |it: &String| it.replace('-', "_") == module.replace('-', "_");
        wanted.iter().any(same)
    };
    for module in &site.cluster.host_config.kernel_modules {
        if !known(&wanted, module) {
            wanted.push(module.clone());
        }
    }
    wanted
}

/// Whether a module may use one that was named before it. Of ours it is known; of others it is assumed.
fn builds_on(module: &str, earlier: &str) -> bool {
    match module {
        "overlay" | "br_netfilter" | "nf_conntrack" => false,
        "ip_vs" => earlier == "nf_conntrack",
        "ip_vs_rr" | "ip_vs_wrr" | "ip_vs_sh" => earlier == "ip_vs",
        _ => true,
    }
}

fn sysctls(site: &mut Site<'_>, host: &Host) {
    let wanted = wanted_sysctls(site, host);
    if wanted.is_empty() {
        return;
    }
    // Many parameters exist only once their module is loaded.
    let modules = site.base(host);
    let source = |parameter: &str| pointer(["hostConfig", "sysctls", parameter]);
    let keys = Arc::clone(&site.keys);
    // Only where haproxy is bound to the virtual IP.
    let bound = wanted.contains_key(NONLOCAL_BIND) && site.cluster.is_load_balancer(&host.name);
    let bind: &[Key] = if bound { &keys.bind } else { &[] };
    let content = wanted.iter().fold(HEADER.to_owned(), |text, (name, value)| text + name + " = " + value + "\n");
    for (parameter, value) in wanted {
        let source = source(&parameter);
        let own = keys.sysctls.iter().filter(|key| key.pointer() == source);
        let own: Vec<Key> = own.chain(bind.iter().filter(|_| parameter == NONLOCAL_BIND)).cloned().collect();
        let sysctl = Sysctl { name: parameter, value };
        let sysctl = site.declared.declare(&name(host), COMPONENT, &source, sysctl).made_from(&own);
        let sysctl = sysctl.needs(&modules).address();
        site.in_base(host, sysctl);
    }
    let source = pointer(["hostConfig", "sysctls"]);
    let file = File::new(SYSCTL_FILE, content);
    let file = site.declared.declare(&name(host), COMPONENT, &source, file).needs(&modules);
    let file = file.made_from(keys.sysctls.iter().chain(bind)).address();
    site.in_base(host, file);
}

/// The parameters, the user's laid over ours.
fn wanted_sysctls(site: &Site<'_>, host: &Host) -> BTreeMap<String, String> {
    let mut wanted = BTreeMap::new();
    let mut set = |parameter: &str| wanted.insert(parameter.to_owned(), "1".to_owned());
    if host.is_node() {
        set("net.ipv4.ip_forward");
        set("net.bridge.bridge-nf-call-iptables");
        set("net.bridge.bridge-nf-call-ip6tables");
    }
    if let LoadBalancer::KeepalivedHaproxy { haproxy, .. } = &site.cluster.load_balancer
        && haproxy.bind.is_some()
        && site.cluster.is_load_balancer(&host.name)
    {
        // haproxy is bound to the virtual IP also where another host holds it.
        set(NONLOCAL_BIND);
    }
    wanted.extend(site.cluster.host_config.sysctls.clone());
    wanted
}

fn swap(site: &mut Site<'_>, host: &Host) {
    // Only kubelet minds swap; a host that is no node keeps its own.
    if site.cluster.host_config.swap == Swap::Off && host.is_node() {
        let source = pointer(["hostConfig", "swap"]);
        let keys = Arc::clone(&site.keys);
        let swap =
            site.declared.declare(&name(host), COMPONENT, &source, kinds::Swap {}).made_from(&keys.swap).address();
        site.in_base(host, swap);
    } else if host.is_node() {
        let swap = HandedOver::component(COMPONENT, "/hostConfig/swap", "keep").kind("swap");
        site.declared.hand_over(&name(host), swap);
    }
}
