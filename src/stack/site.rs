//! What the components share while they declare: the wishes, what is known, what was declared.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ipnet::Ipv4Net;

use super::made_from::Keys;
use super::recorded::Recorded;
use crate::config::{CgroupDriver, Cluster, Host, Swap};
use crate::kinds::{Package, Served};
use crate::resource::{
    Address, Completion, Declarations, Declaring, HostFacts, HostName, Key, Kind, Lane, MemberRole, Secret, Turn,
};

/// What is known beside cluster.yaml.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Pod ranges of the nodes ([`super::assign_pod_ranges`]); read by the network plugin `bridge`.
    pub pod_ranges: &'a BTreeMap<HostName, Ipv4Net>,
    /// Pod ranges and addresses of the nodes that had a range before ([`super::recorded_pods`]); they tell what a
    /// change of the nodes adds and deletes.
    pub pods_before: &'a BTreeMap<Ipv4Net, Ipv4Addr>,
    /// The value behind `loadBalancer.keepalived.authPassword`.
    pub vrrp_password: Option<&'a Secret>,
    /// The text of the network plugin's manifest.
    pub manifest: Option<&'a str>,
    /// What records say of hosts.
    pub recorded: &'a Recorded,
}

/// The cluster being declared.
pub(super) struct Site<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) inputs: &'a Inputs<'a>,
    pub(super) declared: Declarations,
    /// The keys of cluster.yaml that resources are made from.
    pub(super) keys: Arc<Keys>,
    /// Kernel and swap, by host.
    base: BTreeMap<HostName, Vec<Address>>,
    /// What must be right on a node before kubeadm runs there, kernel and swap not included.
    node: BTreeMap<HostName, Vec<Address>>,
    /// haproxy of each load balancer.
    pub(super) proxies: BTreeMap<HostName, Address>,
    /// The virtual IP as each load balancer sees it.
    pub(super) virtual_ips: BTreeMap<HostName, Address>,
    /// The settings of the cluster.
    pub(super) settings: Option<Address>,
    /// The network plugin's manifest, if it has one.
    pub(super) plugin: Option<Address>,
    /// The members of the cluster by host.
    pub(super) members: BTreeMap<HostName, Address>,
    workers_at_once: usize,
}

impl<'a> Site<'a> {
    pub(super) fn new(cluster: &'a Cluster, inputs: &'a Inputs<'a>) -> Self {
        Self {
            cluster,
            inputs,
            declared: Declarations::default(),
            keys: Arc::new(Keys::of(cluster)),
            base: BTreeMap::new(),
            node: BTreeMap::new(),
            proxies: BTreeMap::new(),
            virtual_ips: BTreeMap::new(),
            settings: None,
            plugin: None,
            members: BTreeMap::new(),
            workers_at_once: cluster.rollout.max_unavailable.of(cluster.workers().count()),
        }
    }

    /// Notes that this belongs to the host's kernel and swap.
    pub(super) fn in_base(&mut self, host: &Host, address: Address) {
        self.base.entry(name(host)).or_default().push(address);
    }

    /// The host's kernel and swap.
    pub(super) fn base(&self, host: &Host) -> Vec<Address> {
        self.base.get(&name(host)).cloned().unwrap_or_default()
    }

    /// Notes that this must be right before kubeadm runs on the host.
    pub(super) fn before_kubeadm(&mut self, host: &Host, address: Address) {
        self.node.entry(name(host)).or_default().push(address);
    }

    /// All that must be right on the host before kubeadm runs there.
    pub(super) fn ready_for_kubeadm(&self, host: &Host) -> Vec<Address> {
        let node = self.node.get(&name(host)).into_iter().flatten().cloned();
        self.base(host).into_iter().chain(node).collect()
    }

    /// Declares a package; a host's package manager does one thing at a time.
    pub(super) fn package(
        &mut self,
        host: &Host,
        component: &str,
        source: &str,
        package: Package,
        needs: &[Address],
        keys: &[Key],
    ) -> Declaring<'_> {
        let name = name(host);
        let lane = Lane::Packages(name.clone());
        self.declared.declare(&name, component, source, package).made_from(keys).needs(needs).lane(lane)
    }

    /// The node that the host's services keep running.
    pub(super) fn served(&self, host: &Host) -> Served {
        let role = if host.is_control_plane() { MemberRole::ControlPlane } else { MemberRole::Worker };
        Served { name: host.node_name.clone(), role }
    }

    /// When the host has its turn, where a change interrupts what runs there.
    pub(super) fn turn(&self, host: &Host) -> Turn {
        if host.is_control_plane() { Turn::ControlPlane } else { Turn::Worker { at_once: self.workers_at_once } }
    }

    /// Who manages control groups: one value for containerd and kubelet. The same on all hosts,
    /// because kubeadm hands one kubelet configuration to all.
    pub(super) fn cgroup_driver(&self) -> CgroupDriver {
        let raw = self.cluster.kubernetes.kubelet.get("cgroupDriver").and_then(serde_json::Value::as_str);
        self.cluster.container_runtime.cgroup_driver.unwrap_or(match raw {
            Some("cgroupfs") => CgroupDriver::Cgroupfs,
            _ => CgroupDriver::Systemd,
        })
    }

    /// Preflight checks of kubeadm that are to be ignored.
    pub(super) fn ignored_preflight_errors(&self) -> Vec<String> {
        let mut ignored = self.cluster.kubernetes.ignore_preflight_errors.clone();
        let all = ignored.iter().any(|name| name.eq_ignore_ascii_case("all"));
        let swap = ignored.iter().any(|name| name.eq_ignore_ascii_case("swap"));
        // `all` must stand alone. Up to 1.22, swap that is kept is an error.
        if self.cluster.host_config.swap == Swap::Keep && !all && !swap {
            ignored.push("Swap".to_owned());
        }
        ignored
    }
}

/// Values that facts of hosts decide.
#[derive(Debug, Default)]
pub(super) struct Completed(pub(super) Vec<Completion>);

impl Completed {
    pub(super) fn add<K: Kind>(&mut self, host: &Host, component: &str, resource: K) {
        let address = Address::new(name(host), component, K::NAME, Kind::key(&resource).as_deref());
        self.0.push((address, Arc::new(resource)));
    }
}

/// The host's name in addresses.
pub(super) fn name(host: &Host) -> HostName {
    HostName::new(&host.name)
}

/// The family of a host's distribution; each keeps some files elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Debian and all others; assumed until the host answers.
    Debian,
    /// Red Hat.
    RedHat,
}

impl Family {
    pub(super) fn of(facts: &HostFacts) -> Self {
        if facts.package_manager == "dnf" { Self::RedHat } else { Self::Debian }
    }
}
