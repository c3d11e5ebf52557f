//! The steps that create, finish and remove a member.

use std::time::Duration;

use super::super::kubectl::ELECTION;
use super::{ControlPlaneDocuments, Member, Observed};
use crate::resource::{Effect, MemberRole, Mint, Prior, Script, Slots, Step, Value, sha256_hex};

/// As `with_kubectl`, for files of this module.
macro_rules! on_control_plane {
    ($($file:literal),+) => { concat!(include_str!("../kubectl.sh"), $(include_str!($file)),+) };
}

/// Slot that tells later steps whether the host must still join; see `settle.sh`.
pub(super) const STANDING: &str = "standing";
/// Output of `settle.sh` for a host that must still join.
pub(super) const BARE: &str = "mainstay-bare";
/// Output of `settle.sh` for a complete member.
pub(super) const FINISHED: &str = "mainstay-finished";

/// Lifetime of the tokens of `token.sh`.
const TOKEN_LIFETIME: Duration = Duration::from_mins(20);

/// Paths that are recorded before the first run and restored by destroy; deepest paths first.
pub(super) const PATHS: &str = "/etc/kubernetes/manifests /etc/kubernetes/pki/etcd /etc/kubernetes/pki /etc/kubernetes/tmp \
    /etc/kubernetes /var/lib/kubelet /var/lib/etcd /var/lib/cni /usr/libexec/kubernetes";

/// Kernel settings that kubelet and kube-proxy change.
const SYSCTLS: &str = "vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops \
    kernel.keys.root_maxkeys kernel.keys.root_maxbytes net.ipv4.conf.all.route_localnet \
    net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables \
    net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_tcp_timeout_established \
    net.netfilter.nf_conntrack_tcp_timeout_close_wait net.netfilter.nf_conntrack_tcp_be_liberal \
    net.ipv4.vs.conntrack net.ipv4.vs.conn_reuse_mode net.ipv4.vs.expire_nodest_conn \
    net.ipv4.vs.expire_quiescent_template net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce";

/// The run of kubeadm that creates a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Init,
    Join,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Join => "join",
        }
    }
}

impl Member {
    /// Creates the cluster with its first control plane.
    pub(super) fn found(&self, documents: &ControlPlaneDocuments) -> Vec<Step> {
        let alone = Script::new(on_control_plane!("marker.sh", "alone.sh"))
            .set("NODE", &self.node)
            .set("DATA", &documents.etcd_data_dir);
        let alone = Step::run("check that there is no other control plane", alone).on_each_other_control_plane();
        let mut steps = vec![alone.within(Duration::from_mins(1)).means(Effect::NoClusterHere)];
        steps.extend(self.prepare(Verb::Init, &documents.skip_phases));
        steps.push(Step::mint(Self::TOKEN_ID, Mint::TokenId));
        steps.push(Step::mint(Self::TOKEN_SECRET, Mint::TokenSecret));
        steps.extend(self.pull(&documents.init, &documents.skip_phases));
        let run = self.run(Verb::Init, &documents.init, &documents.skip_phases);
        let run = run.means(Effect::Init { endpoint: self.making.virtual_ip });
        steps.extend([run, self.gate(), self.forget_secrets(Verb::Init)]);
        steps
    }

    /// Joins the cluster.
    pub(super) fn join(&self) -> Vec<Step> {
        let mut steps = self.prepare(Verb::Join, &[]).to_vec();
        steps.push(Step::mint(Self::TOKEN_ID, Mint::TokenId));
        steps.push(Step::mint(Self::TOKEN_SECRET, Mint::TokenSecret));
        if let Some(documents) = &self.making.control_plane {
            steps.push(Step::mint(Self::CERTIFICATE_KEY, Mint::CertificateKey));
            steps.extend(self.pull(&documents.upload, &[]));
        }
        steps.extend(self.invite());
        let certificates = self.making.control_plane.as_ref().map(|_| Self::CERTIFICATE_KEY);
        let joined = Effect::Join { endpoint: self.making.virtual_ip, token: Self::TOKEN_ID, certificates };
        let run = self.run(Verb::Join, &self.making.join, &[]).means(unless_joined(joined));
        steps.extend([run, self.gate(), self.forget_secrets(Verb::Join).on_control_plane()]);
        steps
    }

    /// The steps after a finished kubeadm run.
    pub(super) fn finish(&self) -> Vec<Step> {
        let secrets = self.forget_secrets(Verb::Join);
        let secrets = match self.role {
            MemberRole::ControlPlane => secrets,
            MemberRole::Worker => secrets.on_control_plane(),
        };
        vec![self.idle(), self.gate(), secrets]
    }

    /// Removes the member from the cluster and restores what was on the host before.
    pub(super) fn leave(&self, prior: &Prior<Observed>) -> Vec<Step> {
        let kept = |name| prior.kept.get(name).cloned().unwrap_or_default();
        let reset = self.script(on_control_plane!("marker.sh", "spared.sh", "reset.sh"));
        let reset = reset.set("SCOPE", slotted(&Slots::placeholder(Slots::SCOPE))).set("WHOLE", Slots::WHOLE);
        let clean = Script::new(include_str!("clean.sh"))
            .set("KNOWN", if prior.kept.contains_key("paths") { "yes" } else { "" })
            .set("HAD", kept("paths"))
            .set("PATHS", PATHS)
            .set("SYSCTLS", kept("sysctls"));
        vec![
            self.idle(),
            Step::run("kubeadm reset", reset).means(Effect::Reset),
            self.forget(true).optional(),
            Step::run("clean up after kubeadm", clean),
        ]
    }

    /// Records the present values, waits for the kubeadm of an interrupted run, and cleans up after it.
    fn prepare(&self, verb: Verb, skip: &[String]) -> [Step; 3] {
        let before = Script::new(concat!(include_str!("marker.sh"), include_str!("before.sh")));
        let body = match verb {
            Verb::Init => {
                on_control_plane!("marker.sh", "spared.sh", "init_complete.sh", "settle.sh")
            }
            Verb::Join => {
                on_control_plane!("marker.sh", "spared.sh", "join_complete.sh", "settle.sh")
            }
        };
        let settle = self.script(body).set("VERB", verb.as_str()).set("SKIP", skip.join(","));
        [
            Step::run("record what kubeadm will change", before.set("PATHS", PATHS).set("SYSCTLS", SYSCTLS)),
            self.idle(),
            Step::run("clean up an earlier kubeadm run", settle).capture(STANDING).means(Effect::Settle {
                joins: verb == Verb::Join,
                finished: FINISHED,
                bare: BARE,
            }),
        ]
    }

    /// Two runs of kubeadm at once would fail.
    fn idle(&self) -> Step {
        let script = Script::new(include_str!("running.sh"));
        Step::wait(format!("no other kubeadm runs on {}", self.node), script, Duration::from_mins(5))
    }

    /// Pulls the images, so that a slow registry does not use up kubeadm's timeouts; skipped if the preflight check of images
    /// is ignored.
    fn pull(&self, config: &str, skip: &[String]) -> Option<Step> {
        let skipped = self.ignores("ImagePull") || skip.iter().any(|phase| phase == "preflight");
        let script = Script::new(concat!(include_str!("marker.sh"), include_str!("pull.sh")));
        let step = Step::run("pull the images", script.set("CONFIG", slotted(config)));
        let passing = &["i/o timeout", "TLS handshake timeout", "connection reset", "unexpected EOF"];
        (!skipped).then(|| step.within(Duration::from_mins(20)).transient(passing))
    }

    /// Runs kubeadm.
    fn run(&self, verb: Verb, config: &str, skip: &[String]) -> Step {
        let body = match verb {
            Verb::Init => concat!(include_str!("marker.sh"), include_str!("init.sh")),
            Verb::Join => concat!(include_str!("marker.sh"), include_str!("join.sh")),
        };
        let script = Script::new(body)
            .set("CONFIG", slotted(config))
            .set("IGNORE", self.making.ignore_preflight_errors.join(","))
            .set("SKIP", skip.join(","));
        let script = if verb == Verb::Init { script } else { script.set("STANDING", standing()) };
        Step::run(format!("kubeadm {}", verb.as_str()), script)
    }

    /// Prepares the join on another control plane; skipped if the host has already joined.
    fn invite(&self) -> Vec<Step> {
        let departed = Script::new(on_control_plane!("departed.sh")).set("NODE", &self.node);
        let token = Script::new(on_control_plane!("token.sh"))
            .set("LABEL", self.label())
            .set("DESCRIPTION", Self::TOKEN_DESCRIPTION)
            .set("TOKEN_ID", slotted(&Slots::placeholder(Self::TOKEN_ID)))
            .set("TOKEN_SECRET", slotted(&Slots::placeholder(Self::TOKEN_SECRET)));
        let signed =
            Script::new(on_control_plane!("signed.sh")).set("TOKEN_ID", slotted(&Slots::placeholder(Self::TOKEN_ID)));
        let hash = Script::new(include_str!("ca_hash.sh")).set("CA", "/etc/kubernetes/pki/ca.crt");
        let gone = format!("no Ready node is named {}", self.node);
        let minute = Duration::from_mins(1);
        let mut steps = vec![
            Step::wait(gone, departed.set("STANDING", standing()), Duration::from_secs(90))
                .on_control_plane()
                .means(unless_joined(Effect::NodeAway)),
            self.forget(false),
        ];
        if let Some(documents) = &self.making.control_plane {
            let script = Script::new(on_control_plane!("marker.sh", "upload.sh"))
                .set("CONFIG", slotted(&documents.upload))
                .set("STANDING", standing());
            let endpoint = self.making.virtual_ip;
            let effect = Effect::UploadCertificates { endpoint, key: Self::CERTIFICATE_KEY };
            let step = Step::run("upload the certificates", script).on_control_plane();
            steps.push(step.means(unless_joined(effect)));
        }
        let made = Effect::MakeToken { id: Self::TOKEN_ID, lifetime: TOKEN_LIFETIME };
        steps.extend([
            Step::run("create a bootstrap token", token.set("STANDING", standing()))
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

    /// Waits for a ready API server and voting etcd members, or for the node of a worker. The node may be `NotReady` until
    /// a network plugin is installed.
    fn gate(&self) -> Step {
        match self.role {
            MemberRole::ControlPlane => {
                let until = format!("the API server of {} is ready and every etcd member votes", self.node);
                let script = Script::new(on_control_plane!("marker.sh", "gate.sh")).set("NODE", &self.node);
                Step::wait(until, script, Duration::from_mins(5)).means(Effect::ControlPlaneWhole)
            }
            MemberRole::Worker => {
                let script = Script::new(on_control_plane!("registered.sh")).set("NODE", &self.node);
                let until = format!("node {} is registered", self.node);
                Step::wait(until, script, Duration::from_mins(2)).on_control_plane().means(Effect::NodeRegistered)
            }
        }
    }

    /// Deletes tokens and uploaded certificates, including those of interrupted runs.
    fn forget_secrets(&self, verb: Verb) -> Step {
        let certificates = verb == Verb::Join && self.role == MemberRole::ControlPlane;
        let script = Script::new(on_control_plane!("tokens.sh"))
            .set("LABEL", self.label())
            .set("DESCRIPTION", Self::TOKEN_DESCRIPTION)
            .set("CERTIFICATES", if certificates { "yes" } else { "" });
        let step = Step::run("delete the bootstrap tokens", script).within(Duration::from_mins(2)).transient(ELECTION);
        step.always().means(Effect::DeleteTokens { certificates })
    }

    /// Removes the etcd member and the Node object on another control plane: before a new join, or, with `leaving`, after
    /// the reset.
    fn forget(&self, leaving: bool) -> Step {
        let script = self.script(on_control_plane!("forget.sh")).set("LEAVING", if leaving { "yes" } else { "" });
        let script = script.set("STANDING", if leaving { BARE.into() } else { standing() });
        let effect = Effect::RemoveMember { leaving };
        let effect = if leaving { effect } else { effect.only_if(STANDING, BARE) };
        let step = Step::run(format!("remove {} from the cluster", self.node), script).transient(ELECTION);
        step.on_control_plane().means(effect)
    }

    /// Label value of this host's tokens. Node names can be too long for a label.
    pub(super) fn label(&self) -> String {
        if self.node.len() <= 63 { self.node.clone() } else { sha256_hex(self.node.as_bytes())[..40].to_owned() }
    }

    fn script(&self, body: &'static str) -> Script {
        Script::new(body)
            .set("NODE", &self.node)
            .set("ADDRESS", self.advertise_address.to_string())
            .set("ROLE", self.role.as_str())
            .set("SOCKET", &self.cri_socket)
    }
}

/// The effect of a step that is skipped if the host has already joined.
fn unless_joined(effect: Effect) -> Effect {
    effect.only_if(STANDING, BARE)
}

/// The output of `settle.sh`.
fn standing() -> Value {
    slotted(&Slots::placeholder(STANDING))
}

/// A text with slots.
fn slotted(text: &str) -> Value {
    Value::Slotted(text.to_owned())
}
