//! Kubernetes: version, packages, names, and the rules between them.

use super::components::{self, Flags};
use super::subnets::Subnets;
use super::values::one_line;
use super::{certificates, etcd, kubeadm, names, raw, version};
use crate::config::faults::{Fault, Faults};
use crate::config::file::{self, PackageSource};
use crate::config::quote::quoted;
use crate::config::{Host, Kubernetes, Packages, ProxyMode};
use semver::Version;

/// The first minor version that pkgs.k8s.io has packages of.
const FIRST_PUBLISHED: u64 = 24;

pub(super) fn check(
    written: &file::Kubernetes,
    hosts: &[Host],
    subnets: Subnets,
    swap: file::Swap,
    faults: &mut Faults<'_>,
) -> Kubernetes {
    let version = version::check(written.version.as_deref(), faults);
    let replicated = hosts.iter().filter(|host| host.is_control_plane()).count() > 1;
    let api = written.api_server.as_ref();
    let plain = |component: &Option<file::Component>, flags: Flags, faults: &mut Faults<'_>| {
        let args = component.as_ref().and_then(|c| c.extra_args.as_ref());
        let volumes = component.as_ref().and_then(|c| c.extra_volumes.as_ref());
        components::check(args, volumes, &Flags { replicated, ..flags }, faults)
    };
    Kubernetes {
        packages: packages(written.packages.as_ref(), version.as_ref(), faults),
        pod_subnet: subnets.pods.unwrap_or_default(),
        service_subnet: subnets.services.unwrap_or_default(),
        dns_domain: dns_domain(written.dns_domain.as_deref(), faults),
        image_repository: image_repository(written.image_repository.as_deref(), faults),
        proxy_mode: proxy_mode(written.proxy_mode, version.as_ref(), faults),
        api_server: components::check(
            api.and_then(|a| a.extra_args.as_ref()),
            api.and_then(|a| a.extra_volumes.as_ref()),
            &components::API_SERVER,
            faults,
        ),
        controller_manager: plain(&written.controller_manager, components::CONTROLLER_MANAGER, faults),
        scheduler: plain(&written.scheduler, components::SCHEDULER, faults),
        cert_sans: certificates::names(api.and_then(|a| a.cert_sans.as_ref()), faults),
        etcd: etcd::check(written.etcd.as_ref(), faults),
        kubelet: raw::kubelet(written.kubelet.as_ref(), swap, faults),
        kube_proxy: raw::kube_proxy(written.kube_proxy.as_ref(), faults),
        ignore_preflight_errors: kubeadm::preflight(written.ignore_preflight_errors.as_ref(), faults),
        skip_phases: kubeadm::phases(written.skip_phases.as_ref(), faults),
        version: version.unwrap_or_else(|| Version::new(1, version::NEWEST, 0)),
    }
}

fn packages(written: Option<&file::Packages>, version: Option<&Version>, faults: &mut Faults<'_>) -> Packages {
    let source = written.and_then(|p| p.source).unwrap_or(PackageSource::PkgsK8sIo);
    let mirror = written.and_then(|p| p.mirror.as_deref());
    let at = "/kubernetes/packages/mirror";
    if let Some(url) = mirror {
        if source != PackageSource::PkgsK8sIo {
            faults.error(
                Fault::key(at, "a mirror of pkgs.k8s.io has no effect with another source")
                    .also("/kubernetes/packages/source", "the source")
                    .help("remove `mirror`, or use `source: pkgs.k8s.io`"),
            );
        } else if !names::is_url(url) {
            faults.broken(
                Fault::at(at, format!("{} is not an http or https URL", quoted(url)))
                    .help("for example `https://mirror.example.com/kubernetes`"),
            );
        }
    }
    if let Some(version) = version
        && source == PackageSource::PkgsK8sIo
        && version.minor < FIRST_PUBLISHED
        && !faults.is_broken("/kubernetes/packages")
    {
        faults.error(
            Fault::at("/kubernetes/version", format!("pkgs.k8s.io has no packages for Kubernetes {version}"))
                .because(format!("its first packages are for 1.{FIRST_PUBLISHED}"))
                .help("use `packages: {source: preinstalled}` or `{source: distro}`"),
        );
    }
    match source {
        PackageSource::PkgsK8sIo => {
            Packages::PkgsK8sIo { mirror: mirror.map(|url| url.trim_end_matches('/').to_owned()) }
        }
        PackageSource::Preinstalled => Packages::Preinstalled,
        PackageSource::Distro => Packages::Distro,
    }
}

fn dns_domain(written: Option<&str>, faults: &mut Faults<'_>) -> String {
    let domain = written.unwrap_or("cluster.local");
    if !names::is_subdomain(domain) {
        faults.broken(
            Fault::at("/kubernetes/dnsDomain", format!("{} is not a DNS domain", quoted(domain)))
                .help("use lower-case letters, digits, hyphens and dots, for example `cluster.local`"),
        );
    }
    domain.to_owned()
}

fn image_repository(written: Option<&str>, faults: &mut Faults<'_>) -> Option<String> {
    let at = "/kubernetes/imageRepository";
    let repository = written?;
    if !one_line("repository", repository, at, faults) {
        return None;
    }
    if !names::is_image(repository) || repository.contains('@') {
        let fault = Fault::at(at, format!("{} is not an image registry with an optional path", quoted(repository)));
        faults.broken(match repository.split_once("://") {
            Some((_, rest)) => fault.help(format!("remove the scheme: {}", quoted(rest.trim_end_matches('/')))),
            None => fault.help("for example `registry.example.com/kubernetes`"),
        });
        return None;
    }
    Some(repository.to_owned())
}

fn proxy_mode(written: Option<file::ProxyMode>, version: Option<&Version>, faults: &mut Faults<'_>) -> ProxyMode {
    let at = "/kubernetes/proxyMode";
    let minor = version.map(|version| version.minor);
    match written {
        None | Some(file::ProxyMode::Iptables) => ProxyMode::Iptables,
        Some(file::ProxyMode::Ipvs) => {
            if minor.is_some_and(|minor| minor >= 35) {
                faults.warn(
                    Fault::at(at, "Kubernetes deprecates the IPVS mode of kube-proxy from 1.35")
                        .help("use `nftables` in new clusters"),
                );
            }
            ProxyMode::Ipvs
        }
        Some(file::ProxyMode::Nftables) => {
            if minor.is_some_and(|minor| minor < 31) {
                faults.error(
                    Fault::at(at, "kube-proxy supports the mode `nftables` from Kubernetes 1.31 on")
                        .also("/kubernetes/version", "older version")
                        .help("use `iptables`"),
                );
            }
            ProxyMode::Nftables
        }
    }
}
