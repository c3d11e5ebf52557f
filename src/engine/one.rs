//! The run of one resource: intent, steps, final check, state entry.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::event::{Event, Failure};
use super::steps::{Failed, Steps, StepsError};
use super::walk::EngineError;
use crate::fleet::Fleet;
use crate::plan::{Change, Plan};
use crate::resource::{Act, Action, Address, AnyKind, DigestKey, Observation, Prior, Seen, Step};
use crate::state::{Entry, Record, State, Status, Store};

/// The context of one resource.
pub(super) struct One {
    pub(super) plan: Arc<Plan>,
    pub(super) at: usize,
    pub(super) fleet: Arc<Fleet>,
    pub(super) store: Arc<Store>,
    pub(super) events: UnboundedSender<Event>,
    /// Nothing of the cluster stays.
    pub(super) whole: bool,
    /// Where the same thing was recorded until now; those records end when this one begins.
    pub(super) inherits: Vec<Address>,
    /// Nothing that it depends on was changed in this run, so its host must look as planned.
    pub(super) undisturbed: bool,
    pub(super) began: Instant,
}

/// The record of a change before it is carried out: interrupted until the end is known.
pub(super) fn record_of(change: &Change, key: &DigestKey) -> Option<Record> {
    let resource = change.resource.as_ref()?;
    let before = change.before.as_ref().map(|seen| seen.observation.clone());
    let fallback = || Prior { before: before.clone().unwrap_or(Observation::Absent), kept: BTreeMap::new() };
    Some(Record {
        version: resource.version(),
        attributes: resource.attributes().into(),
        digest: resource.digest(key),
        observed: before.as_ref().map(Observation::digest).unwrap_or_default(),
        prior: change.prior.clone().unwrap_or_else(fallback),
        needs: change.needs.clone(),
        lane: change.lane.clone(),
        made_from: change.made_from.clone(),
        status: Status::Interrupted,
    })
}

impl One {
    /// Carries the change out. `Ok(Some(..))` is a failure on a host, an error one of the state.
    pub(super) async fn run(self) -> Result<Option<Failure>, EngineError> {
        let change = &self.plan.changes[self.at];
        let Some(resource) = change.resource.clone() else { return Ok(None) };
        // Those that are put back come first: half of it may be all that reaches the disk.
        let recorded = self.inherits.iter().chain([&change.address]);
        let recorded = recorded.map(|address| (address.clone(), self.store.record(address))).collect();
        let mut record = self.intent(change).await?;
        let steps = self.steps(change, resource.as_ref(), &record.prior)?;
        let destroys = change.action == Action::Destroy;
        let runner = Steps {
            change,
            resource: resource.as_ref(),
            plan: &self.plan,
            fleet: &self.fleet,
            events: &self.events,
            destroys,
            whole: self.whole,
            expect: change
                .before
                .as_ref()
                .map(|seen| seen.digest.as_str())
                // Work of an interrupted run may have continued after the plan was made.
                .filter(|it| self.undisturbed && !it.is_empty() && !change.resumes),
        };
        let mut keep = |name: &str, value: &str, record: &mut Record| {
            record.prior.kept.insert(name.to_owned(), value.to_owned());
            self.store.kept(change.address.clone(), name, value)
        };
        match runner.run(&steps, &mut record, &mut keep).await {
            Ok(after) => self.conclude(change, resource.as_ref(), record, &after).await,
            Err(StepsError::Untouched(failed)) => {
                self.take_back(recorded).await?;
                Ok(Some(self.failure(failed)))
            }
            Err(StepsError::Failed(failed)) => {
                if failed.put_back {
                    self.undone(change).await?;
                }
                Ok(Some(self.failure(failed)))
            }
            Err(StepsError::State(error)) => Err(error.into()),
        }
    }

    async fn intent(&self, change: &Change) -> Result<Record, EngineError> {
        let mut record =
            record_of(change, &self.store.with(State::digest_key)).expect("changes that act have a resource");
        if change.action == Action::Destroy
            && let Some(was) = self.store.record(&change.address)
        {
            // Read from its record it has no secrets, and is no other wish for that.
            record.digest = was.digest;
        }
        let owed = change.reacting.iter().cloned().collect();
        let mut entries = vec![Entry::intent(change.address.clone(), record.clone(), owed)];
        // After it: half of it may be all that reaches the disk.
        entries.extend(self.inherits.iter().map(|address| Entry::Forgotten { address: address.clone() }));
        self.store.add(entries).await?;
        Ok(record)
    }

    /// Nothing was done, so the intent must not stand: it would let a later run take what somebody else has put there
    /// meanwhile for the work of this one.
    async fn take_back(&self, recorded: Vec<(Address, Option<Record>)>) -> Result<(), EngineError> {
        let entry = |(address, record)| match record {
            None => Entry::Forgotten { address },
            Some(record @ Record { status: Status::Interrupted, .. }) => Entry::intent(address, record, Vec::new()),
            Some(record) => Entry::done(address, record),
        };
        Ok(self.store.add(recorded.into_iter().map(entry).collect()).await?)
    }

    /// A service was given back the files that it had before, so those of its component are not done any more.
    async fn undone(&self, change: &Change) -> Result<(), EngineError> {
        let back = change.resource.as_ref().map(|resource| resource.nature().puts_back).unwrap_or_default();
        let own = |address: &&Address| {
            let same = (address.host(), address.component()) == (change.address.host(), change.address.component());
            same && address.key().is_some_and(|path| back.iter().any(|it| it == path))
        };
        let files = change.needs.iter().filter(own);
        let records = files.filter_map(|address| Some((address.clone(), self.store.record(address)?)));
        let undone = records.map(|(address, record)| {
            Entry::intent(address, Record { status: Status::Interrupted, ..record }, Vec::new())
        });
        Ok(self.store.add(undone.collect()).await?)
    }

    fn failure(&self, Failed { host, step, text, .. }: Failed) -> Failure {
        Failure { host, step, text, after: self.began.elapsed() }
    }

    fn steps(&self, change: &Change, resource: &dyn AnyKind, prior: &Prior) -> Result<Vec<Step>, EngineError> {
        let nothing = Observation::Absent;
        let before = change.before.as_ref().map_or(&nothing, |seen| &seen.observation);
        Ok(match change.action {
            Action::Destroy => resource.destroy(prior)?,
            Action::Replace => {
                let mut steps = resource.destroy(&Prior { before: Observation::Absent, kept: prior.kept.clone() })?;
                steps.extend(resource.apply(change.act.unwrap_or(Act::Create), &Observation::Absent)?);
                steps
            }
            _ => resource.apply(change.act.unwrap_or(Act::Resume), before)?,
        })
    }

    /// "Done" means that the final check equals what was declared, or what was there before.
    async fn conclude(
        &self,
        change: &Change,
        resource: &dyn AnyKind,
        record: Record,
        after: &Seen,
    ) -> Result<Option<Failure>, EngineError> {
        let fail = |text: String| {
            let (host, after) = (change.address.host().clone(), self.began.elapsed());
            Ok(Some(Failure { host, step: "final check".into(), text, after }))
        };
        if change.action == Action::Destroy {
            if !resource.restored(&after.observation, &record.prior)? {
                let (now, was) = (shown(resource, &after.observation), shown(resource, &record.prior.before));
                return fail(format!("it was not restored: now {now}, before mainstay {was}"));
            }
            self.store.add(vec![Entry::Forgotten { address: change.address.clone() }]).await?;
            return Ok(None);
        }
        let Observation::Present(seen) = &after.observation else {
            return fail("it still does not exist although all steps succeeded".into());
        };
        let differs = resource.diff(seen)?;
        if !differs.is_empty() {
            let fields: Vec<_> =
                differs.iter().map(|it| format!("{}: {} instead of {}", it.field, it.before, it.after)).collect();
            return fail(format!("it still differs although all steps succeeded: {}", fields.join("; ")));
        }
        let ready = Record { observed: after.observation.digest(), status: Status::Ready, ..record };
        let mut entries = vec![Entry::done(change.address.clone(), ready)];
        if self.store.with(|state| state.reactions.contains_key(&change.address)) {
            entries.push(Entry::Reacted { address: change.address.clone() });
        }
        self.store.add(entries).await?;
        Ok(None)
    }
}

fn shown(resource: &dyn AnyKind, observation: &Observation) -> String {
    let Some(seen) = observation.present() else { return "absent".to_owned() };
    let text = resource.shown(seen).map_or_else(|_| "unreadable".to_owned(), |seen| seen.to_string());
    text.chars().take(200).collect()
}

/// Timeout of the final check of a resource.
pub(super) const LOOK: Duration = Duration::from_mins(1);
