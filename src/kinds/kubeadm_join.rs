//! `kubeadm_join`: a further control plane or a worker.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::kubeadm::{
    Host, Observed, TOKEN_DESCRIPTION, readdressed, refixed, renamed, restored, runs_another, setting, slotted,
    standing, unless_joined, upgraded, version_change,
};
use super::kubectl::{ELECTION, with_kubectl};
use crate::resource::{
    Act, Action, Effect, FieldChange, Kind, Listens, Mint, Observation, Output, Prior, ProbeError, Refusal, Script,
    Slots, Step,
};

/// What a host becomes by joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinRole {
    /// A control plane with an etcd member of its own.
    ControlPlane,
    /// A worker.
    Worker,
}

impl JoinRole {
    /// `control-plane` or `worker`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
        }
    }
}

/// How long a token may be used that `token.sh` makes.
const TOKEN_LIFETIME: Duration = Duration::from_mins(20);

/// A host that joins a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeadmJoin {
    /// Name of the Kubernetes node.
    pub node: String,
    /// What it becomes.
    pub role: JoinRole,
    /// The host's own address; never the VIP.
    pub advertise_address: Ipv4Addr,
    /// The YAML document `JoinConfiguration`, with the placeholders of the slots [`KubeadmJoin::TOKEN_ID`],
    /// [`KubeadmJoin::TOKEN_SECRET`] and [`KubeadmJoin::CA_HASH`] (which has no `sha256:` in front), and for
    /// control planes [`KubeadmJoin::CERTIFICATE_KEY`].
    pub config: String,
    /// YAML documents Init- and `ClusterConfiguration` with the placeholder of the slot
    /// [`KubeadmJoin::CERTIFICATE_KEY`], for `kubeadm init phase upload-certs` on another control plane;
    /// nothing for workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_config: Option<String>,
    /// Preflight checks whose errors become warnings.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases of `kubeadm join` that are left out.
    pub skip_phases: Vec<String>,
    /// As in [`super::KubeadmInit`].
    #[serde(skip)]
    pub virtual_ip: Option<Ipv4Addr>,
    /// As in [`super::KubeadmInit`], for control planes: they stay where the first one leaves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fixed: BTreeMap<String, String>,
}

impl KubeadmJoin {
    /// Slot of the bootstrap token's id.
    pub const TOKEN_ID: &'static str = "token_id";
    /// Slot of the bootstrap token's secret.
    pub const TOKEN_SECRET: &'static str = "token_secret";
    /// Slot of the hash of the CA's public key: 64 hex digits.
    pub const CA_HASH: &'static str = "ca_hash";
    /// Slot of the key that the uploaded certificates are encrypted with.
    pub const CERTIFICATE_KEY: &'static str = "certificate_key";

    fn host(&self) -> Host<'_> {
        Host {
            verb: "join",
            node: &self.node,
            address: self.advertise_address,
            role: self.role,
            config: &self.config,
            skip: &self.skip_phases,
            ignore: &self.ignore_preflight_errors,
        }
    }

    /// What the cluster prepares for this host, on another control plane; nothing when it turned out to have joined.
    fn invite(&self) -> Vec<Step> {
        let host = self.host();
        let departed = Script::new(with_kubectl!("kubeadm/departed.sh")).set("NODE", &self.node);
        let token = Script::new(with_kubectl!("kubeadm/token.sh"))
            .set("LABEL", host.label())
            .set("DESCRIPTION", TOKEN_DESCRIPTION)
            .set("TOKEN_ID", slotted(&Slots::placeholder(Self::TOKEN_ID)))
            .set("TOKEN_SECRET", slotted(&Slots::placeholder(Self::TOKEN_SECRET)));
        let signed = Script::new(with_kubectl!("kubeadm/signed.sh"))
            .set("TOKEN_ID", slotted(&Slots::placeholder(Self::TOKEN_ID)));
        let hash = Script::new(include_str!("kubeadm/ca_hash.sh")).set("CA", "/etc/kubernetes/pki/ca.crt");
        let gone = format!("no Ready node is named {}", self.node);
        let minute = Duration::from_mins(1);
        let mut steps = vec![
            Step::wait(gone, departed.set("STANDING", standing()), Duration::from_secs(90))
                .on_control_plane()
                .means(unless_joined(Effect::NodeAway)),
            host.forget(false),
        ];
        if let Some(upload) = &self.upload_config {
            let script = Script::new(with_kubectl!("kubeadm/marker.sh", "kubeadm/upload.sh"))
                .set("CONFIG", slotted(upload))
                .set("STANDING", standing());
            let effect = Effect::UploadCertificates { endpoint: self.virtual_ip, key: Self::CERTIFICATE_KEY };
            let step = Step::run("upload the certificates", script).on_control_plane();
            steps.push(step.means(unless_joined(effect)));
        }
        let made = Effect::MakeToken { id: Self::TOKEN_ID, lifetime: TOKEN_LIFETIME };
        steps.extend([
            Step::run("make a bootstrap token", token.set("STANDING", standing()))
                .transient(ELECTION)
                .on_control_plane()
                .means(unless_joined(made)),
            Step::wait("the token is signed", signed.set("STANDING", standing()), minute)
                .on_control_plane()
                .means(unless_joined(Effect::TokenSigned { id: Self::TOKEN_ID })),
            Step::run("read the CA's hash", hash).on_control_plane().capture(Self::CA_HASH),
        ]);
        steps
    }

    /// A control plane counts when it is whole, a worker when its kubelet has registered it. (A node is Ready only
    /// with a network plugin, which may be nobody's business here.)
    fn gate(&self) -> Step {
        match self.role {
            JoinRole::ControlPlane => self.host().gate(),
            JoinRole::Worker => {
                let script = Script::new(with_kubectl!("kubeadm/registered.sh")).set("NODE", &self.node);
                let until = format!("node {} is registered", self.node);
                Step::wait(until, script, Duration::from_mins(2)).on_control_plane().means(Effect::NodeRegistered)
            }
        }
    }
}

impl Kind for KubeadmJoin {
    const NAME: &'static str = "kubeadm_join";
    const PRINCIPAL: &'static str = "complete";
    const MAY_REFUSE: bool = true;
    type Observed = Observed;

    fn key(&self) -> Option<String> {
        None
    }

    fn probe(&self) -> Script {
        self.host().probe()
    }

    fn parse(&self, output: &Output) -> Result<Observation<Observed>, ProbeError> {
        self.host().parse(output, setting(&self.config, "apiServerEndpoint"))
    }

    fn diff(&self, seen: &Observed) -> Vec<FieldChange> {
        self.host().diff(seen).into_iter().chain(version_change(&self.fixed, seen)).collect()
    }

    fn listens(&self) -> Vec<Listens> {
        self.host().listens()
    }

    fn simulate(&self) -> Observed {
        Observed::whole(self.role, self.fixed.get("kubernetes.version").map(String::as_str))
    }

    fn apply(&self, act: Act, before: &Observation<Observed>) -> Vec<Step> {
        let host = self.host();
        let forget_secrets = host.forget_secrets().on_control_plane();
        if before.present().is_some_and(|seen| seen.complete) {
            return if act == Act::React { Vec::new() } else { vec![host.idle(), self.gate(), forget_secrets] };
        }
        let mut steps = host.prepare().to_vec();
        steps.push(Step::mint(Self::TOKEN_ID, Mint::TokenId));
        steps.push(Step::mint(Self::TOKEN_SECRET, Mint::TokenSecret));
        if let Some(upload) = &self.upload_config {
            steps.push(Step::mint(Self::CERTIFICATE_KEY, Mint::CertificateKey));
            steps.extend(host.pull(upload));
        }
        steps.extend(self.invite());
        let certificates = self.upload_config.as_ref().map(|_| Self::CERTIFICATE_KEY);
        let joined = Effect::Join { endpoint: self.virtual_ip, token: Self::TOKEN_ID, certificates };
        let run = host.run().means(unless_joined(joined));
        steps.extend([run, self.gate(), forget_secrets]);
        steps
    }

    fn files(&self) -> Vec<(String, String)> {
        vec![("kubeadm-join.yaml".into(), Slots::masked(&self.config))]
    }

    fn destroy(&self, prior: &Prior<Observed>) -> Vec<Step> {
        self.host().destroy(prior)
    }

    fn restored(&self, seen: &Observation<Observed>, prior: &Prior<Observed>) -> bool {
        restored(seen, prior)
    }

    fn refuses(&self, recorded: &Self) -> Vec<Refusal> {
        let address = readdressed(&self.node, recorded.advertise_address, self.advertise_address);
        let settings = refixed(&recorded.fixed, &self.fixed);
        renamed(&recorded.node, &self.node).into_iter().chain(address).chain(settings).collect()
    }

    fn caught_up(&self, mut recorded: Self, seen: &Observed) -> Self {
        upgraded(&mut recorded.fixed, &self.fixed, seen);
        recorded
    }

    fn impossible(&self, seen: &Observed) -> Option<String> {
        runs_another(&self.node, &self.fixed, seen)
    }

    fn warning(&self, action: Action) -> Option<String> {
        self.host().warning(action)
    }
}
