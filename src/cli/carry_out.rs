//! Carrying a plan out: state, engine, progress and the table at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::error::{CliError, Exit};
use super::interrupt;
use super::survey::Survey;
use super::ui::Ui;
use crate::engine::event::Event;
use crate::engine::{self, Control, EngineError, Outcome, Run};
use crate::fleet::Fleet;
use crate::plan::{Change, Mode, Plan, Problem};
use crate::render::{JsonProgress, PlainProgress, Progress, TtyProgress, outcome_summary, outcome_table};
use crate::resource::HostName;
use crate::state::{self, Lease, State, Store};

/// Runs the plan to its end and tells how it went.
pub(super) async fn carry_out(
    planned: Survey,
    store: Store,
    lease: Lease,
    parallelism: usize,
    fail_fast: bool,
    ui: Ui,
) -> Result<Exit, CliError> {
    let (mode, left_out) = (planned.plan.mode, planned.plan.left_out);
    // What a plan of a part leaves out keeps its records, and how its hosts were reached.
    let planned_for: BTreeSet<&HostName> = planned.plan.changes.iter().map(|change| change.address.host()).collect();
    let part = |host: &HostName| left_out == 0 || planned_for.contains(host);
    let mut hosts = BTreeMap::new();
    for (host, reach) in planned.reaches.iter().filter(|(host, _)| part(host)) {
        let value = serde_json::to_value(reach).map_err(|error| CliError::failed(error.to_string()))?;
        hosts.insert(host.clone(), value);
    }
    store.begin(lease, |state| {
        follow(&planned, state);
        state.hosts.extend(hosts);
        // Ranges of hosts that left cluster.yaml stay taken as long as something is on record there.
        state.pod_ranges.extend(planned.pod_ranges.clone().into_iter().filter(|(host, _)| part(host)));
    })?;
    let store = Arc::new(store);
    let (events, receiver) = unbounded_channel();
    let shown = tokio::spawn(show(progress(&planned.plan.cluster, ui), receiver));
    let control = Control { parallelism, fail_fast, interrupt: interrupt::listen() };
    let run = Run {
        plan: Arc::new(planned.plan),
        fleet: Arc::clone(&planned.fleet),
        store: Arc::clone(&store),
        control,
        events,
    };
    let result = run_through(run).await;
    let _ = shown.await;
    // Whatever happened, what was recorded is folded into the state file.
    let finished = store.finish_with(|state| {
        let on_record: BTreeSet<HostName> = state.resources.keys().map(|address| address.host().clone()).collect();
        state.hosts.retain(|host, _| on_record.contains(host));
        state.pod_ranges.retain(|host, _| on_record.contains(host));
    });
    planned.fleet.close().await;
    let outcome = result?;
    finished?;
    let exit = tell(&outcome, mode, ui)?;
    if left_out > 0 && !ui.json {
        let things = if left_out == 1 { "1 resource was".to_owned() } else { format!("{left_out} resources were") };
        ui.say(&format!("{things} left out of this. What they need:  mainstay plan"));
    }
    Ok(exit)
}

/// Carries the plan out. Simulated hosts are worked on by one thread, so that a rehearsal goes, and is told, in the same
/// way each time.
async fn run_through(run: Run) -> Result<Outcome, EngineError> {
    if !matches!(*run.fleet, Fleet::Simulated(_)) {
        return engine::apply(run).await;
    }
    // A runtime may begin and end on a thread that may block, and nowhere else.
    let alone = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(engine::apply(run)),
        Err(_) => tokio::runtime::Handle::current().block_on(engine::apply(run)),
    };
    tokio::task::spawn_blocking(alone).await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// What a plan was made for: records under their present names, and the guards of cluster.yaml.
fn follow(planned: &Survey, state: &mut State) {
    for (from, to) in &planned.renames {
        // It could be renamed when the plan was made, from the same state.
        let _ = state::rename(state, from, to);
    }
    if let Some(guards) = &planned.guards {
        state.guards.clone_from(guards);
    }
}

/// What an apply that is refused ends with. All that it does is to record the guards of cluster.yaml, so that one that
/// was removed there does not hold up the next apply.
pub(super) fn lift(refused: CliError, planned: &Survey, store: &Store, lease: Lease) -> CliError {
    let before = store.with(|state| state.guards.clone());
    let after = planned.guards.as_ref().unwrap_or(&before);
    let lifted: Vec<String> = before.difference(after).map(|guard| format!("`{guard}`")).collect();
    if *after != before {
        let written = store.begin(lease, |state| state.guards.clone_from(after)).and_then(|()| store.finish());
        if let Err(error) = written {
            return error.into();
        }
    }
    if lifted.is_empty() {
        return refused;
    }
    let are = if lifted.len() == 1 { "guard is" } else { "guards are" };
    let what = format!("nothing was changed, but the {are} lifted: {}", lifted.join(", "));
    CliError::failed(what).hint("see what the next apply does: mainstay plan")
}

/// Stops where a guard or a kind refuses a change. The rest of such a plan is made for a cluster in which that change
/// has happened, too: a load balancer on a new port, say, that the hosts were never told of.
pub(super) fn stop_when_refused(plan: &Plan) -> Result<(), CliError> {
    let refused = |change: &&Change| matches!(change.problem, Some(Problem::Refused { .. }));
    match plan.changes.iter().filter(refused).count() {
        0 => Ok(()),
        1 => Err(CliError::failed("nothing was changed: one change is refused, see above")),
        many => Err(CliError::failed(format!("nothing was changed: {many} changes are refused, see above"))),
    }
}

/// Brings records up to date where hosts and wishes agree already; touches no host and says nothing.
pub(super) fn refresh(planned: &Survey, store: &Store, lease: Lease) -> Result<(), CliError> {
    let guards = planned.guards.as_ref().is_some_and(|guards| store.with(|state| state.guards != *guards));
    // Without a state there is nothing yet that a guard could keep.
    let guards = guards && store.with(|state| state.serial > 0);
    if guards || planned.plan.changes.iter().any(|change| change.rerecord) {
        store.begin(lease, |state| follow(planned, state))?;
        let recorded = engine::record_only(&planned.plan, store);
        store.finish()?;
        recorded?;
    }
    Ok(())
}

/// For people, unless stdout is for programs; for programs, if any reads.
fn progress(cluster: &str, ui: Ui) -> Vec<Box<dyn Progress>> {
    let mut all: Vec<Box<dyn Progress>> = Vec::new();
    if ui.stream.is_read() {
        all.push(Box::new(JsonProgress::new(move |message: &str, event| ui.event(message, &event))));
    }
    if ui.live() && !ui.json {
        all.push(Box::new(TtyProgress::new(cluster)));
    } else if !ui.json {
        all.push(Box::new(PlainProgress::new(std::io::stderr())));
    }
    all
}

async fn show(mut all: Vec<Box<dyn Progress>>, mut events: UnboundedReceiver<Event>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => all.iter_mut().for_each(|progress| progress.event(&event)),
                None => break,
            },
            _ = second.tick() => all.iter_mut().for_each(|progress| progress.tick()),
        }
    }
    for progress in &mut all {
        progress.end();
    }
}

fn tell(outcome: &Outcome, mode: Mode, ui: Ui) -> Result<Exit, CliError> {
    let summary = outcome_summary(outcome, mode);
    let exit = match outcome {
        Outcome { interrupted: true, .. } => Exit::Interrupted,
        _ if outcome.complete() => Exit::Done,
        _ => Exit::Failed,
    };
    ui.stream.outcome(outcome, &summary);
    if ui.json {
        return Ok(exit);
    }
    ui.data(&format!("{}\n{summary}", outcome_table(outcome)))?;
    if exit != Exit::Done {
        let verb = if mode == Mode::Destroy { "destroy" } else { "apply" };
        ui.say(&format!("Mend it, then:  mainstay {verb}"));
    }
    Ok(exit)
}
