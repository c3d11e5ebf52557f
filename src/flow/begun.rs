//! Applying a plan: the state before, the engine, the state after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc::UnboundedSender;

use super::error::FlowError;
use super::survey::Survey;
use crate::engine::event::Event;
use crate::engine::{self, Control, EngineError, Outcome, Run};
use crate::fleet::{Fleet, Reach};
use crate::plan::Plan;
use crate::resource::HostName;
use crate::state::{self, Lease, State, Store};

/// A plan that is about to run; its hosts, pod ranges, renames and guards are recorded.
#[derive(Debug)]
pub struct Begun {
    plan: Arc<Plan>,
    fleet: Arc<Fleet>,
    store: Arc<Store>,
}

/// Starts to apply a plan: records everything that no single resource records. No host is changed.
pub fn begin(planned: Survey, store: Store, lease: Lease) -> Result<Begun, FlowError> {
    let part = part(&planned);
    let hosts = reached(&planned, &part)?;
    store.begin(lease, |state| {
        follow(&planned, state);
        state.hosts.extend(hosts);
        // Ranges of hosts removed from cluster.yaml stay assigned as long as they have state entries.
        state.pod_ranges.extend(planned.pod_ranges.clone().into_iter().filter(|(host, _)| part(host)));
    })?;
    Ok(Begun { plan: Arc::new(planned.plan), fleet: planned.fleet, store: Arc::new(store) })
}

impl Begun {
    /// The store of the run. Callers without a renewal thread renew the lease here.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Applies the plan. In any case, the journal is merged into the state file, the lock is released and the
    /// connections are closed.
    pub async fn carry_out(self, control: Control, events: UnboundedSender<Event>) -> Result<Outcome, FlowError> {
        let Self { plan, fleet, store } = self;
        let run = Run { plan, fleet: Arc::clone(&fleet), store: Arc::clone(&store), control, events };
        let result = run_through(run).await;
        let finished = store.finish_with(|state| {
            let on_record: BTreeSet<HostName> = state.recorded_hosts().into_iter().cloned().collect();
            state.hosts.retain(|host, _| on_record.contains(host));
            state.pod_ranges.retain(|host, _| on_record.contains(host));
        });
        fleet.close().await;
        let outcome = result?;
        finished?;
        Ok(outcome)
    }
}

/// Resources outside a partial plan keep their state entries and the connection settings of their hosts.
fn part(planned: &Survey) -> impl Fn(&HostName) -> bool + use<> {
    let changes = planned.plan.changes.iter().map(|change| change.address.host().clone());
    let planned_for: Option<BTreeSet<HostName>> = (planned.plan.left_out > 0).then(|| changes.collect());
    move |host| planned_for.as_ref().is_none_or(|hosts| hosts.contains(host))
}

/// The connection settings of these hosts, in the recorded form.
fn reached(planned: &Survey, part: impl Fn(&HostName) -> bool) -> Result<BTreeMap<HostName, Value>, FlowError> {
    let value = |(host, reach): (&HostName, &Reach)| match serde_json::to_value(reach) {
        Ok(value) => Ok((host.clone(), value)),
        Err(error) => Err(FlowError::Unwritable { host: host.clone(), reason: error.to_string() }),
    };
    planned.reaches.iter().filter(|(host, _)| part(host)).map(value).collect()
}

/// Updates state entries of resources that are already as declared; no host is changed.
pub fn refresh(planned: &Survey, store: &Store, lease: Lease) -> Result<(), FlowError> {
    let mut hosts = reached(planned, part(planned))?;
    hosts.retain(|host, is| store.with(|state| state.hosts.get(host).is_some_and(|was| was != is)));
    let guards = planned.guards.as_ref().is_some_and(|guards| store.with(|state| state.guards != *guards));
    // Without a state there is nothing to guard yet.
    let guards = guards && store.with(|state| state.serial > 0);
    if guards || !hosts.is_empty() || planned.plan.changes.iter().any(|change| change.rerecord) {
        store.begin(lease, |state| {
            follow(planned, state);
            state.hosts.extend(hosts);
        })?;
        let recorded = engine::record_only(&planned.plan, store);
        store.finish()?;
        recorded?;
    }
    Ok(())
}

/// The renames and guards that a plan was made with.
fn follow(planned: &Survey, state: &mut State) {
    for (from, to) in &planned.renames {
        // The same rename succeeded for the same state when the plan was made.
        let _ = state::rename(state, from, to);
    }
    if let Some(guards) = &planned.guards {
        state.guards.clone_from(guards);
    }
}

/// Runs the engine. Hosts that answer in the same way each time are worked on by one thread, so that a rehearsal goes,
/// and is told, in the same way each time.
async fn run_through(run: Run) -> Result<Outcome, FlowError> {
    let alone = Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread;
    if alone || !run.fleet.is_deterministic() {
        return Ok(engine::apply(run).await?);
    }
    // A runtime may begin and end on a thread that may block, and nowhere else.
    let on_one_thread = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| FlowError::Runtime { reason: error.to_string() })?;
        let outcome: Result<Outcome, EngineError> = runtime.block_on(engine::apply(run));
        Ok(outcome?)
    };
    match tokio::task::spawn_blocking(on_one_thread).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(FlowError::Runtime { reason: error.to_string() }),
    }
}
