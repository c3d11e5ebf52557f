//! What `kubeadm_init` and `kubeadm_join` have in common: how a host's standing is told, and how it is reset.
//!
//! Whether kubeadm finished is decided by what lasts. Before each run of its own mainstay notes on the host
//! that it begins, and after it that it is done (`kubeadm/marker.sh`); so an unfinished run is told from a stopped
//! kubelet or a silent apiserver, and `kubeadm reset` is only ever run over what mainstay itself began. A node
//! made by others has no note: there, the files and the API must both say that it is whole, and anything else
//! is an error that a person must settle.

mod refusals;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(super) use refusals::{readdressed, refixed, renamed};

use super::kubeadm_join::JoinRole;
use super::kubectl::{ELECTION, with_kubectl};
use crate::resource::{
    Action, Effect, FieldChange, Listens, Observation, Output, Prior, ProbeError, Script, Slots, Step, Value,
    sha256_hex,
};

/// The standing of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Whether kubeadm ended well here; if not, mainstay began it.
    pub complete: bool,
    /// What the host is.
    pub role: JoinRole,
    /// The Kubernetes version of a control plane's API server, where its manifest says that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What a first control plane that others made was made with, by its name in kubeadm's configuration.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// What only `kubeadm init` sets and a cluster tells about itself: its name in kubeadm's configuration and in
/// cluster.yaml.
pub(super) const SETTINGS: [(&str, &str); 5] = [
    ("podSubnet", "kubernetes.podSubnet"),
    ("serviceSubnet", "kubernetes.serviceSubnet"),
    ("dnsDomain", "kubernetes.dnsDomain"),
    ("imageRepository", "kubernetes.imageRepository"),
    ("dataDir", "kubernetes.etcd.dataDir"),
];

impl Observed {
    fn of(complete: bool, role: JoinRole) -> Observation<Self> {
        Observation::Present(Self { complete, ..Self::whole(role, None) })
    }

    /// A host on which kubeadm has finished.
    pub(super) fn whole(role: JoinRole, version: Option<&str>) -> Self {
        Self { complete: true, role, version: version.map(str::to_owned), settings: BTreeMap::new() }
    }
}

/// Description of every bootstrap token that mainstay makes, by which left ones are found again.
pub(super) const TOKEN_DESCRIPTION: &str = "mainstay, for the time of one apply";

/// Slot that says whether the host is still to be joined; see `settle.sh`.
const STANDING: &str = "standing";

/// What is recorded before the first run, and put back at the end; deepest paths first.
const PATHS: &str = "/etc/kubernetes/manifests /etc/kubernetes/pki/etcd /etc/kubernetes/pki /etc/kubernetes/tmp \
    /etc/kubernetes /var/lib/kubelet /var/lib/etcd /var/lib/cni /usr/libexec/kubernetes";

/// What kubelet and kube-proxy set by themselves.
const SYSCTLS: &str = "vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops \
    kernel.keys.root_maxkeys kernel.keys.root_maxbytes net.ipv4.conf.all.route_localnet \
    net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables \
    net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_tcp_timeout_established \
    net.netfilter.nf_conntrack_tcp_timeout_close_wait net.netfilter.nf_conntrack_tcp_be_liberal \
    net.ipv4.vs.conntrack net.ipv4.vs.conn_reuse_mode net.ipv4.vs.expire_nodest_conn \
    net.ipv4.vs.expire_quiescent_template net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce";

/// A host on which kubeadm is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host<'a> {
    /// `init` or `join`.
    pub(super) verb: &'static str,
    /// Name of its node.
    pub(super) node: &'a str,
    /// Its own address.
    pub(super) address: Ipv4Addr,
    /// What it is to be.
    pub(super) role: JoinRole,
    /// The configuration that kubeadm is given.
    pub(super) config: &'a str,
    /// Phases that are left out.
    pub(super) skip: &'a [String],
    /// Preflight checks whose errors are warnings.
    pub(super) ignore: &'a [String],
}

impl Host<'_> {
    /// The ports that kubeadm's preflight needs free, but for those whose check it ignores.
    pub(super) fn listens(&self) -> Vec<Listens> {
        let ports: &[(u16, &str)] = match self.role {
            JoinRole::ControlPlane => &[(6443, "kube-apiserver"), (2379, "etcd"), (2380, "etcd"), (10250, "kubelet")],
            JoinRole::Worker => &[(10250, "kubelet")],
        };
        let ignored = |port: u16| {
            let check = format!("Port-{port}");
            self.ignore.iter().any(|name| name.eq_ignore_ascii_case(&check) || name.eq_ignore_ascii_case("all"))
        };
        let at = |port: u16| SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
        let needed = ports.iter().filter(|(port, _)| !ignored(*port));
        needed.map(|(port, process)| Listens { at: at(*port), process: (*process).to_owned() }).collect()
    }

    pub(super) fn probe(&self) -> Script {
        Script::new(with_kubectl!("kubeadm/marker.sh", "kubeadm/look.sh")).set("NODE", self.node).set("VERB", self.verb)
    }

    /// `endpoint` is where the cluster must be, in the words of the configuration.
    pub(super) fn parse(&self, output: &Output, endpoint: Option<&str>) -> Result<Observation<Observed>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        let text = output.stdout.trim();
        let odd = || ProbeError::odd(format!("`{text}` as the standing of {}", self.node));
        let role = |word: &str| match word {
            "control-plane" => Ok(JoinRole::ControlPlane),
            "worker" => Ok(JoinRole::Worker),
            _ => Err(odd()),
        };
        let (first, configuration) = text.split_once('\n').unwrap_or((text, ""));
        let words: Vec<&str> = first.split(' ').collect();
        if words[0] != "foreign" && !configuration.is_empty() {
            return Err(odd());
        }
        match words[..] {
            ["none"] => Ok(Observation::Absent),
            ["begun"] => Ok(Observed::of(false, self.role)),
            ["done", word] => Ok(Observed::of(true, role(word)?)),
            ["done", word, version] => Ok(Observation::Present(Observed::whole(role(word)?, running(version)))),
            ["foreign", word, url] | ["foreign", word, url, _] => {
                let there = url.strip_prefix("https://").ok_or_else(odd)?;
                if let Some(wanted) = endpoint.filter(|wanted| *wanted != there) {
                    return Err(ProbeError::odd(format!(
                        "{} is a node of the cluster at {there}, not of the one at {wanted}",
                        self.node
                    )));
                }
                let known = SETTINGS.iter().map(|(name, _)| *name);
                let settings =
                    known.filter_map(|name| Some((name.to_owned(), setting(configuration, name)?.to_owned())));
                let version = words.get(3).copied().and_then(running);
                let whole = Observed::whole(role(word)?, version);
                Ok(Observation::Present(Observed { settings: settings.collect(), ..whole }))
            }
            _ => Err(odd()),
        }
    }

    pub(super) fn diff(&self, seen: &Observed) -> Vec<FieldChange> {
        let state = |complete| if complete { "complete" } else { "unfinished" };
        let role = FieldChange::compare("role", seen.role.as_str(), self.role.as_str()).map(FieldChange::replacing);
        FieldChange::compare("state", state(seen.complete), state(true)).into_iter().chain(role).collect()
    }

    /// Keeps what is about to be changed, waits for a kubeadm of an interrupted run, and brings what it left to
    /// an end.
    pub(super) fn prepare(&self) -> [Step; 3] {
        let before = Script::new(concat!(include_str!("kubeadm/marker.sh"), include_str!("kubeadm/before.sh")));
        let body = match self.verb {
            "init" => {
                with_kubectl!("kubeadm/marker.sh", "kubeadm/spared.sh", "kubeadm/init_complete.sh", "kubeadm/settle.sh")
            }
            _ => {
                with_kubectl!("kubeadm/marker.sh", "kubeadm/spared.sh", "kubeadm/join_complete.sh", "kubeadm/settle.sh")
            }
        };
        let settle = self.script(body).set("SKIP", self.skip.join(","));
        [
            Step::run("note what kubeadm will change", before.set("PATHS", PATHS).set("SYSCTLS", SYSCTLS)),
            self.idle(),
            Step::run("settle what an earlier kubeadm left", settle)
                .capture(STANDING)
                .means(Effect::Settle { finished: FINISHED, bare: BARE }),
        ]
    }

    /// Never two at once.
    pub(super) fn idle(&self) -> Step {
        let script = Script::new(include_str!("kubeadm/running.sh"));
        Step::wait(format!("no other kubeadm runs on {}", self.node), script, Duration::from_mins(5))
    }

    /// Images first, so that a slow registry does not eat the time of what follows; nothing where preflight is
    /// told not to look for them.
    pub(super) fn pull(&self, config: &str) -> Option<Step> {
        let ignored = |check: &String| check.eq_ignore_ascii_case("imagepull") || check.eq_ignore_ascii_case("all");
        let skipped = self.ignore.iter().any(ignored) || self.skip.iter().any(|phase| phase == "preflight");
        let script = Script::new(concat!(include_str!("kubeadm/marker.sh"), include_str!("kubeadm/pull.sh")));
        let step = Step::run("pull the images", script.set("CONFIG", slotted(config)));
        let passing = &["i/o timeout", "TLS handshake timeout", "connection reset", "unexpected EOF"];
        (!skipped).then(|| step.within(Duration::from_mins(20)).transient(passing))
    }

    /// kubeadm itself.
    pub(super) fn run(&self) -> Step {
        let body = match self.verb {
            "init" => concat!(include_str!("kubeadm/marker.sh"), include_str!("kubeadm/init.sh")),
            _ => concat!(include_str!("kubeadm/marker.sh"), include_str!("kubeadm/join.sh")),
        };
        let script = Script::new(body)
            .set("CONFIG", slotted(self.config))
            .set("IGNORE", self.ignore.join(","))
            .set("SKIP", self.skip.join(","));
        let script = if self.verb == "init" { script } else { script.set("STANDING", standing()) };
        Step::run(format!("kubeadm {}", self.verb), script)
    }

    /// A control plane counts when its apiserver is ready and every etcd member votes.
    pub(super) fn gate(&self) -> Step {
        let until = format!("the apiserver of {} is ready and every etcd member votes", self.node);
        let script = Script::new(with_kubectl!("kubeadm/marker.sh", "kubeadm/gate.sh")).set("NODE", self.node);
        Step::wait(until, script, Duration::from_mins(5)).means(Effect::ControlPlaneWhole)
    }

    /// Deletes tokens and uploaded certificates, those of interrupted runs too.
    pub(super) fn forget_secrets(&self) -> Step {
        let certificates = self.verb == "join" && self.role == JoinRole::ControlPlane;
        let script = Script::new(with_kubectl!("kubeadm/tokens.sh"))
            .set("LABEL", self.label())
            .set("DESCRIPTION", TOKEN_DESCRIPTION)
            .set("CERTIFICATES", if certificates { "yes" } else { "" });
        let step = Step::run("delete the bootstrap tokens", script).within(Duration::from_mins(2)).transient(ELECTION);
        step.always().means(Effect::DeleteTokens { certificates })
    }

    /// Takes the node's etcd member and Node object away, on another control plane: before it joins anew, or, with
    /// `leaving`, after its reset.
    pub(super) fn forget(&self, leaving: bool) -> Step {
        let script = self.script(with_kubectl!("kubeadm/forget.sh")).set("LEAVING", if leaving { "yes" } else { "" });
        let script = script.set("STANDING", if leaving { BARE.into() } else { standing() });
        let effect = Effect::RemoveMember { leaving };
        let effect = if leaving { effect } else { effect.only_if(STANDING, BARE) };
        let step = Step::run(format!("take {} out of the cluster", self.node), script).transient(ELECTION);
        step.on_control_plane().means(effect)
    }

    pub(super) fn destroy(&self, prior: &Prior<Observed>) -> Vec<Step> {
        if made_by_others(prior) {
            return Vec::new();
        }
        let kept = |name| prior.kept.get(name).cloned().unwrap_or_default();
        let reset = self.script(with_kubectl!("kubeadm/marker.sh", "kubeadm/spared.sh", "kubeadm/reset.sh"));
        let reset = reset.set("SCOPE", slotted(&Slots::placeholder(Slots::SCOPE))).set("WHOLE", Slots::WHOLE);
        let clean = Script::new(include_str!("kubeadm/clean.sh"))
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

    pub(super) fn warning(&self, action: Action) -> Option<String> {
        match action {
            Action::Destroy | Action::Replace => Some(match self.role {
                JoinRole::ControlPlane => {
                    format!("kubeadm reset on {}: its pods, their local data and its etcd member go", self.node)
                }
                JoinRole::Worker => format!("kubeadm reset on {}: its pods and their local data go", self.node),
            }),
            Action::Update => {
                Some(format!("kubeadm did not finish on {}: what it left is reset before it is run again", self.node))
            }
            _ => None,
        }
    }

    /// The value of our label on this host's tokens: labels are shorter than node names may be.
    pub(super) fn label(&self) -> String {
        if self.node.len() <= 63 { self.node.to_owned() } else { sha256_hex(self.node.as_bytes())[..40].to_owned() }
    }

    pub(super) fn script(&self, body: &'static str) -> Script {
        Script::new(body)
            .set("VERB", self.verb)
            .set("NODE", self.node)
            .set("ADDRESS", self.address.to_string())
            .set("ROLE", self.role.as_str())
            .set("SOCKET", setting(self.config, "criSocket").unwrap_or_default())
    }
}

/// What `settle.sh` answers for a host that is still to be joined.
const BARE: &str = "mainstay-bare";
/// And for one that has joined.
const FINISHED: &str = "mainstay-finished";

/// What a step means that does nothing for a host that turned out to have joined.
pub(super) fn unless_joined(effect: Effect) -> Effect {
    effect.only_if(STANDING, BARE)
}

/// The value that `settle.sh` answered.
pub(super) fn standing() -> Value {
    slotted(&Slots::placeholder(STANDING))
}

/// The version in the tag of an image, where it is one that Kubernetes has released.
fn running(tag: &str) -> Option<&str> {
    let version = semver::Version::parse(tag).ok()?;
    let before = ["", "alpha", "beta", "rc"].contains(&version.pre.split('.').next().unwrap_or_default());
    (before && version.build.is_empty()).then_some(tag)
}

/// The name of the version among the settings that `kubeadm init` fixes.
const VERSION: &str = "kubernetes.version";

/// The declared version and the one that this control plane runs, where they differ.
pub(super) fn other_version<'a>(fixed: &'a BTreeMap<String, String>, seen: &'a Observed) -> Option<(&'a str, &'a str)> {
    let both = (fixed.get(VERSION)?.as_str(), seen.version.as_deref()?);
    (seen.complete && both.0 != both.1).then_some(both)
}

/// The change of version that no step of ours makes.
pub(super) fn version_change(fixed: &BTreeMap<String, String>, seen: &Observed) -> Option<FieldChange> {
    other_version(fixed, seen).and_then(|(wanted, is)| FieldChange::compare("version", is, wanted))
}

/// Why a control plane that runs another version is not made to run the declared one.
pub(super) fn runs_another(node: &str, fixed: &BTreeMap<String, String>, seen: &Observed) -> Option<String> {
    other_version(fixed, seen).map(|(wanted, is)| {
        format!(
            "{node} runs Kubernetes {is}, and cluster.yaml has kubernetes.version {wanted}. mainstay cannot change the \
             version of a running cluster yet. Write `version: {is}` to adopt what runs."
        )
    })
}

/// Notes an upgrade that somebody else made, to the declared version, among the recorded settings.
pub(super) fn upgraded(recorded: &mut BTreeMap<String, String>, fixed: &BTreeMap<String, String>, seen: &Observed) {
    if let Some(wanted) = fixed.get(VERSION).filter(|wanted| seen.complete && Some(*wanted) == seen.version.as_ref()) {
        recorded.insert(VERSION.to_owned(), wanted.clone());
    }
}

/// A text with placeholders of slots.
pub(super) fn slotted(text: &str) -> Value {
    Value::Slotted(text.to_owned())
}

/// Whether the node was there, whole, before mainstay: then destroy leaves it alone.
fn made_by_others(prior: &Prior<Observed>) -> bool {
    prior.before.present().is_some_and(|seen| seen.complete)
}

pub(super) fn restored(seen: &Observation<Observed>, prior: &Prior<Observed>) -> bool {
    // An upgrade by hand meanwhile is nothing that mainstay has to put back.
    let is = |seen: &Observed| (seen.complete, seen.role);
    if made_by_others(prior) {
        seen.present().map(is) == prior.before.present().map(is)
    } else {
        *seen == Observation::Absent
    }
}

/// The first scalar of this name in YAML documents of ours.
pub(super) fn setting<'a>(config: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.trim_start_matches([' ', '-']).strip_prefix(name)?.strip_prefix(':');
    let value = config.lines().find_map(value)?.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests;
