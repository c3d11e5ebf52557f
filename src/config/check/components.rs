//! Flags and volumes of the control plane's components. A flag that mainstay or kubeadm derives
//! from the rest of the file is refused: two places for one value drift apart.

use super::names;
use super::values::{host_path, plain_line};
use crate::config::faults::{Fault, Faults};
use crate::config::file::{PathType, Text, Volume};
use crate::config::quote::quoted;
use crate::config::{Component, ExtraVolume, pointer};
use std::collections::{BTreeMap, HashMap};

/// Properties of the flags of one component.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flags {
    /// Its key under `kubernetes`.
    pub(super) key: &'static str,
    /// Its flags that are refused, and where the value comes from.
    pub(super) owned: &'static [(&'static str, &'static str)],
    /// Whether several replicas run, so that they must elect a leader.
    pub(super) replicated: bool,
}

const FROM_HOST: &str = "it is the host's `internalAddress`";
const FROM_ETCD: &str = "it is derived from the hosts with the role `control-plane`";
const FROM_SERVICES: &str = "it is `kubernetes.serviceSubnet`";
const FROM_PODS: &str = "it is `kubernetes.podSubnet`";
const FROM_PKI: &str = "kubeadm creates the certificates and sets their paths";

pub(super) const API_SERVER: Flags = Flags {
    key: "apiServer",
    replicated: false,
    owned: &[
        ("advertise-address", FROM_HOST),
        ("secure-port", "every API server listens on 6443; clients use `endpoint.port`"),
        ("etcd-servers", FROM_ETCD),
        ("etcd-cafile", FROM_PKI),
        ("etcd-certfile", FROM_PKI),
        ("etcd-keyfile", FROM_PKI),
        ("service-cluster-ip-range", FROM_SERVICES),
        ("client-ca-file", FROM_PKI),
        ("tls-cert-file", FROM_PKI),
        ("tls-private-key-file", FROM_PKI),
        ("kubelet-client-certificate", FROM_PKI),
        ("kubelet-client-key", FROM_PKI),
        ("proxy-client-cert-file", FROM_PKI),
        ("proxy-client-key-file", FROM_PKI),
        ("service-account-key-file", FROM_PKI),
        ("service-account-signing-key-file", FROM_PKI),
        ("enable-bootstrap-token-auth", "hosts join with bootstrap tokens"),
        ("allow-privileged", "kube-proxy and network plugins are privileged pods"),
    ],
};

pub(super) const CONTROLLER_MANAGER: Flags = Flags {
    key: "controllerManager",
    replicated: false,
    owned: &[
        ("cluster-cidr", FROM_PODS),
        ("service-cluster-ip-range", FROM_SERVICES),
        ("allocate-node-cidrs", "it is derived from `network.plugin`"),
        ("root-ca-file", FROM_PKI),
        ("client-ca-file", FROM_PKI),
        ("service-account-private-key-file", FROM_PKI),
    ],
};

pub(super) const SCHEDULER: Flags = Flags { key: "scheduler", replicated: false, owned: &[] };

pub(super) const ETCD: Flags = Flags {
    key: "etcd",
    replicated: false,
    owned: &[
        ("name", "it is the host's node name"),
        ("data-dir", "it is `kubernetes.etcd.dataDir`"),
        ("heartbeat-interval", "it is `kubernetes.etcd.heartbeatInterval`"),
        ("election-timeout", "it is `kubernetes.etcd.electionTimeout`"),
        ("listen-client-urls", FROM_HOST),
        ("listen-peer-urls", FROM_HOST),
        ("advertise-client-urls", FROM_HOST),
        ("initial-advertise-peer-urls", FROM_HOST),
        ("initial-cluster", FROM_ETCD),
        ("initial-cluster-state", FROM_ETCD),
        ("cert-file", FROM_PKI),
        ("key-file", FROM_PKI),
        ("trusted-ca-file", FROM_PKI),
        ("client-cert-auth", FROM_PKI),
        ("peer-cert-file", FROM_PKI),
        ("peer-key-file", FROM_PKI),
        ("peer-trusted-ca-file", FROM_PKI),
        ("peer-client-cert-auth", FROM_PKI),
    ],
};

/// Names of volumes that kubeadm itself mounts.
const KUBEADM_VOLUMES: &[&str] = &[
    "k8s-certs",
    "ca-certs",
    "etc-ca-certificates",
    "usr-share-ca-certificates",
    "usr-local-share-ca-certificates",
    "etc-pki",
    "kubeconfig",
    "flexvolume-dir",
    "etcd-certs",
    "etcd-data",
];

pub(super) fn check(
    args: Option<&BTreeMap<String, Text>>,
    volumes: Option<&Vec<Volume>>,
    flags: &Flags,
    faults: &mut Faults<'_>,
) -> Component {
    Component { extra_args: extra_args(args, flags, faults), extra_volumes: extra_volumes(volumes, flags, faults) }
}

pub(super) fn extra_args(
    written: Option<&BTreeMap<String, Text>>,
    flags: &Flags,
    faults: &mut Faults<'_>,
) -> BTreeMap<String, String> {
    let mut args = BTreeMap::new();
    for (flag, Text(value)) in written.into_iter().flatten() {
        let at = pointer(["kubernetes", flags.key, "extraArgs", flag]);
        // Kubernetes' own components take `_` for `-` in the names of flags; etcd does not.
        let plain = if flags.key == ETCD.key { flag.clone() } else { flag.replace('_', "-") };
        let owned = flags.owned.iter().find(|(name, _)| *name == plain);
        if let Some((_, source)) = owned {
            faults.error(
                Fault::key(&at, format!("mainstay sets the flag {} itself", quoted(flag)))
                    .because((*source).to_owned())
                    .help("remove it here"),
            );
        } else if !names::is_flag(flag) {
            let fault = Fault::key(&at, format!("{} is not a flag name", quoted(flag)));
            faults.broken(match flag.trim_start_matches('-') {
                bare if names::is_flag(bare) => fault.help(format!("remove the leading dashes: {}", quoted(bare))),
                _ => fault.help("write it without leading dashes, for example `audit-log-path`"),
            });
        } else if plain_line("value of a flag", value, &at, faults) {
            meaning(&plain, value, &at, flags, faults);
            args.insert(flag.clone(), value.clone());
        }
    }
    args
}

/// Values that Go parses as false.
fn is_false(value: &str) -> bool {
    matches!(value, "0" | "f" | "F" | "false" | "False" | "FALSE")
}

/// Values that break an HA cluster.
fn meaning(flag: &str, value: &str, at: &str, flags: &Flags, faults: &mut Faults<'_>) {
    match (flags.key, flag) {
        ("apiServer", "anonymous-auth") if is_false(value) => faults.error(
            Fault::at(at, "health checks cannot reach the API server without anonymous requests")
                .because("haproxy and kubelet request /readyz and /livez without credentials and would get status 401")
                .help("remove it; RBAC allows anonymous requests only to the health checks")
                .help(
                    "from Kubernetes 1.32 on, an AuthenticationConfiguration can limit anonymous requests to those \
                       paths",
                ),
        ),
        ("apiServer", "authorization-mode") => {
            let modes: Vec<&str> = value.split(',').map(str::trim).collect();
            if !modes.contains(&"Node") || !modes.contains(&"RBAC") {
                faults.error(
                    Fault::at(at, "the authorization modes `Node` and `RBAC` are required")
                        .because("hosts need them to join the cluster")
                        .help("use `Node,RBAC`, followed by any other modes"),
                );
            }
        }
        ("controllerManager" | "scheduler", "leader-elect") if is_false(value) && flags.replicated => {
            faults.error(
                Fault::at(at, "several control planes need leader election")
                    .because("without it, all of them act at the same time")
                    .help("remove it"),
            );
        }
        _ => {}
    }
}

fn extra_volumes(written: Option<&Vec<Volume>>, flags: &Flags, faults: &mut Faults<'_>) -> Vec<ExtraVolume> {
    let mut volumes = Vec::new();
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (number, volume) in written.into_iter().flatten().enumerate() {
        let at = |key: &str| pointer(["kubernetes", flags.key, "extraVolumes", &number.to_string(), key]);
        let name = volume.name.as_deref().unwrap_or_default();
        if volume.name.is_some() {
            if !names::is_label(name) {
                let message = format!("the volume name {} is not a DNS-1123 label", quoted(name));
                faults.broken(
                    Fault::at(at("name"), message)
                        .help("use lower-case letters, digits and hyphens; start and end with a letter or digit"),
                );
            } else if KUBEADM_VOLUMES.contains(&name) {
                let message = format!("kubeadm mounts a volume {} itself", quoted(name));
                faults.error(Fault::at(at("name"), message).help("choose another name"));
            }
            if let Some(first) = names.insert(name, number) {
                let other = pointer(["kubernetes", flags.key, "extraVolumes", &first.to_string(), "name"]);
                faults.error(
                    Fault::at(at("name"), format!("duplicate volume name {}", quoted(name)))
                        .also(other, "first used here")
                        .help("choose another name"),
                );
            }
        }
        let mut path = |text: &Option<String>, key: &str| {
            text.as_deref().and_then(|text| host_path(text, &at(key), faults)).unwrap_or_default()
        };
        volumes.push(ExtraVolume {
            name: name.to_owned(),
            host_path: path(&volume.host_path, "hostPath"),
            mount_path: path(&volume.mount_path, "mountPath"),
            read_only: volume.read_only.unwrap_or(false),
            path_type: volume.path_type.map(|kind| path_type(kind).to_owned()),
        });
    }
    volumes
}

fn path_type(kind: PathType) -> &'static str {
    match kind {
        PathType::Directory => "Directory",
        PathType::DirectoryOrCreate => "DirectoryOrCreate",
        PathType::File => "File",
        PathType::FileOrCreate => "FileOrCreate",
        PathType::Socket => "Socket",
    }
}
