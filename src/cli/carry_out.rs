//! Applying a plan: progress and the final table.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::error::{CliError, Exit};
use super::interrupt;
use super::logging;
use super::next_command::NextCommand;
use super::ui::Ui;
use crate::engine::event::Event;
use crate::engine::{Control, Outcome};
use crate::flow::{self, Survey};
use crate::plan::{Mode, Plan};
use crate::render::{JsonProgress, PlainProgress, Progress, TtyProgress, outcome_summary, outcome_table};
use crate::state::{Lease, Store};

/// Limits of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Maximum number of hosts to work on concurrently.
    pub(super) parallelism: usize,
    /// Whether to stop starting new work after the first failure.
    pub(super) fail_fast: bool,
}

/// Runs the plan and reports the result.
pub(super) async fn carry_out(
    planned: Survey,
    store: Store,
    lease: Lease,
    limits: Limits,
    next: &NextCommand,
    ui: Ui,
) -> Result<Exit, CliError> {
    let (mode, left_out, cluster) = (planned.plan.mode, planned.plan.left_out, planned.plan.cluster.clone());
    // Before anything is written: presenting and approving the plan may have taken long.
    let interrupt = interrupt::run_begins()?;
    let begun = flow::begin(planned, store, lease)?;
    let (events, receiver) = unbounded_channel();
    let shown = tokio::spawn(show(progress(&cluster, ui), receiver));
    let Limits { parallelism, fail_fast } = limits;
    let control = Control { parallelism, fail_fast, interrupt };
    let result = begun.carry_out(control, events).await;
    let _ = shown.await;
    let exit = tell(&result?, mode, next, ui)?;
    if left_out > 0 && !ui.json {
        let things = if left_out == 1 { "1 resource was".to_owned() } else { format!("{left_out} resources were") };
        let verb = match mode {
            _ if !next.has_file() => "state list",
            Mode::Destroy => "plan --destroy",
            Mode::Apply | Mode::Refresh => "plan",
        };
        ui.say(&format!("{things} not included. To see what remains: {}", next.whole(verb)));
        if mode == Mode::Destroy && next.has_file() {
            ui.say("What is still in cluster.yaml is created again by the next apply.");
        }
    }
    Ok(exit)
}

/// The error of a refused apply. Such an apply only records the guards of cluster.yaml, so that a guard removed there
/// does not block the next apply.
pub(super) fn lift(refused: CliError, planned: &Survey, store: &Store, lease: Lease, next: &NextCommand) -> CliError {
    let lifted: Vec<String> = match flow::lift(planned, store, lease) {
        Ok(lifted) => lifted.iter().map(|guard| format!("`{guard}`")).collect(),
        Err(error) => return error.into(),
    };
    if lifted.is_empty() {
        return refused;
    }
    let are = if lifted.len() == 1 { "guard is" } else { "guards are" };
    let what = format!("Nothing was changed on the hosts. The {are} removed from the state: {}", lifted.join(", "));
    CliError::failed(what).hint(format!("to see what the next apply changes: {}", next.same("plan")))
}

/// Stops where a guard or a kind refuses a change; see [`flow::refusals`].
pub(super) fn stop_when_refused(plan: &Plan) -> Result<(), CliError> {
    match flow::refusals(plan) {
        0 => Ok(()),
        1 => Err(CliError::failed("Nothing was changed: 1 change is refused (see above).")),
        many => Err(CliError::failed(format!("Nothing was changed: {many} changes are refused (see above)."))),
    }
}

/// Text progress unless stdout is JSON; JSON progress if there is a reader.
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
                Some(event) => {
                    logging::event(&event);
                    for progress in &mut all {
                        progress.event(&event);
                    }
                }
                None => break,
            },
            _ = second.tick() => all.iter_mut().for_each(|progress| progress.tick()),
        }
    }
    for progress in &mut all {
        progress.end();
    }
}

fn tell(outcome: &Outcome, mode: Mode, next: &NextCommand, ui: Ui) -> Result<Exit, CliError> {
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
        let what = if exit == Exit::Interrupted { "To continue" } else { "Fix the cause, then run" };
        ui.say(&format!("{what}: {}", next.same(verb)));
    }
    Ok(exit)
}
