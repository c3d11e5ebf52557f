//! `member`: a host that is part of the cluster, as a control plane or as a worker.
//!
//! mainstay writes a marker file on the host before and after each kubeadm run (`member/marker.sh`). It distinguishes an
//! unfinished run from a stopped kubelet or an unreachable API server, and `kubeadm reset` runs only after mainstay's own
//! runs. A node created by others has no marker file: its files and the API must both show a complete member, and
//! everything else is an error.

mod refusals;
mod steps;

use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

pub(super) use refusals::refixed;

use super::kubectl::with_kubectl;
use crate::resource::{
    Act, Action, FieldChange, HostFacts, Kind, Listens, MemberRole, Observation, Output, Prior, ProbeError, Script,
    Setting, Slots, Step,
};

/// A member of the cluster. The plan chooses one control plane to create the cluster with `kubeadm init`
/// ([`Act::Found`]); every other member joins with `kubeadm join`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Name of the Kubernetes node.
    pub node: String,
    /// Its role.
    pub role: MemberRole,
    /// The host's own address, which its API server and etcd member advertise; never the virtual IP.
    pub advertise_address: Ipv4Addr,
    /// The endpoint of the cluster, for example `10.0.0.100:8443`.
    pub endpoint: String,
    /// The container runtime's socket, as kubeadm expects it.
    pub cri_socket: String,
    /// Kubernetes version of a control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The input of kubeadm. It is used only at creation and not recorded.
    #[serde(skip)]
    pub making: Making,
}

/// The input of kubeadm, with slots for secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Making {
    /// The YAML document `JoinConfiguration`, with the slots [`Member::TOKEN_ID`], [`Member::TOKEN_SECRET`] and
    /// [`Member::CA_HASH`] (without the prefix `sha256:`), and for control planes [`Member::CERTIFICATE_KEY`].
    pub join: String,
    /// Documents of control planes; none for workers.
    pub control_plane: Option<ControlPlaneDocuments>,
    /// Preflight checks whose errors become warnings.
    pub ignore_preflight_errors: Vec<String>,
    /// The virtual IP of the cluster's own load balancers, if any. Only the simulated fleet uses it: the documents do not
    /// show who holds the address.
    pub virtual_ip: Option<Ipv4Addr>,
    /// The Kubernetes version, if its kubelet refuses cgroup v1.
    pub refuses_cgroup_v1: Option<String>,
}

/// Documents that only control planes need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlPlaneDocuments {
    /// Init-, Cluster-, Kubelet- and `KubeProxyConfiguration`, with the slots [`Member::TOKEN_ID`] and
    /// [`Member::TOKEN_SECRET`] in `bootstrapTokens`, whose `description` must be [`Member::TOKEN_DESCRIPTION`].
    pub init: String,
    /// Init- and `ClusterConfiguration` with the slot [`Member::CERTIFICATE_KEY`], for `kubeadm init phase upload-certs`
    /// on another control plane.
    pub upload: String,
    /// Phases of `kubeadm init` to skip.
    pub skip_phases: Vec<String>,
    /// Data directory of etcd.
    pub etcd_data_dir: String,
}

/// The member on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Whether kubeadm has finished; if not, mainstay started it.
    pub complete: bool,
    /// Its role.
    pub role: MemberRole,
    /// Kubernetes version in the manifest of a control plane's API server, if it is a released one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether this is an unfinished `kubeadm init`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub founding: bool,
}

impl Observed {
    /// A host on which kubeadm has finished.
    fn whole(role: MemberRole, version: Option<&str>) -> Self {
        Self { complete: true, role, version: version.map(str::to_owned), founding: false }
    }

    /// A host with an unfinished kubeadm run of mainstay.
    fn begun(role: MemberRole, founding: bool) -> Self {
        Self { complete: false, founding, ..Self::whole(role, None) }
    }
}

impl Member {
    /// Slot of the bootstrap token's id.
    pub const TOKEN_ID: &'static str = "token_id";
    /// Slot of the bootstrap token's secret.
    pub const TOKEN_SECRET: &'static str = "token_secret";
    /// Slot of the hash of the CA's public key: 64 hex digits.
    pub const CA_HASH: &'static str = "ca_hash";
    /// Slot of the key of the uploaded certificates.
    pub const CERTIFICATE_KEY: &'static str = "certificate_key";
    /// Description of every bootstrap token of mainstay; identifies tokens of interrupted runs.
    pub const TOKEN_DESCRIPTION: &'static str = "mainstay, for the time of one apply";

    /// The declared and the running version of a control plane, if they differ.
    fn other_version<'a>(&'a self, seen: &'a Observed) -> Option<(&'a str, &'a str)> {
        let both = (self.version.as_deref()?, seen.version.as_deref()?);
        (seen.complete && both.0 != both.1).then_some(both)
    }

    /// Whether errors of this preflight check are ignored.
    fn ignores(&self, check: &str) -> bool {
        let is = |name: &String| name.eq_ignore_ascii_case(check) || name.eq_ignore_ascii_case("all");
        self.making.ignore_preflight_errors.iter().any(is)
    }
}

impl Kind for Member {
    const NAME: &'static str = "member";
    const WEIGHT: u64 = 150;
    const PRINCIPAL: &'static str = "complete";
    const HAS_SETTINGS: bool = true;
    type Observed = Observed;

    fn key(&self) -> Option<String> {
        None
    }

    fn probe(&self) -> Script {
        Script::new(with_kubectl!("member/marker.sh", "member/look.sh")).set("NODE", &self.node)
    }

    fn parse(&self, output: &Output) -> Result<Observation<Observed>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        let text = output.stdout.trim();
        let unexpected = || ProbeError::unexpected(format!("`{text}` as the state of node {}", self.node));
        let role = |word: &str| MemberRole::parse(word).ok_or_else(unexpected);
        let words: Vec<&str> = text.split(' ').collect();
        Ok(Observation::Present(match words[..] {
            ["none"] => return Ok(Observation::Absent),
            ["begun"] => Observed::begun(self.role, false),
            ["begun", verb @ ("init" | "join")] => Observed::begun(self.role, verb == "init"),
            ["done", word] => Observed::whole(role(word)?, None),
            ["done", word, version] => Observed::whole(role(word)?, released(version)),
            ["foreign", word, url] | ["foreign", word, url, _] => {
                let there = url.strip_prefix("https://").ok_or_else(unexpected)?;
                if there != self.endpoint {
                    return Err(ProbeError::unexpected(format!(
                        "{} is a node of the cluster at {there}, not of the one at {}",
                        self.node, self.endpoint
                    )));
                }
                Observed::whole(role(word)?, words.get(3).copied().and_then(released))
            }
            _ => return Err(unexpected()),
        }))
    }

    fn diff(&self, seen: &Observed) -> Vec<FieldChange> {
        let state = |complete| if complete { "complete" } else { "unfinished" };
        let state = FieldChange::compare("state", state(seen.complete), state(true));
        let role = FieldChange::compare("role", seen.role.as_str(), self.role.as_str()).map(FieldChange::replacing);
        let version = self.other_version(seen).and_then(|(wanted, is)| FieldChange::compare("version", is, wanted));
        [state, role, version].into_iter().flatten().collect()
    }

    fn simulate(&self) -> Observed {
        Observed::whole(self.role, self.version.as_deref())
    }

    fn apply(&self, act: Act, before: &Observation<Observed>) -> Vec<Step> {
        if before.present().is_some_and(|seen| seen.complete) {
            return if act == Act::React { Vec::new() } else { self.finish() };
        }
        match (&self.making.control_plane, act) {
            (Some(documents), Act::Found) => self.found(documents),
            _ => self.join(),
        }
    }

    fn destroy(&self, prior: &Prior<Observed>) -> Vec<Step> {
        if made_by_others(prior) { Vec::new() } else { self.leave(prior) }
    }

    fn restored(&self, seen: &Observation<Observed>, prior: &Prior<Observed>) -> bool {
        // A manual upgrade since then is not reverted.
        let is = |seen: &Observed| (seen.complete, seen.role);
        if made_by_others(prior) {
            seen.present().map(is) == prior.before.present().map(is)
        } else {
            *seen == Observation::Absent
        }
    }

    /// A manual upgrade to the declared version is only recorded.
    fn settings(&self, recorded: &Self, seen: Option<&Observed>) -> Vec<Setting> {
        let name = refusals::renamed(&recorded.node, &self.node);
        let address = refusals::readdressed(&self.node, recorded.advertise_address, self.advertise_address);
        let upgraded = seen.is_some_and(|seen| seen.complete && self.version == seen.version);
        let versions = recorded.version.as_deref().zip(self.version.as_deref());
        let version = versions.filter(|(was, is)| was != is && !upgraded);
        let version = version.map(|(was, is)| refusals::upgrade(was, is));
        [name, address, version].into_iter().flatten().map(Setting::Refused).collect()
    }

    fn impossible(&self, seen: &Observed) -> Option<String> {
        self.other_version(seen).map(|(wanted, is)| {
            format!(
                "{} runs Kubernetes {is}, and cluster.yaml has kubernetes.version {wanted}. mainstay cannot change the \
                 version of a running cluster yet. Write `version: {is}` to adopt what runs.",
                self.node
            )
        })
    }

    /// Since 1.35, kubelet refuses cgroup v1 unless its configuration allows it. kubeadm would time out after minutes and
    /// not name the cause.
    fn unfit(&self, host: &HostFacts) -> Option<String> {
        let version = self.making.refuses_cgroup_v1.as_ref().filter(|_| host.cgroup_version == 1)?;
        Some(format!(
            "kubelet {version} does not start on {}, which uses cgroup v1. Boot the host with cgroup v2, or set \
             `kubernetes.kubelet.failCgroupV1: false`.",
            self.node
        ))
    }

    fn files(&self) -> Vec<(String, String)> {
        let join = ("kubeadm-join.yaml".to_owned(), Slots::masked(&self.making.join));
        let init = self.making.control_plane.iter();
        init.map(|it| ("kubeadm-init.yaml".to_owned(), Slots::masked(&it.init))).chain([join]).collect()
    }

    /// The ports that kubeadm's preflight checks require to be free.
    fn listens(&self) -> Vec<Listens> {
        let ports: &[(u16, &str)] = match self.role {
            MemberRole::ControlPlane => &[(6443, "kube-apiserver"), (2379, "etcd"), (2380, "etcd"), (10250, "kubelet")],
            MemberRole::Worker => &[(10250, "kubelet")],
        };
        let needed = ports.iter().filter(|(port, _)| !self.ignores(&format!("Port-{port}")));
        let at = |port: u16| SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
        needed.map(|(port, process)| Listens { at: at(*port), process: (*process).to_owned() }).collect()
    }

    fn warning(&self, action: Action) -> Option<String> {
        let node = &self.node;
        match action {
            Action::Destroy | Action::Replace => Some(match self.role {
                MemberRole::ControlPlane => {
                    format!("kubeadm reset on {node} deletes its pods, their local data and its etcd member")
                }
                MemberRole::Worker => format!("kubeadm reset on {node} deletes its pods and their local data"),
            }),
            Action::Update => {
                Some(format!("kubeadm did not finish on {node}; the leftovers are reset before it runs again"))
            }
            _ => None,
        }
    }
}

/// The version in the tag of an image, if Kubernetes has released it.
fn released(tag: &str) -> Option<&str> {
    let version = semver::Version::parse(tag).ok()?;
    let before = ["", "alpha", "beta", "rc"].contains(&version.pre.split('.').next().unwrap_or_default());
    (before && version.build.is_empty()).then_some(tag)
}

/// Whether the node existed before mainstay; destroy then leaves it in place.
fn made_by_others(prior: &Prior<Observed>) -> bool {
    prior.before.present().is_some_and(|seen| seen.complete)
}

#[cfg(test)]
mod tests;
