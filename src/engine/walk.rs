//! The run: starts what is ready, collects what ends, until nothing is left or the user stops it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

use super::control::{Control, Interrupt};
use super::event::{Ending, Event, Failure};
use super::one::One;
use super::outcome::Outcome;
use super::queue::Queue;
use crate::fleet::Fleet;
use crate::plan::{Change, Mode, Plan, Problem};
use crate::resource::{Action, Address, DecodeError};
use crate::state::{Entry, Record, State, StateError, Store};

/// Why a run could not go on at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal could not be written; continuing would make unrecorded changes.
    #[error("the state cannot be written")]
    State(#[from] StateError),
    /// A recorded value that this version cannot read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// The input of a run.
#[derive(Debug)]
pub struct Run {
    /// What to do.
    pub plan: Arc<Plan>,
    /// The hosts.
    pub fleet: Arc<Fleet>,
    /// The state, open for writing.
    pub store: Arc<Store>,
    /// Limits and the user's wish to stop.
    pub control: Control,
    /// Where events go.
    pub events: UnboundedSender<Event>,
}

/// Applies the plan. Returns an error only if the state cannot be written; failures on hosts is in the [`Outcome`].
pub async fn apply(run: Run) -> Result<Outcome, EngineError> {
    let mut walk = Walk::new(run);
    (walk.adopted, walk.forgotten) = record_only(&walk.run.plan, &walk.run.store)?;
    walk.unplannable();
    walk.run().await?;
    Ok(walk.finish())
}

/// What touches no host: adopting, forgetting, bringing a record up to date. Returns how many were
/// adopted and forgotten.
pub fn record_only(plan: &Plan, store: &Store) -> Result<(usize, usize), EngineError> {
    let (mut adopted, mut forgotten, mut entries, mut ended) = (0, 0, Vec::new(), Vec::new());
    let inheriting = inheriting(plan);
    for change in plan.changes.iter().filter(|change| change.problem.is_none()) {
        match change.action {
            // Its heir takes it over when its turn comes.
            Action::Forget if change.heir().is_some_and(|heir| inheriting.contains_key(heir)) => forgotten += 1,
            Action::Forget => {
                ended.push(Entry::Forgotten { address: change.address.clone() });
                forgotten += 1;
            }
            Action::Adopt => {
                entries.extend(record(change, plan.mode, store));
                adopted += 1;
            }
            Action::NoOp if change.rerecord => entries.extend(record(change, plan.mode, store)),
            _ => {}
        }
    }
    // Last, because half of it may be all that reaches the disk, and records may go on at other addresses.
    entries.extend(ended);
    // All of it in one piece: nothing of it waits for anything else.
    store.append_all(entries)?;
    Ok((adopted, forgotten))
}

/// Of changes that touch hosts: where the same things were recorded until now.
fn inheriting(plan: &Plan) -> HashMap<Address, Vec<Address>> {
    let mut all = HashMap::<Address, Vec<Address>>::new();
    for change in &plan.changes {
        if let Some(heir) = change.heir() {
            all.entry(heir.clone()).or_default().push(change.address.clone());
        }
    }
    let acts = |change: &&Change| change.action.touches_host() && change.problem.is_none();
    if all.is_empty() {
        return all;
    }
    plan.changes.iter().filter(acts).filter_map(|change| all.remove_entry(&change.address)).collect()
}

fn record(change: &Change, mode: Mode, store: &Store) -> Option<Entry> {
    let key = store.with(State::digest_key);
    let record = match mode {
        // The recorded declaration stays; its secrets could not be digested again.
        Mode::Refresh => store.record(&change.address),
        Mode::Apply | Mode::Destroy => super::one::record_of(change, &key),
    };
    let (record, before) = (record?, change.before.as_ref()?);
    let observed = before.observation.digest();
    Some(Entry::done(change.address.clone(), Record { observed, ..record }))
}

struct Walk {
    run: Run,
    /// The plan ends the cluster.
    whole: bool,
    inheriting: HashMap<Address, Vec<Address>>,
    queue: Queue,
    began: Instant,
    endings: Vec<Option<Ending>>,
    started: Vec<Option<Instant>>,
    tasks: HashMap<Id, usize>,
    adopted: usize,
    forgotten: usize,
    interrupted: bool,
    stop: bool,
}

impl Walk {
    fn new(run: Run) -> Self {
        let total = run.plan.changes.len();
        Self {
            queue: Queue::new(&run.plan, run.control.parallelism),
            inheriting: inheriting(&run.plan),
            whole: run.plan.ends_the_cluster(),
            began: Instant::now(),
            endings: vec![None; total],
            started: vec![None; total],
            tasks: HashMap::new(),
            adopted: 0,
            forgotten: 0,
            interrupted: false,
            stop: false,
            run,
        }
    }

    fn emit(&self, event: Event) {
        // A closed renderer does not stop the run.
        let _ = self.run.events.send(event);
    }

    /// Resources that could not be planned are reported as failed, so that nothing is omitted silently.
    fn unplannable(&mut self) {
        let plan = Arc::clone(&self.run.plan);
        for (i, change) in plan.changes.iter().enumerate() {
            let ending = match &change.problem {
                None => continue,
                Some(Problem::Blocked { by }) => Ending::Skipped { because: by.clone() },
                Some(Problem::Unknown { text } | Problem::Refused { text }) => Ending::Failed(Failure {
                    host: change.address.host().clone(),
                    step: "check".into(),
                    text: text.clone(),
                    after: Duration::ZERO,
                }),
            };
            self.endings[i] = Some(ending);
        }
    }

    async fn run(&mut self) -> Result<(), EngineError> {
        let acts = |change: &&Change| change.action.touches_host() && change.problem.is_none();
        self.emit(Event::RunStarted { total: self.run.plan.changes.iter().filter(acts).count() });
        let mut running: JoinSet<(usize, Result<Option<Failure>, EngineError>)> = JoinSet::new();
        let mut interrupt = self.run.control.interrupt.clone();
        let mut told = Interrupt::None;
        let mut broken = None;
        loop {
            let wish = *interrupt.borrow_and_update();
            if wish > told {
                told = wish;
                self.interrupted = true;
                self.emit(Event::Interrupted);
            }
            if wish == Interrupt::Now {
                running.abort_all();
            }
            while !self.stop && !self.interrupted {
                let Some(i) = self.queue.start() else { break };
                self.spawn(i, &mut running);
            }
            tokio::select! {
                // What has ended is recorded first; the wish is asked for in each round.
                biased;
                ended = running.join_next() => {
                    let Some(ended) = ended else { break };
                    let (i, result) = match ended {
                        Ok(ended) => ended,
                        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                        Err(error) => {
                            if let Some(i) = self.tasks.remove(&error.id()) {
                                let failure = self.stopped(i);
                                self.ended(i, Some(failure));
                            }
                            continue;
                        }
                    };
                    let failure = match result {
                        Ok(failure) => failure,
                        Err(error) => {
                            // The others end and are recorded, as far as that is possible.
                            self.stop = true;
                            broken.get_or_insert(error);
                            continue;
                        }
                    };
                    self.ended(i, failure);
                }
                Ok(()) = interrupt.changed() => {}
            }
        }
        broken.map_or(Ok(()), Err)
    }

    fn spawn(&mut self, i: usize, running: &mut JoinSet<(usize, Result<Option<Failure>, EngineError>)>) {
        let change = &self.run.plan.changes[i];
        self.started[i] = Some(Instant::now());
        self.emit(Event::Started { address: change.address.clone(), action: change.action });
        let one = One {
            plan: Arc::clone(&self.run.plan),
            at: i,
            fleet: Arc::clone(&self.run.fleet),
            store: Arc::clone(&self.run.store),
            events: self.run.events.clone(),
            whole: self.whole,
            inherits: self.inheriting.remove(&change.address).unwrap_or_default(),
            undisturbed: change.after.is_empty(),
            began: Instant::now(),
        };
        let task = running.spawn(async move { (i, one.run().await) });
        self.tasks.insert(task.id(), i);
    }

    /// The failure of a resource that was running when the user stopped the run.
    fn stopped(&self, i: usize) -> Failure {
        let text = "the next run resumes it".to_owned();
        let host = self.run.plan.changes[i].address.host().clone();
        Failure {
            host,
            step: Failure::STOPPED.into(),
            text,
            after: self.started[i].map_or(Duration::ZERO, |at| at.elapsed()),
        }
    }

    fn ended(&mut self, i: usize, failure: Option<Failure>) {
        let well = failure.is_none();
        self.end(i, failure.map_or(Ending::Done, Ending::Failed));
        let because = self.run.plan.changes[i].address.clone();
        for j in self.queue.end(i, well) {
            self.end(j, Ending::Skipped { because: because.clone() });
        }
        if !well && self.run.control.fail_fast {
            self.stop = true;
        }
    }

    fn end(&mut self, i: usize, ending: Ending) {
        let change = &self.run.plan.changes[i];
        let took = self.started[i].map_or(Duration::ZERO, |at| at.elapsed());
        let (address, action) = (change.address.clone(), change.action);
        self.emit(Event::Ended { address, action, ending: ending.clone(), took });
        self.endings[i] = Some(ending);
    }

    fn finish(mut self) -> Outcome {
        for i in self.queue.left() {
            self.end(i, Ending::NotStarted);
        }
        let took = self.began.elapsed();
        self.emit(Event::RunEnded { took });
        let changes = self.run.plan.changes.iter().zip(self.endings);
        let endings =
            changes.filter_map(|(change, ending)| Some((change.address.clone(), change.action, ending?))).collect();
        Outcome { endings, adopted: self.adopted, forgotten: self.forgotten, interrupted: self.interrupted, took }
    }
}
