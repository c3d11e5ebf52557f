//! kubeadm, kubelet and kubectl, and kubelet's service.

use std::sync::Arc;

use super::made_from::served;
use super::site::{Completed, Family, Site, name};
use crate::config::{Host, Packages, pointer};
use crate::kinds::{OnChange, Package, PackageRepository, Service};
use crate::resource::{Address, Declaring, HandedOver, HostFacts, Key, Lane};

const COMPONENT: &str = "kubernetes";
const DEFAULT_BASE: &str = "https://pkgs.k8s.io";

/// Declares the packages for every node.
pub(super) fn declare(site: &mut Site<'_>) {
    let keys = Arc::clone(&site.keys);
    for host in site.cluster.nodes() {
        let repository = match &site.cluster.kubernetes.packages {
            Packages::Preinstalled => {
                hand_over(site, host);
                continue;
            }
            Packages::Distro => None,
            Packages::PkgsK8sIo { mirror } => Some(declare_repository(site, host, mirror.as_deref(), &keys.packages)),
        };
        let needs: Vec<Address> = repository.into_iter().collect();
        for package in ["kubelet", "kubeadm", "kubectl"] {
            // Held, so that an upgrade of the host never upgrades the cluster.
            let version = Some(site.cluster.kubernetes.version.to_string());
            let turn = (package == "kubelet").then(|| site.turn(host));
            let package = Package { name: package.to_owned(), version, hold: true };
            let source = pointer(["kubernetes", "version"]);
            let package = site.package(host, COMPONENT, &source, package, &needs, &keys.packages);
            let package = turn.into_iter().fold(package, Declaring::turn).address();
            site.before_kubeadm(host, package);
        }
    }
}

fn hand_over(site: &mut Site<'_>, host: &Host) {
    for kind in ["package", "package_repository"] {
        let packages = HandedOver::component(COMPONENT, "/kubernetes/packages/source", "preinstalled");
        site.declared.hand_over(&name(host), packages.kind(kind));
    }
}

fn declare_repository(site: &mut Site<'_>, host: &Host, mirror: Option<&str>, made_from: &[Key]) -> Address {
    let repository = repository(site, mirror, Family::Debian);
    let source = pointer(["kubernetes", "packages"]);
    let lane = Lane::Packages(name(host));
    let repository = site.declared.declare(&name(host), COMPONENT, &source, repository).made_from(made_from);
    repository.lane(lane).guessed().address()
}

/// The repository in the format of the host's package manager.
pub(super) fn complete(site: &Site<'_>, host: &Host, facts: &HostFacts, completed: &mut Completed) {
    if let Packages::PkgsK8sIo { mirror } = &site.cluster.kubernetes.packages {
        completed.add(host, COMPONENT, repository(site, mirror.as_deref(), Family::of(facts)));
    }
}

fn repository(site: &Site<'_>, mirror: Option<&str>, family: Family) -> PackageRepository {
    let (base, version) = (mirror.unwrap_or(DEFAULT_BASE), &site.cluster.kubernetes.version);
    let url = format!("{base}/core:/stable:/v{}.{}/{{family}}/", version.major, version.minor);
    let key = match family {
        Family::RedHat => "repodata/repomd.xml.key",
        Family::Debian => "Release.key",
    };
    PackageRepository { name: "kubernetes".into(), key_url: format!("{url}{key}"), url }
}

/// Declares kubelet's service for every node. It comes after kubeadm, because without a cluster to
/// belong to kubelet cannot run.
pub(super) fn declare_kubelet(site: &mut Site<'_>) {
    for host in site.cluster.nodes() {
        let service = Service {
            name: "kubelet".into(),
            enabled: true,
            active: true,
            on_change: OnChange::Nothing,
            releases: Vec::new(),
            group: None,
            listens: Vec::new(),
            reads: Vec::new(),
            node: Some(site.served(host)),
        };
        let turn = site.turn(host);
        // A new version of kubelet runs once it is restarted.
        let managed = site.cluster.kubernetes.packages != Packages::Preinstalled;
        let package = managed.then(|| Address::new(name(host), COMPONENT, "package", Some("kubelet")));
        let joined = site.members.get(&name(host)).cloned();
        let source = pointer(["hosts", &host.name]);
        let service = site.declared.declare(&name(host), COMPONENT, &source, service).made_from(&served(host));
        let _ = service.needs(&joined).reacts_to(&package).turn(turn);
    }
}
