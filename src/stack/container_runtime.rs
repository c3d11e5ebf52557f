//! The container runtime: containerd with its whole configuration, and the CNI plugins.
//!
//! `source: preinstalled` hands the package over; configuration and service stay managed. So do CNI plugins of the
//! distribution that are recorded: no change of a source may move the directory in which containerd looks for them.

use std::sync::Arc;

use super::files::{ContainerdToml, pause_image};
use super::made_from::served;
use super::network;
use super::site::{Completed, Family, Site, name};
use crate::config::{Host, Network, Packages, RuntimeSource, pointer};
use crate::kinds::{File, FileCheck, OnChange, Package, Service};
use crate::resource::{HandedOver, HostFacts};

const COMPONENT: &str = "container-runtime";
const SOURCE: &str = "/containerRuntime";
const CONFIG_FILE: &str = "/etc/containerd/config.toml";
const CNI_PACKAGE: &str = "containernetworking-plugins";
/// Component, kind and key of the configuration.
pub(super) const CONFIG: (&str, &str, Option<&str>) = (COMPONENT, "file", Some(CONFIG_FILE));

/// Where containerd finds CNI plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CniDir {
    /// Where Kubernetes' own packages and the manifests of network plugins put them.
    Opt,
    /// Where Debian's package has them.
    Debian,
    /// Where Red Hat's package has them.
    RedHat,
}

impl CniDir {
    const ALL: [Self; 3] = [Self::Opt, Self::Debian, Self::RedHat];

    fn as_str(self) -> &'static str {
        match self {
            Self::Opt => "/opt/cni/bin",
            Self::Debian => "/usr/lib/cni",
            Self::RedHat => "/usr/libexec/cni",
        }
    }

    /// The directory that a config.toml of ours names; `extra` may have put another one there.
    pub(super) fn read(config: &str) -> Option<Self> {
        let named = config.lines().find_map(|line| line.trim().strip_prefix("bin_dir = "))?.trim_matches('"');
        Self::ALL.into_iter().find(|dir| dir.as_str() == named)
    }

    fn is_of_distro(self) -> bool {
        self != Self::Opt
    }

    /// That of a host: where somebody else brings the network, and where the built-in one runs already, the one on
    /// record.
    fn of(site: &Site<'_>, host: &Host, family: Family) -> Self {
        let recorded = site.inputs.recorded.cni_dirs.get(&name(host)).copied();
        match site.cluster.network {
            Network::Manifest { .. } => Self::Opt,
            Network::None => recorded.unwrap_or(Self::Opt),
            Network::Bridge => {
                let runs = site.inputs.recorded.bridged.contains(&name(host));
                recorded.filter(|_| runs).unwrap_or_else(|| Self::by_source(site, family))
            }
        }
    }

    /// Kubelet's package from pkgs.k8s.io brings the plugins; on hosts with a containerd of their own they are there.
    fn by_source(site: &Site<'_>, family: Family) -> Self {
        let runtime = site.cluster.container_runtime.source == RuntimeSource::Distro;
        let brought = matches!(site.cluster.kubernetes.packages, Packages::PkgsK8sIo { .. });
        match family {
            _ if !runtime || brought => Self::Opt,
            Family::Debian => Self::Debian,
            Family::RedHat => Self::RedHat,
        }
    }
}

/// Declares it for every node.
pub(super) fn declare(site: &mut Site<'_>) {
    let keys = Arc::clone(&site.keys);
    for host in site.cluster.nodes() {
        let mut packages = Vec::new();
        if site.cluster.container_runtime.source == RuntimeSource::Distro {
            let source = pointer(["containerRuntime", "source"]);
            let turn = site.turn(host);
            let package = any_version("containerd");
            let package = site.package(host, COMPONENT, &source, package, &[], &keys.runtime);
            packages.push(package.turn(turn).address());
        }
        hand_over(site, host);
        let cni_dir = CniDir::of(site, host, Family::Debian);
        if site.cluster.network == Network::Bridge && cni_dir.is_of_distro() {
            let made_from = [&keys.network[..], &keys.runtime, &keys.packages].concat();
            let plugins =
                site.package(host, COMPONENT, "/network", any_version(CNI_PACKAGE), &[], &made_from).address();
            site.before_kubeadm(host, plugins);
        }
        let (file, turn) = (config_file(site, cni_dir), site.turn(host));
        let file = site
            .declared
            .declare(&name(host), COMPONENT, SOURCE, file)
            .made_from(&keys.runtime_config)
            .needs(&packages)
            .guessed()
            .turn(turn)
            .address();
        let service = Service {
            name: "containerd".into(),
            enabled: true,
            active: true,
            on_change: OnChange::Restart,
            releases: Vec::new(),
            group: None,
            listens: Vec::new(),
            reads: vec![CONFIG_FILE.to_owned()],
            node: Some(site.served(host)),
        };
        let served_keys = served(host);
        // containerd looks for the overlay module once, when it starts.
        let needs = [site.base(host), packages.clone()].concat();
        let service = site
            .declared
            .declare(&name(host), COMPONENT, SOURCE, service)
            .made_from(keys.runtime.iter().chain(&served_keys))
            .needs(&needs)
            .reacts_to([&file])
            .turn(turn)
            .address();
        for address in packages.into_iter().chain([file, service]) {
            site.before_kubeadm(host, address);
        }
    }
}

/// The configuration, with the directory in which the distribution of the host has CNI plugins.
pub(super) fn complete(site: &Site<'_>, host: &Host, facts: &HostFacts, completed: &mut Completed) {
    let file = config_file(site, CniDir::of(site, host, Family::of(facts)));
    completed.add(host, COMPONENT, file);
}

fn config_file(site: &Site<'_>, cni_dir: CniDir) -> File {
    File::new(CONFIG_FILE, config(site, cni_dir)).checked_by(FileCheck::Containerd)
}

fn hand_over(site: &mut Site<'_>, host: &Host) {
    if site.cluster.container_runtime.source == RuntimeSource::Preinstalled {
        let package = HandedOver::component(COMPONENT, "/containerRuntime/source", "preinstalled").kind("package");
        site.declared.hand_over(&name(host), package.key("containerd"));
    }
    if site.cluster.network == Network::None {
        let package = HandedOver::component(COMPONENT, network::PLUGIN, "none").kind("package");
        site.declared.hand_over(&name(host), package.key(CNI_PACKAGE));
    }
}

fn any_version(name: &str) -> Package {
    Package { name: name.to_owned(), version: None, hold: false }
}

fn config(site: &Site<'_>, cni_dir: CniDir) -> String {
    let runtime = &site.cluster.container_runtime;
    let kubernetes = &site.cluster.kubernetes;
    let pause = || pause_image(&kubernetes.version, kubernetes.image_repository.as_deref());
    ContainerdToml {
        cgroup_driver: site.cgroup_driver(),
        sandbox_image: &runtime.sandbox_image.clone().unwrap_or_else(pause),
        cni_bin_dir: cni_dir.as_str(),
        extra: &runtime.extra,
    }
    .render()
}
