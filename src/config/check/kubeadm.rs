//! Preflight checks to ignore and phases to skip in kubeadm. kubeadm accepts any name silently, so a mistyped one
//! would do nothing; here it is noticed.

use super::values::one_line;
use crate::config::faults::{Fault, Faults};
use crate::config::pointer;
use crate::config::quote::{all_of, quoted};

/// Preflight checks of kubeadm 1.20 to 1.36.
const CHECKS: &[&str] = &[
    "all",
    "IsPrivilegedUser",
    "NumCPU",
    "Mem",
    "KubernetesVersion",
    "KubeletVersion",
    "Firewalld",
    "Hostname",
    "HTTPProxy",
    "HTTPProxyCIDR",
    "Swap",
    "SystemVerification",
    "CRI",
    "ContainerRuntimeVersion",
    "Service-Kubelet",
    "Service-Docker",
    "IsDockerSystemdCheck",
    "ImagePull",
    "ExternalEtcdVersion",
    "ExternalEtcdClientCertificates",
    "CreateJob",
    "ControlPlaneNodesReady",
    "StaticPodManifest",
];

/// Families of checks, named after a port or a file.
const FAMILIES: &[&str] = &["Port-", "FileAvailable-", "DirAvailable-", "FileContent-", "FileExisting-"];

/// Phases of `kubeadm init` that may be left out.
const OPTIONAL: &[&str] = &[
    "preflight",
    "upload-certs",
    "mark-control-plane",
    "kubelet-finalize",
    "addon",
    "addon/coredns",
    "addon/kube-proxy",
    "show-join-command",
];

/// Phases that the later steps build on.
const NEEDED: &[&str] = &[
    "certs",
    "kubeconfig",
    "etcd",
    "control-plane",
    "kubelet-start",
    "wait-control-plane",
    "upload-config",
    "bootstrap-token",
];

pub(super) fn preflight(written: Option<&Vec<String>>, faults: &mut Faults<'_>) -> Vec<String> {
    let list = written.cloned().unwrap_or_default();
    for (number, name) in list.iter().enumerate() {
        let at = pointer(["kubernetes", "ignorePreflightErrors", &number.to_string()]);
        let known = |other: &&&str| other.eq_ignore_ascii_case(name);
        let family = |prefix: &&str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if !one_line("name of a check", name, &at, faults) {
            continue;
        }
        if name.contains([',', ' ']) {
            faults.broken(
                Fault::at(at, format!("{} is not a single name", quoted(name)))
                    .help("write each check as a separate entry"),
            );
        } else if name.eq_ignore_ascii_case("all") && list.len() > 1 {
            faults.error(
                Fault::at(at, "`all` means every check and cannot be combined with others")
                    .help("remove `all`, or remove the others"),
            );
        } else if !CHECKS.iter().any(|other| known(&other)) && !FAMILIES.iter().any(family) {
            let near = CHECKS.iter().min_by_key(|other| strsim::levenshtein(name, other)).copied();
            let near = near.filter(|other| strsim::levenshtein(name, other) <= 3);
            let fault = Fault::at(at, format!("kubeadm has no preflight check {}", quoted(name)))
                .because("kubeadm would ignore it silently");
            faults.warn(match near {
                Some(near) => fault.help(format!("did you mean {}?", quoted(near))),
                None => fault.help("kubeadm prints check names in brackets: `[ERROR NumCPU]`"),
            });
        }
    }
    list
}

pub(super) fn phases(written: Option<&Vec<String>>, faults: &mut Faults<'_>) -> Vec<String> {
    let list = written.cloned().unwrap_or_default();
    for (number, name) in list.iter().enumerate() {
        let at = pointer(["kubernetes", "skipPhases", &number.to_string()]);
        let top = name.split('/').next().unwrap_or_default();
        if OPTIONAL.contains(&name.as_str()) {
            continue;
        }
        if NEEDED.contains(&top) {
            faults.error(
                Fault::at(at, format!("the phase {} cannot be skipped", quoted(name)))
                    .because("joining, health checks and drift detection depend on it")
                    .help(format!("phases that can be skipped: {}", all_of(OPTIONAL.iter().copied()))),
            );
        } else {
            let near = OPTIONAL.iter().min_by_key(|other| strsim::levenshtein(name, other)).copied();
            let near = near.filter(|other| strsim::levenshtein(name, other) <= 4);
            let fault = Fault::at(at, format!("`kubeadm init` has no phase {}", quoted(name)));
            faults.error(match near {
                Some(near) => fault.help(format!("did you mean {}?", quoted(near))),
                None => fault.help(format!("phases that can be skipped: {}", all_of(OPTIONAL.iter().copied()))),
            });
        }
    }
    list
}
