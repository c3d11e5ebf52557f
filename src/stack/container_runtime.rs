//! The container runtime: containerd with its whole configuration, and the CNI plugins.

use super::files::{ContainerdToml, pause_image};
use super::site::{Site, is_red_hat, name};
use crate::config::{Host, Network, Packages, RuntimeSource, pointer};
use crate::kinds::{File, OnChange, Package, Service};

const COMPONENT: &str = "container-runtime";
const SOURCE: &str = "/containerRuntime";
const CONFIG_FILE: &str = "/etc/containerd/config.toml";
const CNI_PACKAGE: &str = "containernetworking-plugins";

/// Declares it for every node.
pub(super) fn declare(site: &mut Site<'_>) {
    for host in site.cluster.nodes() {
        let mut packages = Vec::new();
        if site.cluster.container_runtime.source == RuntimeSource::Distro {
            let source = pointer(["containerRuntime", "source"]);
            packages.push(site.package(host, COMPONENT, &source, any_version("containerd"), &[]));
        }
        if cni_from_distro(site) {
            let plugins = site.package(host, COMPONENT, "/network", any_version(CNI_PACKAGE), &[]);
            site.before_kubeadm(host, plugins);
        }
        let file = File::new(CONFIG_FILE, config(site, host));
        let guessed = site.guesses(host);
        let file =
            site.declared.declare(&name(host), COMPONENT, SOURCE, file).needs(&packages).guessed(guessed).address();
        let service = Service {
            name: "containerd".into(),
            enabled: true,
            active: true,
            on_change: OnChange::Restart,
            releases: Vec::new(),
            group: None,
        };
        // containerd looks for the overlay module once, when it starts.
        let needs = [site.base(host), packages.clone()].concat();
        let service =
            site.declared.declare(&name(host), COMPONENT, SOURCE, service).needs(&needs).reacts_to([&file]).address();
        for address in packages.into_iter().chain([file, service]) {
            site.before_kubeadm(host, address);
        }
    }
}

fn any_version(name: &str) -> Package {
    Package { name: name.to_owned(), version: None, hold: false }
}

fn config(site: &Site<'_>, host: &Host) -> String {
    let runtime = &site.cluster.container_runtime;
    let kubernetes = &site.cluster.kubernetes;
    let pause = || pause_image(&kubernetes.version, kubernetes.image_repository.as_deref());
    ContainerdToml {
        cgroup_driver: site.cgroup_driver(),
        sandbox_image: &runtime.sandbox_image.clone().unwrap_or_else(pause),
        cni_bin_dir: cni_bin_dir(site, host),
        extra: &runtime.extra,
    }
    .render()
}

/// Whether the built-in network takes its plugins from the distribution. Kubelet's package from
/// pkgs.k8s.io brings them; other networks lay theirs into /opt/cni/bin themselves.
fn cni_from_distro(site: &Site<'_>) -> bool {
    site.cluster.network == Network::Bridge
        && site.cluster.container_runtime.source == RuntimeSource::Distro
        && !matches!(site.cluster.kubernetes.packages, Packages::PkgsK8sIo { .. })
}

fn cni_bin_dir(site: &Site<'_>, host: &Host) -> &'static str {
    match (cni_from_distro(site), is_red_hat(site.facts(host))) {
        (false, _) => "/opt/cni/bin",
        (true, false) => "/usr/lib/cni",
        (true, true) => "/usr/libexec/cni",
    }
}
