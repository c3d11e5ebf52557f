//! From cluster.yaml, state and hosts to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::FlowError;
use super::inquiry::Question;
use super::look::Listener;
use super::reaches::reaches;
use super::unmatched::unmatched;
use super::wishes::Wishes;
use crate::config::Cluster;
use crate::fleet::{Fleet, FleetError, Looker, Reach};
use crate::plan::{Followed, Mode, Plan, Rename, Selection, Warning};
use crate::resource::{HostName, Pattern};
use crate::state::State;

/// A plan and what is needed to carry it out.
#[derive(Debug)]
pub struct Survey {
    /// The plan.
    pub plan: Plan,
    /// The hosts.
    pub fleet: Arc<Fleet>,
    /// How they are reached, to be recorded.
    pub reaches: BTreeMap<HostName, Reach>,
    /// Pod ranges, to be recorded.
    pub pod_ranges: BTreeMap<HostName, ipnet::Ipv4Net>,
    /// Renames of cluster.yaml that records must follow before anything is carried out.
    pub renames: Vec<Rename>,
    /// `guards.preventDestroy` to be recorded, where cluster.yaml is applied.
    pub guards: Option<BTreeSet<String>>,
    /// Files that cluster.yaml names, by the key that names them.
    pub files: BTreeMap<String, String>,
}

/// What is asked of a survey.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// To make the hosts match cluster.yaml, or the records the hosts; see [`survey_destroy`] for the rest.
    pub mode: Mode,
    /// What is wished.
    pub cluster: &'a Cluster,
    /// Whether the hosts are simulated whatever cluster.yaml says.
    pub simulated: bool,
    /// Which part.
    pub selection: &'a Selection,
    /// How many hosts are looked at at once.
    pub parallelism: usize,
}

/// Looks at the hosts and plans to make them match cluster.yaml, or the records match them. `open` opens the fleet that
/// the hosts are of, for example [`super::open_fleet`]; nothing is looked at before what was asked is known to make
/// sense.
pub async fn survey(
    asked: &Asked<'_>,
    state: &State,
    open: impl FnOnce(&BTreeMap<HostName, Reach>) -> Result<Arc<Fleet>, FleetError>,
    listener: &mut (dyn Listener + Send),
) -> Result<Survey, FlowError> {
    let Asked { mode, cluster, simulated, selection, parallelism } = *asked;
    let question = Question::of_cluster(mode, cluster, state, selection, Wishes::gather)?;
    let reaches = reaches(cluster, simulated, &question.followed.state)?;
    if mode == Mode::Apply {
        one_machine(cluster, &question.followed.state, &reaches)?;
    }
    let fleet = open(&reaches)?;
    let inquiry = Box::pin(question.ask(&Looker::of(&fleet), parallelism, listener)).await?;
    let plan = Plan::make(&inquiry.inputs());
    let state = inquiry.inputs().state;
    // What is declared on a host can depend on what it says.
    let unmatched = if inquiry.is_complete() { unmatched(cluster, &inquiry.graph, state) } else { Vec::new() };
    let elsewhere = elsewhere(state, &inquiry.question().followed.renames, &reaches);
    let Followed { renames, notices, .. } = inquiry.question().followed.clone();
    let plan = Plan { warnings: [notices, elsewhere, unmatched, plan.warnings].concat(), ..plan };
    let guards = (mode == Mode::Apply).then(|| cluster.guards.prevent_destroy.iter().cloned().collect());
    let wishes = inquiry.into_question().wishes;
    let (manifest, pod_ranges) = wishes.map(|wishes| (wishes.manifest, wishes.pod_ranges)).unwrap_or_default();
    let files = manifest.map(|text| ("network.manifest".to_owned(), text)).into_iter().collect();
    Ok(Survey { plan, fleet, reaches, pod_ranges, renames, guards, files })
}

/// What is asked of a survey to destroy.
#[derive(Clone, Copy, Debug)]
pub struct Destroying<'a> {
    /// What may not be destroyed.
    pub guarded: &'a [Pattern],
    /// Which part of what is recorded.
    pub selection: &'a Selection,
    /// How many hosts are looked at at once.
    pub parallelism: usize,
    /// Whether the records of hosts that do not answer are dropped.
    pub forget_unreachable: bool,
}

/// Looks at what is recorded and plans to take it back; cluster.yaml is not needed.
pub async fn survey_destroy(
    destroying: &Destroying<'_>,
    state: &State,
    reaches: BTreeMap<HostName, Reach>,
    open: impl FnOnce(&BTreeMap<HostName, Reach>) -> Result<Arc<Fleet>, FleetError>,
    listener: &mut (dyn Listener + Send),
) -> Result<Survey, FlowError> {
    let Destroying { guarded, selection, parallelism, forget_unreachable } = *destroying;
    let mut question = Question::of_state(state, selection, guarded)?;
    question.forget_unreachable = forget_unreachable;
    let fleet = open(&reaches)?;
    let inquiry = Box::pin(question.ask(&Looker::of(&fleet), parallelism, listener)).await?;
    let plan = Plan::make(&inquiry.inputs());
    let pod_ranges = state.pod_ranges.clone();
    Ok(Survey { plan, fleet, reaches, pod_ranges, renames: Vec::new(), guards: None, files: BTreeMap::new() })
}

/// A host that is called otherwise without a word is taken away under its old name, and is the same machine.
fn one_machine(cluster: &Cluster, state: &State, reaches: &BTreeMap<HostName, Reach>) -> Result<(), FlowError> {
    let recorded = state.recorded_hosts();
    let declared: BTreeSet<HostName> = cluster.hosts.iter().map(|host| HostName::new(&host.name)).collect();
    let new: Vec<(&HostName, &Reach)> =
        reaches.iter().filter(|(host, _)| declared.contains(*host) && !recorded.contains(host)).collect();
    for (from, was) in reaches.iter().filter(|(host, _)| !declared.contains(*host) && recorded.contains(host)) {
        if let Some((to, _)) = new.iter().find(|(_, is)| is.leads_where(was)) {
            let reason = format!(
                "{to} has address {}, which the state records for {from}. If the host was renamed, write `lifecycle: {{moved: \
                 [{{from: {from}, to: {to}}}]}}`. Otherwise remove {from} and apply, then add {to}.",
                was.address
            );
            return Err(FlowError::Unfit { key: format!("hosts.{to}"), reason });
        }
    }
    Ok(())
}

/// A renamed host is the same machine; one that is reached elsewhere may not be.
fn elsewhere(state: &State, renames: &[Rename], reaches: &BTreeMap<HostName, Reach>) -> Vec<Warning> {
    let told = |(from, to): &Rename| {
        let host = HostName::new(to.as_str());
        let was = state.hosts.get(&host)?["address"].as_str()?;
        let is = &reaches.get(&host)?.address;
        let text = || {
            format!(
                "{from} had address {was}, but {to} has {is}. If this is a different machine, everything mainstay made on the \
                 old one stays there and is forgotten."
            )
        };
        (was != is).then(|| Warning::danger("renamed-and-moved", text()))
    };
    renames.iter().filter_map(told).collect()
}
