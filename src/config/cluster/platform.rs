//! Kernel, container runtime, pod network and guards.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Kernel settings, modules and swap, on every host; what Kubernetes itself needs is added by
/// mainstay and is not listed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    /// Kernel parameters, dotted name to value.
    pub sysctls: BTreeMap<String, String>,
    /// Further kernel modules.
    pub kernel_modules: Vec<String>,
    /// What happens to swap.
    pub swap: Swap,
}

/// What happens to swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// It is switched off, now and after a reboot.
    Off,
    /// It is left alone.
    Keep,
}

/// The container runtime: containerd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRuntime {
    /// Where it comes from.
    pub source: RuntimeSource,
    /// Image of the pause container; `None` is the one that fits the Kubernetes version.
    pub sandbox_image: Option<String>,
    /// The cgroup driver; `None` chooses by host.
    pub cgroup_driver: Option<CgroupDriver>,
    /// Merged into containerd's `config.toml`, tables deep, arrays and values replaced.
    pub extra: Map<String, Value>,
}

/// Where containerd comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeSource {
    /// The distribution's package `containerd`.
    Distro,
    /// It is on the hosts already.
    Preinstalled,
}

/// Who manages control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupDriver {
    /// systemd.
    Systemd,
    /// kubelet and containerd themselves.
    Cgroupfs,
}

/// The pod network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// Built in: CNI bridge, one /24 of the pod subnet a host, static routes between the hosts.
    Bridge,
    /// None; somebody else installs one.
    None,
    /// A manifest, applied once the first control plane answers.
    Manifest {
        /// Its source.
        source: ManifestSource,
        /// SHA-256 of its bytes in lower-case hex; always there for a URL.
        sha256: Option<String>,
    },
}

/// The source of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestSource {
    /// A file on the operator's machine.
    Path(PathBuf),
    /// An http or https URL.
    Url(String),
}

/// Protection against accidental changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guards {
    /// Address patterns of resources that no plan may destroy or replace.
    pub prevent_destroy: Vec<String>,
}

/// How resources live on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Address patterns of resources whose drift is not counted.
    pub ignore_drift: Vec<String>,
    /// The renames.
    pub moved: Vec<Moved>,
}

/// One rename: two hosts, or two prefixes of addresses (whole ones, too) of the same host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The old name; no host of that name is declared.
    pub from: String,
    /// The new name.
    pub to: String,
}

impl CgroupDriver {
    /// The driver as kubelet spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Cgroupfs => "cgroupfs",
        }
    }
}
