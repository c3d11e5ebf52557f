//! `service`: a systemd service, enabled or not, running or not, with the files on disk or with older ones.

mod loaded;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use loaded::{Loaded, Reads};

use super::{Content, Served};
use crate::resource::{
    Act, BalancerGroup, Effect, FieldChange, HostFacts, Kind, Listens, Nature, Observation, Output, Prior, ProbeError,
    Script, Secret, Slots, Step,
};

/// A systemd service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Unit name without `.service`, for example `haproxy`; its key.
    pub name: String,
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it runs.
    pub active: bool,
    /// What it needs when something that it reads has changed.
    pub on_change: OnChange,
    /// Addresses as `10.0.0.100/24` that it holds while it runs and that must be gone once it is
    /// stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<String>,
    /// With whom it shares them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Where it listens, so that nothing else may. Only plans ask, so it is not recorded.
    #[serde(skip)]
    pub listens: Vec<SocketAddrV4>,
    /// Files that it is given back when it does not do well with new ones, see [`super::FileCheck::Containerd`].
    /// Only applying asks for them, so they are not recorded.
    #[serde(skip)]
    pub reads: Vec<String>,
    /// The node that it keeps running, which must be as healthy after its restart as it was before.
    #[serde(skip)]
    pub node: Option<Served>,
}

/// Services on several hosts of which one at a time holds the shared addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Addresses of the other hosts, as it is told of them.
    pub peers: BTreeSet<Ipv4Addr>,
    /// What all of them must have alike to hear each other: a key of cluster.yaml and its value on each line.
    pub alike: Content,
}

/// How a running service takes up what has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    /// By a reload, which keeps what it holds open.
    Reload,
    /// By a restart.
    Restart,
    /// kubeadm starts kubelet after it has written its files, so it restarts only when it runs with older ones than on disk.
    Nothing,
}

impl OnChange {
    fn verb(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::Nothing => "nothing",
        }
    }

    /// The verb for a service that runs with an older file, because it was not restarted after the file changed.
    fn catches_up(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Restart | Self::Nothing => "restart",
        }
    }
}

/// What a look sees of a [`Service`]. A service without a unit is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSeen {
    /// As systemd says: `active`, `inactive`, `failed`, `activating`, ...; one that systemd keeps
    /// starting again in vain is `activating (auto-restart)`.
    pub state: String,
    /// As systemd says: `enabled`, `disabled`, `static`, `masked`, ...
    pub boot: String,
    /// Which version of its files the running process has.
    #[serde(default, skip_serializing_if = "Loaded::is_current")]
    loaded: Loaded,
}

/// All units at once: systemctl takes longer to start than to answer.
const TOGETHER: &str = r#"
all_units="

$(systemctl show -p Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,ExecReload -- $ITEMS)"
"#;

const LOOK: &str = concat!(include_str!("service/loaded.sh"), include_str!("service/look.sh"));

const ACT: &str =
    concat!(include_str!("service/loaded.sh"), include_str!("service/take_up.sh"), include_str!("service/act.sh"));

const RESTORE: &str =
    concat!(include_str!("service/loaded.sh"), include_str!("service/take_up.sh"), include_str!("service/restore.sh"));

/// Where a host notes which process has read which content; gone after a reboot, as the process is.
const NOTES: &str = "/run/mainstay/loaded";

/// How long a service may take from its start until it runs.
const START: Duration = Duration::from_secs(30);

/// States of unit files that systemd starts at boot, or that need no enabling because something
/// else starts them.
const AT_BOOT: [&str; 6] = ["enabled", "static", "alias", "indirect", "generated", "transient"];

/// Whether it starts at boot; this leaves the process alone.
const AT_BOOT_FIELD: &str = "at boot";

impl ServiceSeen {
    fn runs(&self) -> bool {
        matches!(self.state.as_str(), "active" | "reloading" | "refreshing")
    }

    /// Stopped for good, be it in peace or not.
    fn rests(&self) -> bool {
        matches!(self.state.as_str(), "inactive" | "failed")
    }

    fn enabled(&self) -> bool {
        matches!(self.boot.as_str(), "enabled" | "enabled-runtime")
    }
}

impl Service {
    fn unit(&self) -> String {
        if self.name.contains('.') { self.name.clone() } else { format!("{}.service", self.name) }
    }

    fn script(&self, body: &'static str) -> Script {
        Script::new(body).set("UNIT", self.unit())
    }

    /// A script that compares the running process with its files.
    fn comparing(&self, body: &'static str) -> Script {
        let reads = Reads::of(&self.name);
        let files = reads.map_or_else(String::new, |reads| reads.files.join(" "));
        let read_at = reads.map_or("", |reads| reads.at.as_str());
        self.script(body).set("FILES", files).set("READ", read_at).set("NOTES", NOTES)
    }

    fn boot(enabled: bool) -> &'static str {
        if enabled { "enabled" } else { "disabled" }
    }

    fn state(active: bool) -> &'static str {
        if active { "active" } else { "inactive" }
    }
}

impl Kind for Service {
    const NAME: &'static str = "service";
    const WEIGHT: u64 = 10;
    const PRINCIPAL: &'static str = "state";
    type Observed = ServiceSeen;

    fn key(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn secrets(&self) -> Vec<Secret> {
        self.group.iter().flat_map(|group| group.alike.secrets()).collect()
    }

    fn probe(&self) -> Script {
        self.comparing(LOOK).together(TOGETHER, self.unit())
    }

    fn parse(&self, output: &Output) -> Result<Observation<ServiceSeen>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::failed(output));
        }
        let unexpected =
            || ProbeError::unexpected(format!("unit {}: `{}`", self.name, output.stdout.trim().replace('\n', ", ")));
        let property = |name: &str| {
            let mut values = output.stdout.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            values.next().filter(|_| values.next().is_none()).ok_or_else(unexpected)
        };
        let (load, active) = (property("LoadState")?, property("ActiveState")?);
        let (sub, boot) = (property("SubState")?, property("UnitFileState")?);
        if load.is_empty() || active.is_empty() || sub.is_empty() {
            return Err(unexpected());
        }
        if load == "not-found" && matches!(active, "inactive" | "failed") {
            return Ok(Observation::Absent);
        }
        let again = if active == "activating" && sub == "auto-restart" { " (auto-restart)" } else { "" };
        let loaded = match output.stdout.lines().find_map(|line| line.strip_prefix("Loaded=")) {
            Some(word) => Loaded::parse(word).ok_or_else(unexpected)?,
            None => Loaded::Current,
        };
        Ok(Observation::Present(ServiceSeen { state: format!("{active}{again}"), boot: boot.to_owned(), loaded }))
    }

    fn trace(&self, seen: &Observation<ServiceSeen>) -> Option<Script> {
        seen.present().map(|_| self.script(include_str!("service/trace.sh")))
    }

    fn diff(&self, seen: &ServiceSeen) -> Vec<FieldChange> {
        let at_boot = if self.enabled { AT_BOOT.contains(&seen.boot.as_str()) } else { !seen.enabled() };
        let runs = if self.active { seen.runs() } else { seen.rests() };
        let state = FieldChange::compare("state", &seen.state, Self::state(self.active)).filter(|_| !runs);
        let boot = FieldChange::compare(AT_BOOT_FIELD, &seen.boot, Self::boot(self.enabled)).filter(|_| !at_boot);
        let outdated = (seen.loaded == Loaded::Stale && self.active)
            .then(|| FieldChange::compare("loaded files", "older than on disk", "as on disk"));
        state.into_iter().chain(boot).chain(outdated.flatten()).collect()
    }

    fn simulate(&self) -> ServiceSeen {
        let (state, boot) = (Self::state(self.active).to_owned(), Self::boot(self.enabled).to_owned());
        ServiceSeen { state, boot, loaded: Loaded::Current }
    }

    /// With `SELinux` in enforcing mode, haproxy cannot connect to API servers, and kubeadm would time out.
    fn unfit(&self, host: &HostFacts) -> Option<String> {
        (self.name == "haproxy" && host.haproxy_confined).then(|| {
            "SELinux on this host lets haproxy connect to no API server: run `setsebool -P haproxy_connect_any 1` there, \
             then plan again"
                .to_owned()
        })
    }

    fn nature(&self) -> Nature {
        let address = |text: &String| text.split('/').next()?.parse().ok();
        let group = || BalancerGroup {
            addresses: self.releases.iter().filter_map(address).collect(),
            peers: self.group.as_ref().map(|group| group.peers.clone()),
            alike: self.group.as_ref().map(|group| group.alike.masked().lines().map(str::to_owned).collect()),
        };
        Nature {
            process: true,
            interruption: Some(format!("{} restarts", self.name)),
            harmless: Some(AT_BOOT_FIELD),
            group: (!self.releases.is_empty()).then(group),
            puts_back: self.reads.clone(),
            ..Nature::default()
        }
    }

    fn runs(&self, seen: &ServiceSeen) -> bool {
        seen.runs()
    }

    fn listens(&self) -> Vec<Listens> {
        self.listens.iter().map(|at| Listens { at: *at, process: self.name.clone() }).collect()
    }

    fn reads(&self) -> &'static [&'static str] {
        Reads::of(&self.name).map_or(&[], |reads| reads.files)
    }

    fn apply(&self, act: Act, before: &Observation<ServiceSeen>) -> Vec<Step> {
        // Also when no reaction is asked for: a package may have started it just now with a
        // configuration of its own, and a drifted service may have missed a change before.
        let title = match act {
            _ if !self.active => "stop",
            _ if before.present().is_some_and(|seen| seen.loaded == Loaded::Stale) => self.on_change.catches_up(),
            Act::React => self.on_change.catches_up(),
            Act::Create | Act::Found | Act::Update | Act::Resume => "start",
        };
        let script = self
            .comparing(ACT)
            .set("STATE", Self::state(self.active))
            .set("BOOT", Self::boot(self.enabled))
            .set("CHANGE", self.on_change.verb())
            .set("ACT", if act == Act::Update { "update" } else { "change" });
        let runs = before.present().is_some_and(ServiceSeen::runs);
        let node = self.node.as_ref().filter(|_| self.active && runs);
        let mut steps: Vec<Step> = node.map(Served::ask).into_iter().collect();
        steps.push(Step::run(format!("{title} {}", self.name), script));
        if self.active {
            let running = self.script(include_str!("service/running.sh"));
            steps.push(Step::wait(format!("{} runs", self.name), running, START));
        }
        let with_files = |body| self.script(body).set("READS", self.reads.join(" "));
        if let Some(node) = node {
            if !self.reads.is_empty() {
                let sandbox = with_files(include_str!("service/sandbox.sh"));
                steps.push(Step::run("check that new pods can start", sandbox).within(Duration::from_mins(5)));
            }
            steps.push(node.gate(&self.unit()));
        }
        if !self.reads.is_empty() {
            steps.push(Step::run("keep the new configuration", with_files(include_str!("service/keep.sh"))));
            let back =
                Step::run("put back the previous configuration", with_files(include_str!("service/put_back.sh")));
            steps.push(back.within(Duration::from_mins(2)).capture(Slots::PUT_BACK).means(Effect::PutBack).rescue());
        }
        steps
    }

    fn destroy(&self, prior: &Prior<ServiceSeen>) -> Vec<Step> {
        let before = prior.before.present();
        let (active, enabled) = (before.is_some_and(ServiceSeen::runs), before.is_some_and(ServiceSeen::enabled));
        let script = self
            .comparing(RESTORE)
            .set("STATE", Self::state(active))
            .set("BOOT", Self::boot(enabled))
            .set("CHANGE", self.on_change.verb())
            .set("RELEASES", self.releases.join(" "));
        vec![Step::run(format!("{} {}", if active { "restore" } else { "stop" }, self.name), script)]
    }

    fn rereads(&self, prior: &Prior<ServiceSeen>) -> bool {
        prior.before.present().is_some_and(ServiceSeen::runs)
    }

    fn restored(&self, seen: &Observation<ServiceSeen>, prior: &Prior<ServiceSeen>) -> bool {
        // The unit itself comes and goes with its package or file.
        let condition =
            |seen: Option<&ServiceSeen>| seen.map_or((false, false), |seen| (!seen.rests(), seen.enabled()));
        let before = prior.before.present();
        seen.present().is_none_or(|seen| condition(Some(seen)) == condition(before) && seen.loaded != Loaded::Stale)
    }
}

#[cfg(test)]
mod tests;
