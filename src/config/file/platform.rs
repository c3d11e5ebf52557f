//! What lies under and beside Kubernetes.

use super::Text;
use crate::config::Class;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Kernel parameters, kernel modules and swap of every host.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct HostConfig {
    /// Kernel parameters, set immediately and at boot.
    #[schemars(extend("examples" = [{"vm.max_map_count": 262_144}]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) sysctls: Option<BTreeMap<String, Text>>,
    /// Additional kernel modules, loaded immediately and at boot.
    #[schemars(extend("uniqueItems" = true, "examples" = [["nf_conntrack"]]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) kernel_modules: Option<Vec<String>>,
    /// What happens to swap. With `keep`, `kubernetes.kubelet.failSwapOn: false` must allow it.
    #[schemars(extend("default" = "off"))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) swap: Option<Swap>,
}

/// What happens to swap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Swap {
    /// Swap is switched off, immediately and at boot.
    Off,
    /// Swap is left unchanged.
    Keep,
}

/// The container runtime of every node.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct ContainerRuntime {
    /// Which container runtime.
    #[schemars(extend("default" = "containerd"))]
    #[expect(dead_code, reason = "its only value is checked by its type")]
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) kind: Option<RuntimeKind>,
    /// Where containerd comes from.
    #[schemars(extend("default" = "distro"))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) source: Option<RuntimeSource>,
    /// Image of the pause container. By default the image that matches the Kubernetes version.
    #[schemars(extend("examples" = ["registry.example.com/kubernetes/pause:3.10"]))]
    #[schemars(extend("x-class" = Class::Rolling))]
    pub(in crate::config) sandbox_image: Option<String>,
    /// The cgroup driver of containerd and kubelet on all hosts; kubeadm gives all of them the same
    /// kubelet configuration. By default the value of `kubernetes.kubelet.cgroupDriver`, or
    /// `systemd`.
    #[schemars(extend("x-class" = Class::Fixed))]
    pub(in crate::config) cgroup_driver: Option<CgroupDriver>,
    /// Merged into containerd's `config.toml`: tables are merged recursively, arrays and values
    /// replaced.
    #[schemars(extend("examples" = [{"debug": {"level": "info"}}]))]
    #[schemars(extend("x-class" = Class::Rolling))]
    pub(in crate::config) extra: Option<Map<String, Value>>,
}

/// Which container runtime.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum RuntimeKind {
    /// containerd.
    Containerd,
}

/// Where containerd comes from.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum RuntimeSource {
    /// The distribution's package `containerd`.
    Distro,
    /// It is already installed; mainstay only writes its configuration.
    Preinstalled,
}

/// The cgroup driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum CgroupDriver {
    /// systemd.
    Systemd,
    /// kubelet and containerd themselves.
    Cgroupfs,
}

/// The pod network.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Network {
    /// Which network plugin.
    #[schemars(required)]
    #[schemars(extend("x-class" = Class::Migration))]
    pub(in crate::config) plugin: Option<Plugin>,
    /// The manifest, with `plugin: manifest` only.
    pub(in crate::config) manifest: Option<Manifest>,
}

/// Which network plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Plugin {
    /// Built in, needs no image and no internet: the standard bridge plugin with a fixed /24 per
    /// host and static routes between the hosts, which must be on one network segment.
    Bridge,
    /// None. Nodes are not ready until someone else installs a network plugin.
    None,
    /// A manifest that you choose, such as Flannel or Calico.
    Manifest,
}

/// A manifest that installs the pod network: `path` or `url`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Manifest {
    /// A file, relative to this file.
    #[schemars(extend("examples" = ["network/flannel.yaml"]))]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) path: Option<String>,
    /// An http or https address; needs `sha256`.
    #[schemars(
        regex(pattern = "^https?://"),
        extend("examples" = ["https://example.com/flannel/v0.26.1/kube-flannel.yml"])
    )]
    #[schemars(extend("x-class" = Class::Live))]
    pub(in crate::config) url: Option<String>,
    /// SHA-256 of the manifest in hexadecimal. Required with `url`, so that only the reviewed
    /// content is applied.
    #[schemars(
        regex(pattern = "^[0-9A-Fa-f]{64}$"),
        extend("examples" = ["e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"])
    )]
    #[schemars(extend("x-class" = Class::Tool))]
    pub(in crate::config) sha256: Option<String>,
}
