//! The versions of kubeadm's configuration and in what they differ.

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;

/// A version of `kubeadm.k8s.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stack) enum ConfigApi {
    /// Kubernetes 1.15 to 1.21.
    V1Beta2,
    /// Kubernetes 1.22 to 1.30.
    V1Beta3,
    /// Kubernetes 1.31 and later.
    V1Beta4,
}

impl ConfigApi {
    /// The newest version that kubeadm of this Kubernetes writes itself.
    pub(in crate::stack) fn of(kubernetes: &Version) -> Self {
        match kubernetes.minor {
            ..=21 => Self::V1Beta2,
            22..=30 => Self::V1Beta3,
            31.. => Self::V1Beta4,
        }
    }

    /// The `apiVersion`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V1Beta2 => "kubeadm.k8s.io/v1beta2",
            Self::V1Beta3 => "kubeadm.k8s.io/v1beta3",
            Self::V1Beta4 => "kubeadm.k8s.io/v1beta4",
        }
    }

    /// A component's flags in this version's form; nothing for none.
    pub(super) fn args(self, args: BTreeMap<String, String>) -> Option<ExtraArgs> {
        if args.is_empty() {
            return None;
        }
        Some(match self {
            Self::V1Beta2 | Self::V1Beta3 => ExtraArgs::Map(args),
            Self::V1Beta4 => ExtraArgs::List(args.into_iter().map(|(name, value)| Arg { name, value }).collect()),
        })
    }

    /// The timeouts, where this version keeps them in one place.
    pub(super) fn timeouts(self) -> Option<Timeouts> {
        (self == Self::V1Beta4).then_some(Timeouts {
            control_plane_component_health_check: HEALTH_TIMEOUT,
            discovery: DISCOVERY_TIMEOUT,
            tls_bootstrap: DISCOVERY_TIMEOUT,
        })
    }

    /// A timeout at its old place, where this version still has it there.
    pub(super) fn old_timeout(self, timeout: &'static str) -> Option<&'static str> {
        (self != Self::V1Beta4).then_some(timeout)
    }
}

/// How long kubeadm waits for the control plane to be healthy.
pub(super) const HEALTH_TIMEOUT: &str = "4m0s";
/// How long a joining host looks for the cluster.
pub(super) const DISCOVERY_TIMEOUT: &str = "5m0s";

/// Flags: a map up to v1beta3, a list from v1beta4 on.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ExtraArgs {
    /// Name to value.
    Map(BTreeMap<String, String>),
    /// Names and values.
    List(Vec<Arg>),
}

/// One flag of v1beta4.
#[derive(Debug, Serialize)]
pub(super) struct Arg {
    name: String,
    value: String,
}

/// The timeouts of v1beta4.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timeouts {
    control_plane_component_health_check: &'static str,
    discovery: &'static str,
    tls_bootstrap: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minor_gets_an_api_that_its_kubeadm_reads() {
        let api = |minor| ConfigApi::of(&Version::new(1, minor, 0));
        assert_eq!([20, 21].map(api), [ConfigApi::V1Beta2; 2]);
        assert_eq!([22, 30].map(api), [ConfigApi::V1Beta3; 2]);
        assert_eq!([31, 37].map(api), [ConfigApi::V1Beta4; 2]);
    }
}
