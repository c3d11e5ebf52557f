//! From cluster.yaml, state and hosts to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::error::CliError;
use super::reaches::resolve;
use super::saved::quoted;
use super::selecting::Part;
use super::stream::Looking;
use super::ui::Ui;
use super::workspace::{Workspace, open_fleet, recorded_reaches};
use crate::config::{Cluster, LoadBalancer, ManifestSource, Network};
use crate::engine::Control;
use crate::facts::gather::gather;
use crate::facts::{FactSet, Looks};
use crate::fleet::{Fleet, Look, Looker, Reach};
use crate::graph::Graph;
use crate::kinds;
use crate::plan::saved::Options;
use crate::plan::{self, Chosen, Mode, Plan, Rename, Selection};
use crate::resource::{Address, HostFacts, HostName, Pattern, Secret, sha256_hex};
use crate::stack::{self, Inputs};
use crate::state::State;

/// How many hosts are worked on at once unless that is said.
pub(super) const PARALLELISM: usize = Control::PARALLELISM;

/// A plan and what is needed to carry it out.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) plan: Plan,
    pub(super) fleet: Arc<Fleet>,
    pub(super) reaches: BTreeMap<HostName, Reach>,
    pub(super) pod_ranges: BTreeMap<HostName, ipnet::Ipv4Net>,
    /// Renames of cluster.yaml that records must follow before anything is carried out.
    pub(super) renames: Vec<Rename>,
    /// `guards.preventDestroy` to be recorded, where cluster.yaml is applied.
    pub(super) guards: Option<BTreeSet<String>>,
    /// Files that cluster.yaml names, by the key that names them.
    pub(super) files: BTreeMap<String, String>,
}

/// Options of planning.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Planning {
    #[command(flatten)]
    pub(super) part: Part,
    /// Replace this resource although it is right: a whole address; repeatable
    #[arg(long, value_name = "ADDR")]
    pub(super) replace: Vec<String>,
    /// Only bring records up to date with what the hosts look like; no host is touched
    #[arg(long, conflicts_with = "replace")]
    pub(super) refresh_only: bool,
    /// How many hosts are worked on at once
    #[arg(long, value_name = "N", default_value_t = PARALLELISM)]
    pub(super) parallelism: usize,
    /// Show every change, not grouped and not shortened
    #[arg(long)]
    pub(super) full: bool,
    /// Rehearse on simulated hosts; no real one is reached
    #[arg(long)]
    pub(super) simulate: bool,
}

impl Planning {
    /// What is planned, unless it is destroying.
    pub(super) fn mode(&self) -> Mode {
        if self.refresh_only { Mode::Refresh } else { Mode::Apply }
    }

    /// What a saved plan remembers, so that its apply plans in the same way.
    pub(super) fn options(&self) -> Options {
        Options { simulate: self.simulate, selection: self.part.with(&self.replace) }
    }

    /// The same options again.
    pub(super) fn of(options: &Options, parallelism: usize) -> Self {
        let Options { simulate, selection } = options;
        let (part, replace) = (Part::of(selection), selection.replace.clone());
        Self { part, replace, refresh_only: false, parallelism, full: false, simulate: *simulate }
    }

    /// Those that were given and that shape or show a plan: they are part of a saved one.
    pub(super) fn given(&self) -> Vec<String> {
        let mut given = self.part.given();
        given.extend(self.replace.iter().map(|address| format!("--replace {}", quoted(address))));
        let switches = [("--refresh-only", self.refresh_only), ("--full", self.full), ("--simulate", self.simulate)];
        given.extend(switches.into_iter().filter(|it| it.1).map(|it| it.0.to_owned()));
        given
    }
}

/// What `stack` needs besides cluster.yaml, read from where it lies.
#[derive(Debug)]
pub(super) struct Wishes {
    pod_ranges: BTreeMap<HostName, ipnet::Ipv4Net>,
    initialized_on: Option<HostName>,
    auth_password: Option<Secret>,
    manifest: Option<String>,
}

impl Wishes {
    pub(super) fn gather(workspace: &Workspace, state: &State) -> Result<Self, CliError> {
        let cluster = workspace.cluster();
        let state = &plan::follow(state, &renames(workspace))?.state;
        Ok(Self {
            pod_ranges: stack::assign_pod_ranges(cluster, &state.pod_ranges)?,
            initialized_on: state.initialized_on().cloned(),
            auth_password: auth_password(cluster)?,
            manifest: manifest(workspace)?,
        })
    }

    /// What is declared, with what is known of the hosts.
    pub(super) fn graph(&self, cluster: &Cluster, facts: &BTreeMap<HostName, HostFacts>) -> Result<Graph, CliError> {
        let inputs = Inputs {
            facts,
            pod_ranges: &self.pod_ranges,
            initialized_on: self.initialized_on.as_ref(),
            vrrp_password: self.auth_password.as_ref(),
            manifest: self.manifest.as_deref(),
        };
        Ok(Graph::build(stack::declare(cluster, &inputs)?.into_items())?)
    }
}

fn auth_password(cluster: &Cluster) -> Result<Option<Secret>, CliError> {
    let LoadBalancer::KeepalivedHaproxy { keepalived, .. } = &cluster.load_balancer else { return Ok(None) };
    let Some(reference) = &keepalived.auth_password else { return Ok(None) };
    let key = "loadBalancer.keepalived.authPassword";
    let secret = resolve(reference, key)?;
    crate::config::check_vrrp_password(secret.expose()).map_err(|error| CliError::wrong(format!("{key}: {error}")))?;
    Ok(Some(secret))
}

fn manifest(workspace: &Workspace) -> Result<Option<String>, CliError> {
    let Network::Manifest { source, sha256 } = &workspace.cluster().network else { return Ok(None) };
    let (from, bytes) = match source {
        ManifestSource::Path(path) => {
            (path.display().to_string(), std::fs::read(path).map_err(|error| error.to_string()))
        }
        ManifestSource::Url(url) => (url.clone(), download(url)),
    };
    let fail = |reason: String| CliError::wrong(format!("network.manifest: {from}: {reason}"));
    let bytes = bytes.map_err(fail)?;
    let digest = sha256_hex(&bytes);
    match sha256 {
        Some(wanted) if *wanted != digest => Err(fail(format!("its SHA-256 is {digest}, cluster.yaml says {wanted}"))),
        _ => String::from_utf8(bytes).map(Some).map_err(|error| fail(error.to_string())),
    }
}

/// Fetches a URL with curl, which every operator has; what came is checked against its SHA-256.
fn download(url: &str) -> Result<Vec<u8>, String> {
    let arguments = ["--fail", "--silent", "--show-error", "--location", "--max-time", "60", "--", url];
    let output = std::process::Command::new("curl").args(arguments).output();
    let output = output.map_err(|error| format!("cannot run curl: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Looks at the hosts and plans, for `plan` and for those who carry out what it has saved.
pub(super) async fn survey_for(
    mode: Mode,
    workspace: &Workspace,
    state: &State,
    planning: &Planning,
    ui: Ui,
) -> Result<Survey, CliError> {
    if mode != Mode::Destroy {
        return survey(mode, workspace, state, planning, ui).await;
    }
    let (path, reaches) = (&workspace.state_path, workspace.reaches(state)?);
    let destroying = Destroying {
        guarded: &guarded(workspace),
        selection: &planning.part.with(&[]),
        parallelism: planning.parallelism,
        forget_unreachable: false,
    };
    survey_destroy(state, path, reaches, &destroying, ui).await
}

/// Looks at the hosts and plans to make them match cluster.yaml, or the records match them.
pub(super) async fn survey(
    mode: Mode,
    workspace: &Workspace,
    state: &State,
    planning: &Planning,
    ui: Ui,
) -> Result<Survey, CliError> {
    let cluster = workspace.cluster();
    let renames = renames(workspace);
    let followed = plan::follow(state, &renames)?;
    let state = &followed.state;
    let wishes = Wishes::gather(workspace, state)?;
    let reaches = workspace.reaches(state)?;
    let blind = wishes.graph(cluster, &BTreeMap::new())?;
    plan::check_renames(&renames, &blind)?;
    let selection = planning.part.with(&planning.replace);
    selection.check(&blind, state)?;
    let chosen = selection.choose(mode, &blind, state);
    let control_planes: Vec<HostName> = cluster.control_planes().map(|host| HostName::new(&host.name)).collect();
    let fleet = Arc::new(open_fleet(reaches.clone(), &workspace.state_path)?);
    let facts = look(&Looker::of(&fleet), &blind, state, &chosen, &control_planes, planning.parallelism, ui).await;
    let graph = wishes.graph(cluster, &facts.hosts)?;
    let (guarded, ignored) = (guarded(workspace), ignored(workspace));
    let plan = Plan::make(&plan::Inputs {
        mode,
        graph: &graph,
        facts: &facts,
        state,
        decode: &kinds::decode,
        control_planes: &control_planes,
        prevent_destroy: &guarded,
        ignore_drift: &ignored,
        virtual_ip: cluster.endpoint.vip,
        moved: &followed.previous,
        selection: &selection,
        forget_unreachable: false,
    });
    let plan = Plan {
        warnings: [followed.notices, elsewhere(state, &followed.renames, &reaches), plan.warnings].concat(),
        ..plan
    };
    let guards = (mode == Mode::Apply).then(|| cluster.guards.prevent_destroy.iter().cloned().collect());
    let files = wishes.manifest.map(|text| ("network.manifest".to_owned(), text)).into_iter().collect();
    Ok(Survey { plan, fleet, reaches, pod_ranges: wishes.pod_ranges, renames: followed.renames, guards, files })
}

/// Options of planning to destroy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destroying<'a> {
    /// What may not be destroyed.
    pub(super) guarded: &'a [Pattern],
    /// Which part of what is recorded.
    pub(super) selection: &'a Selection,
    pub(super) parallelism: usize,
    /// Whether the records of hosts that do not answer are dropped.
    pub(super) forget_unreachable: bool,
}

/// Looks at what is recorded and plans to take it back; cluster.yaml is not needed.
pub(super) async fn survey_destroy(
    state: &State,
    state_path: &Path,
    reaches: BTreeMap<HostName, Reach>,
    destroying: &Destroying<'_>,
    ui: Ui,
) -> Result<Survey, CliError> {
    let control_planes = recorded_control_planes(state);
    let nothing = Graph::default();
    destroying.selection.check(&nothing, state)?;
    let chosen = destroying.selection.choose(Mode::Destroy, &nothing, state);
    let fleet = Arc::new(open_fleet(reaches.clone(), state_path)?);
    let facts = look(&Looker::of(&fleet), &nothing, state, &chosen, &control_planes, destroying.parallelism, ui).await;
    let plan = Plan::make(&plan::Inputs {
        mode: Mode::Destroy,
        graph: &nothing,
        facts: &facts,
        state,
        decode: &kinds::decode,
        control_planes: &control_planes,
        prevent_destroy: destroying.guarded,
        ignore_drift: &[],
        virtual_ip: None,
        moved: &BTreeMap::new(),
        selection: destroying.selection,
        forget_unreachable: destroying.forget_unreachable,
    });
    let pod_ranges = state.pod_ranges.clone();
    Ok(Survey { plan, fleet, reaches, pod_ranges, renames: Vec::new(), guards: None, files: BTreeMap::new() })
}

/// What was renamed in cluster.yaml.
pub(super) fn renames(workspace: &Workspace) -> Vec<Rename> {
    workspace.cluster().lifecycle.moved.iter().map(|it| (it.from.clone(), it.to.clone())).collect()
}

/// A renamed host is the same machine; one that is reached elsewhere may not be.
fn elsewhere(state: &State, renames: &[Rename], reaches: &BTreeMap<HostName, Reach>) -> Vec<String> {
    let told = |(from, to): &Rename| {
        let host = HostName::new(to.as_str());
        let was = state.hosts.get(&host)?["address"].as_str()?;
        let is = &reaches.get(&host)?.address;
        (was != is).then(|| {
            format!(
                "{from} was reached at {was}, {to} is at {is}: if that is another machine, what mainstay made on the \
                 first one stays there and is forgotten"
            )
        })
    };
    renames.iter().filter_map(told).collect()
}

/// What no plan may destroy.
pub(super) fn guarded(workspace: &Workspace) -> Vec<Pattern> {
    workspace.cluster().guards.prevent_destroy.iter().map(|it| Pattern::new(it.as_str())).collect()
}

/// What others may change.
pub(super) fn ignored(workspace: &Workspace) -> Vec<Pattern> {
    workspace.cluster().lifecycle.ignore_drift.iter().map(|it| Pattern::new(it.as_str())).collect()
}

/// Hosts that were made control planes.
pub(super) fn recorded_control_planes(state: &State) -> Vec<HostName> {
    let is = |address: &&Address| {
        matches!(address.kind(), "kubeadm_init" | "kubeadm_join") && address.component() == "control-plane"
    };
    let mut hosts: Vec<HostName> = state.resources.keys().filter(is).map(|address| address.host().clone()).collect();
    hosts.dedup();
    hosts
}

/// One round trip a host.
pub(super) async fn look(
    looker: &Looker,
    graph: &Graph,
    state: &State,
    chosen: &Chosen,
    control_planes: &[HostName],
    parallelism: usize,
    ui: Ui,
) -> FactSet {
    let recorded = state.resources.iter().map(|(address, record)| (address, &record.attributes));
    let mut looks = Looks::collect(graph, recorded, state.hosts.keys(), control_planes, &kinds::decode);
    if chosen.is_part() {
        // Before the first `kubeadm init` nobody may be a control plane already, left out or not.
        let begins = state.initialized_on().is_none();
        let counts = |it: &Address| begins && control_planes.contains(it.host()) && plan::makes_control_plane(it);
        looks.retain(|address| chosen.has(address) || counts(address));
    }
    let ask = |host: HostName, wanted: Vec<Look>| {
        let looker = looker.clone();
        async move { looker.look(&host, &wanted).await }
    };
    let began = Instant::now();
    let mut looking = Looking::at(ui.stream, looks.by_host.keys());
    let facts = gather(looks, control_planes, parallelism, ask, |host, answer| {
        let answer = answer.as_ref().map(|report| report.seen.len()).map_err(ToString::to_string);
        match &answer {
            Ok(seen) => ui.detail(&format!("{host}: {seen} looks")),
            Err(error) => ui.detail(error),
        }
        looking.answered(host, answer);
    });
    let facts = facts.await;
    looking.end(&facts);
    ui.detail(&format!("looked in {:.1} s", began.elapsed().as_secs_f64()));
    facts
}

/// Reach of every host as recorded in state, for commands that go without cluster.yaml.
pub(super) fn recorded(state: &State, workspace: Option<&Workspace>) -> Result<BTreeMap<HostName, Reach>, CliError> {
    match workspace {
        Some(workspace) => workspace.reaches(state),
        None => recorded_reaches(state),
    }
}
