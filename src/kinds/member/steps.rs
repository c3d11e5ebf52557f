//! How a member is made, finished and taken out of the cluster.

use std::time::Duration;

use super::super::kubectl::ELECTION;
use super::{ControlPlaneDocuments, Member, Observed};
use crate::resource::{Effect, MemberRole, Mint, Prior, Script, Slots, Step, Value, sha256_hex};

/// As `with_kubectl`, with files beside this one.
macro_rules! on_control_plane {
    ($($file:literal),+) => { concat!(include_str!("../kubectl.sh"), $(include_str!($file)),+) };
}

/// Slot that says whether the host is still to be made a member; see `settle.sh`.
pub(super) const STANDING: &str = "standing";
/// What `settle.sh` answers for a host that is still to be made one.
pub(super) const BARE: &str = "mainstay-bare";
/// And for one that is one.
pub(super) const FINISHED: &str = "mainstay-finished";

/// How long a token may be used that `token.sh` makes.
const TOKEN_LIFETIME: Duration = Duration::from_mins(20);

/// What is recorded before the first run, and put back at the end; deepest paths first.
pub(super) const PATHS: &str = "/etc/kubernetes/manifests /etc/kubernetes/pki/etcd /etc/kubernetes/pki /etc/kubernetes/tmp \
    /etc/kubernetes /var/lib/kubelet /var/lib/etcd /var/lib/cni /usr/libexec/kubernetes";

/// What kubelet and kube-proxy set by themselves.
const SYSCTLS: &str = "vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops \
    kernel.keys.root_maxkeys kernel.keys.root_maxbytes net.ipv4.conf.all.route_localnet \
    net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables \
    net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_tcp_timeout_established \
    net.netfilter.nf_conntrack_tcp_timeout_close_wait net.netfilter.nf_conntrack_tcp_be_liberal \
    net.ipv4.vs.conntrack net.ipv4.vs.conn_reuse_mode net.ipv4.vs.expire_nodest_conn \
    net.ipv4.vs.expire_quiescent_template net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce";

/// How kubeadm makes a member.
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
    /// Makes the first control plane of a cluster; on no account beside another one.
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

    /// Joins a cluster.
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

    /// What is left to do where kubeadm itself ended well.
    pub(super) fn finish(&self) -> Vec<Step> {
        let secrets = self.forget_secrets(Verb::Join);
        let secrets = match self.role {
            MemberRole::ControlPlane => secrets,
            MemberRole::Worker => secrets.on_control_plane(),
        };
        vec![self.idle(), self.gate(), secrets]
    }

    /// Takes the member out of the cluster and puts back what was on the host before.
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

    /// Keeps what is about to be changed, waits for a kubeadm of an interrupted run, and brings what it left to
    /// an end.
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

    /// Never two at once.
    fn idle(&self) -> Step {
        let script = Script::new(include_str!("running.sh"));
        Step::wait(format!("no other kubeadm runs on {}", self.node), script, Duration::from_mins(5))
    }

    /// Images first, so that a slow registry does not eat the time of what follows; nothing where preflight is
    /// told not to look for them.
    fn pull(&self, config: &str, skip: &[String]) -> Option<Step> {
        let skipped = self.ignores("ImagePull") || skip.iter().any(|phase| phase == "preflight");
        let script = Script::new(concat!(include_str!("marker.sh"), include_str!("pull.sh")));
        let step = Step::run("pull the images", script.set("CONFIG", slotted(config)));
        let passing = &["i/o timeout", "TLS handshake timeout", "connection reset", "unexpected EOF"];
        (!skipped).then(|| step.within(Duration::from_mins(20)).transient(passing))
    }

    /// kubeadm itself.
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

    /// What the cluster prepares for this host, on another control plane; nothing when it turned out to have joined.
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

    /// A control plane counts when its apiserver is ready and every etcd member votes, a worker when its kubelet has
    /// registered it. (A node is Ready only with a network plugin, which somebody else may install.)
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

    /// Deletes tokens and uploaded certificates, those of interrupted runs too.
    fn forget_secrets(&self, verb: Verb) -> Step {
        let certificates = verb == Verb::Join && self.role == MemberRole::ControlPlane;
        let script = Script::new(on_control_plane!("tokens.sh"))
            .set("LABEL", self.label())
            .set("DESCRIPTION", Self::TOKEN_DESCRIPTION)
            .set("CERTIFICATES", if certificates { "yes" } else { "" });
        let step = Step::run("delete the bootstrap tokens", script).within(Duration::from_mins(2)).transient(ELECTION);
        step.always().means(Effect::DeleteTokens { certificates })
    }

    /// Takes the node's etcd member and Node object away, on another control plane: before it joins anew, or, with
    /// `leaving`, after its reset.
    fn forget(&self, leaving: bool) -> Step {
        let script = self.script(on_control_plane!("forget.sh")).set("LEAVING", if leaving { "yes" } else { "" });
        let script = script.set("STANDING", if leaving { BARE.into() } else { standing() });
        let effect = Effect::RemoveMember { leaving };
        let effect = if leaving { effect } else { effect.only_if(STANDING, BARE) };
        let step = Step::run(format!("remove {} from the cluster", self.node), script).transient(ELECTION);
        step.on_control_plane().means(effect)
    }

    /// The value of our label on this host's tokens: labels are shorter than node names may be.
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

/// What a step means that does nothing for a host that turned out to have joined.
fn unless_joined(effect: Effect) -> Effect {
    effect.only_if(STANDING, BARE)
}

/// The value that `settle.sh` answered.
fn standing() -> Value {
    slotted(&Slots::placeholder(STANDING))
}

/// A text with placeholders of slots.
fn slotted(text: &str) -> Value {
    Value::Slotted(text.to_owned())
}
