//! `member`: a host that is part of the cluster, as a control plane or as a worker.
//!
//! Whether kubeadm finished is decided by what lasts. Before each run of its own mainstay notes on the host
//! that it begins, and after it that it is done (`member/marker.sh`); so an unfinished run is told from a stopped
//! kubelet or a silent apiserver, and `kubeadm reset` is only ever run over what mainstay itself began. A node
//! made by others has no note: there, the files and the API must both say that it is whole, and anything else
//! is an error that a person must settle.

mod refusals;
mod steps;

use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

pub(super) use refusals::refixed;

use super::kubectl::with_kubectl;
use crate::resource::{
    Act, Action, FieldChange, HostFacts, Kind, Listens, MemberRole, Observation, Output, Prior, ProbeError, Refusal,
    Script, Slots, Step,
};

/// A member of the cluster. The first control plane of a new cluster is made by `kubeadm init`, every other member
/// by `kubeadm join`; which of the two it is decides the plan ([`Act::Found`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Name of the Kubernetes node.
    pub node: String,
    /// What it is.
    pub role: MemberRole,
    /// The host's own address, on which its apiserver and etcd are announced; never the VIP.
    pub advertise_address: Ipv4Addr,
    /// Where the API of its cluster is reached: `10.0.0.100:8443`.
    pub endpoint: String,
    /// The container runtime's socket, as kubeadm expects it.
    pub cri_socket: String,
    /// Kubernetes version of a control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What kubeadm is given when it makes the member; not recorded, since it counts for nothing afterwards.
    #[serde(skip)]
    pub making: Making,
}

/// What kubeadm is given, with placeholders of slots where secrets are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Making {
    /// The YAML document `JoinConfiguration`, with the slots [`Member::TOKEN_ID`], [`Member::TOKEN_SECRET`] and
    /// [`Member::CA_HASH`] (which has no `sha256:` in front), and for control planes [`Member::CERTIFICATE_KEY`].
    pub join: String,
    /// What a control plane has besides; nothing for workers.
    pub control_plane: Option<ControlPlaneDocuments>,
    /// Preflight checks whose errors become warnings.
    pub ignore_preflight_errors: Vec<String>,
    /// The virtual address that must answer before, when load balancers of the same cluster hold one. Only for the
    /// simulated fleet: the configuration has the address, but not who holds it.
    pub virtual_ip: Option<Ipv4Addr>,
    /// The Kubernetes version, where kubelet is configured to refuse cgroup v1.
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
    /// Phases of `kubeadm init` that are left out.
    pub skip_phases: Vec<String>,
    /// Where etcd keeps its data.
    pub etcd_data_dir: String,
}

/// The standing of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Whether kubeadm ended well here; if not, mainstay began it.
    pub complete: bool,
    /// What the host is.
    pub role: MemberRole,
    /// The Kubernetes version of a control plane's API server, where its manifest says that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether what mainstay began and did not finish is the cluster's first control plane.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub founding: bool,
}

impl Observed {
    /// A host on which kubeadm has finished.
    fn whole(role: MemberRole, version: Option<&str>) -> Self {
        Self { complete: true, role, version: version.map(str::to_owned), founding: false }
    }

    /// A host on which mainstay began kubeadm.
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
    /// Slot of the key that the uploaded certificates are encrypted with.
    pub const CERTIFICATE_KEY: &'static str = "certificate_key";
    /// Description of every bootstrap token that mainstay makes, by which left ones are found again.
    pub const TOKEN_DESCRIPTION: &'static str = "mainstay, for the time of one apply";

    /// The declared version and the one that this control plane runs, where they differ.
    fn other_version<'a>(&'a self, seen: &'a Observed) -> Option<(&'a str, &'a str)> {
        let both = (self.version.as_deref()?, seen.version.as_deref()?);
        (seen.complete && both.0 != both.1).then_some(both)
    }

    /// Whether preflight ignores the errors of this check.
    fn ignores(&self, check: &str) -> bool {
        let is = |name: &String| name.eq_ignore_ascii_case(check) || name.eq_ignore_ascii_case("all");
        self.making.ignore_preflight_errors.iter().any(is)
    }
}

impl Kind for Member {
    const NAME: &'static str = "member";
    const WEIGHT: u64 = 150;
    const PRINCIPAL: &'static str = "complete";
    const MAY_REFUSE: bool = true;
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
        let odd = || ProbeError::odd(format!("`{text}` as the standing of {}", self.node));
        let role = |word: &str| MemberRole::parse(word).ok_or_else(odd);
        let words: Vec<&str> = text.split(' ').collect();
        Ok(Observation::Present(match words[..] {
            ["none"] => return Ok(Observation::Absent),
            ["begun"] => Observed::begun(self.role, false),
            ["begun", verb @ ("init" | "join")] => Observed::begun(self.role, verb == "init"),
            ["done", word] => Observed::whole(role(word)?, None),
            ["done", word, version] => Observed::whole(role(word)?, released(version)),
            ["foreign", word, url] | ["foreign", word, url, _] => {
                let there = url.strip_prefix("https://").ok_or_else(odd)?;
                if there != self.endpoint {
                    return Err(ProbeError::odd(format!(
                        "{} is a node of the cluster at {there}, not of the one at {}",
                        self.node, self.endpoint
                    )));
                }
                Observed::whole(role(word)?, words.get(3).copied().and_then(released))
            }
            _ => return Err(odd()),
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
        // An upgrade by hand meanwhile is nothing that mainstay has to put back.
        let is = |seen: &Observed| (seen.complete, seen.role);
        if made_by_others(prior) {
            seen.present().map(is) == prior.before.present().map(is)
        } else {
            *seen == Observation::Absent
        }
    }

    fn refuses(&self, recorded: &Self) -> Vec<Refusal> {
        let name = refusals::renamed(&recorded.node, &self.node);
        let address = refusals::readdressed(&self.node, recorded.advertise_address, self.advertise_address);
        let versions = recorded.version.as_deref().zip(self.version.as_deref());
        let version = versions.filter(|(was, is)| was != is).map(|(was, is)| refusals::upgrade(was, is));
        [name, address, version].into_iter().flatten().collect()
    }

    /// An upgrade that somebody else made, to the declared version, is only recorded.
    fn caught_up(&self, recorded: Self, seen: &Observed) -> Self {
        let upgraded = seen.complete && recorded.version.is_some() && self.version == seen.version;
        if upgraded { Self { version: self.version.clone(), ..recorded } } else { recorded }
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

    /// Since 1.35 kubelet refuses cgroup v1, unless its configuration allows it; kubeadm would wait for it for minutes
    /// without naming the cause.
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

    /// The ports that kubeadm's preflight needs free, except those whose check it ignores.
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

/// The version in the tag of an image, where it is one that Kubernetes has released.
fn released(tag: &str) -> Option<&str> {
    let version = semver::Version::parse(tag).ok()?;
    let before = ["", "alpha", "beta", "rc"].contains(&version.pre.split('.').next().unwrap_or_default());
    (before && version.build.is_empty()).then_some(tag)
}

/// Whether the node was there, whole, before mainstay: then destroy leaves it alone.
fn made_by_others(prior: &Prior<Observed>) -> bool {
    prior.before.present().is_some_and(|seen| seen.complete)
}

#[cfg(test)]
mod tests;
