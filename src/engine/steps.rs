//! Runs the steps of one resource, in order, each on its host.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::control_plane::pick;
use super::event::Event;
use super::one::LOOK;
use crate::fleet::{ActOutcome, ActRequest, Fleet, FleetError, Purpose};
use crate::plan::{Change, Mode, Plan};
use crate::resource::{
    Action, AnyKind, HostName, Mint, Observation, On, Output, ProbeError, Run, Script, Secret, Seen, Slots, Step,
    StepAct, Wait, excerpt,
};
use crate::state::{Record, StateError};

/// Tries of a step whose failure is known to pass.
const TRIES: u32 = 5;
/// Maximum length of host output quoted in an error.
const QUOTED: usize = 3_000;
/// First and longest pause between two checks of an awaited condition.
const POLL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// Why the steps did not end well.
#[derive(Debug)]
pub(super) enum StepsError {
    /// The host was not reached, or not as planned, when the first act came, so that nothing at all was done.
    Untouched(Failed),
    Failed(Failed),
    State(StateError),
}

/// A failed step.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) host: HostName,
    pub(super) step: String,
    pub(super) text: String,
    /// The host is unchanged.
    pub(super) put_back: bool,
}

impl From<StateError> for StepsError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// The context of the steps of one resource.
pub(super) struct Steps<'a> {
    pub(super) change: &'a Change,
    pub(super) resource: &'a dyn AnyKind,
    pub(super) plan: &'a Plan,
    pub(super) fleet: &'a Fleet,
    pub(super) events: &'a UnboundedSender<Event>,
    pub(super) destroys: bool,
    /// Nothing of the cluster stays.
    pub(super) whole: bool,
    /// Digest that the first check must still have.
    pub(super) expect: Option<&'a str>,
}

/// Values that steps pass on to later steps.
struct Course<'a> {
    slots: Slots,
    /// Digest that the first look must still have.
    expect: Option<&'a str>,
    /// The control plane that carried out the step before, well: it carries out the next one, too, unless the resource's
    /// own host comes in between, which may take long.
    helper: Option<HostName>,
}

/// The position of a step among the steps of its resource.
#[derive(Clone, Copy)]
struct Place {
    /// It is the last script that acts.
    completes: bool,
    /// It looks, too.
    wants_look: bool,
}

/// Records the values from a step durably before the next one starts.
type Keep<'k> = dyn FnMut(&str, &str, &mut Record) -> Result<(), StateError> + Send + 'k;

impl Steps<'_> {
    /// Runs all steps and returns the final observation.
    pub(super) async fn run(
        &self,
        steps: &[Step],
        record: &mut Record,
        keep: &mut Keep<'_>,
    ) -> Result<Arc<Seen>, StepsError> {
        let mut course = Course { slots: Slots::default(), expect: self.expect, helper: None };
        course.slots.put(Slots::SCOPE, Secret::new(if self.whole { Slots::WHOLE } else { Slots::PART }));
        let mut after = None;
        let mut failed = None;
        let mut acted = false;
        let last_look_in = steps.iter().rposition(|step| !step.always && !step.rescue).filter(|&i| {
            steps[i + 1..].iter().all(|step| step.rescue)
                && steps[i].on == On::Host
                && matches!(steps[i].act, StepAct::Run(_))
        });
        // The look where nothing runs; see `ActRequest::completes`.
        let completed_by =
            steps.iter().rposition(|step| !step.always && !step.rescue && matches!(step.act, StepAct::Run(_)));
        for (i, step) in steps.iter().enumerate() {
            let wanted = match &failed {
                None => !step.rescue,
                Some(_) => step.always || (step.rescue && acted),
            };
            if !wanted {
                continue;
            }
            let place = Place { completes: completed_by == Some(i), wants_look: last_look_in == Some(i) };
            let ended = self.step(step, &mut course, place, record, keep).await;
            if ended.is_err() {
                course.helper = None;
            }
            match ended {
                Ok(seen) => {
                    after = seen;
                    acted |= matches!(step.act, StepAct::Run(_));
                }
                Err(StepsError::Untouched(it)) if acted => failed = failed.or(Some(StepsError::Failed(it))),
                // The first failure is the one to tell; a clean-up that fails after it is retried
                // by the next run, because the record stays interrupted.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(mut error) = failed {
            let back = course.slots.get(Slots::PUT_BACK).map(Secret::expose).unwrap_or_default();
            if let (StepsError::Failed(failed), false) = (&mut error, back.is_empty()) {
                failed.text = format!("{}\n{back}", failed.text);
                failed.put_back = true;
            }
            return Err(error);
        }
        match after {
            Some(seen) => Ok(seen),
            None => self.last_look(completed_by.is_none(), record).await,
        }
    }

    async fn step(
        &self,
        step: &Step,
        course: &mut Course<'_>,
        place: Place,
        record: &mut Record,
        keep: &mut Keep<'_>,
    ) -> Result<Option<Arc<Seen>>, StepsError> {
        let run = match &step.act {
            StepAct::Mint { slot, form } => {
                course.slots.put(slot, mint(*form));
                return Ok(None);
            }
            StepAct::Run(run) => Some(run),
            StepAct::Wait(_) => None,
        };
        if let (On::EachOtherControlPlane, Some(run)) = (step.on, run) {
            let own = self.change.address.host();
            for host in self.plan.control_planes.iter().filter(|host| *host != own) {
                self.step_started(step, host);
                self.act(
                    step,
                    run,
                    host,
                    &course.slots,
                    None,
                    Place { completes: false, wants_look: false },
                    record,
                    keep,
                )
                .await?;
            }
            return Ok(None);
        }
        let Some(host) = self.host_of(step, &mut course.helper).await? else { return Ok(None) };
        self.step_started(step, &host);
        let Some(run) = run else {
            let StepAct::Wait(wait) = &step.act else { return Ok(None) };
            self.wait(step, wait, &host, &course.slots, record).await?;
            return Ok(None);
        };
        let expect = if step.on == On::Host { course.expect.take() } else { None };
        let (output, seen) = self.act(step, run, &host, &course.slots, expect, place, record, keep).await?;
        if let Some(slot) = run.capture {
            course.slots.put(slot, Secret::new(output.stdout.trim()));
        }
        Ok(seen)
    }

    #[expect(clippy::too_many_arguments, reason = "one call; a struct for it would only rename them")]
    async fn act(
        &self,
        step: &Step,
        run: &Run,
        host: &HostName,
        slots: &Slots,
        expect: Option<&str>,
        place: Place,
        record: &mut Record,
        keep: &mut Keep<'_>,
    ) -> Result<(Output, Option<Arc<Seen>>), StepsError> {
        for tries in 1.. {
            let request = self.request(Some((&run.script, slots)), place.wants_look, run.timeout, record);
            let (effect, completes) = (step.effect.as_ref(), place.completes);
            // Changes by a failed attempt are mainstay's own.
            let expect = expect.filter(|_| tries == 1);
            let request = ActRequest { expect, effect, completes, ..request };
            let outcome = match self.fleet.act(host, &request).await {
                Ok(outcome) => outcome,
                Err(error) if tries == 1 && error.is_unsent() => {
                    return Err(StepsError::Untouched(failed(host, &step.title, error.to_string())));
                }
                Err(error) => return Err(self.unreached(host, step, &error)),
            };
            let (output, kept, after) = match outcome {
                ActOutcome::Stale { now } => {
                    let stale = self.stale(host, step, now.as_ref().err());
                    return Err(if tries == 1 { StepsError::Untouched(stale) } else { StepsError::Failed(stale) });
                }
                ActOutcome::Ran { output, kept, after } => (output, kept, after),
            };
            for (name, value) in &kept {
                keep(name, value, record)?;
            }
            if output.success() {
                let seen = after.transpose().map_err(|error| self.failed(host, "final check", error.to_string()))?;
                return Ok((output, seen));
            }
            let passes = run.transient.iter().any(|text| output.stderr.contains(text) || output.stdout.contains(text));
            if !passes || tries >= TRIES {
                return Err(self.failed(host, &step.title, format!("exit {}\n{}", output.status, output.tail(12))));
            }
            let (address, step) = (self.change.address.clone(), step.title.clone());
            self.emit(Event::Retried { address, step, text: excerpt(&output.tail(1), QUOTED), tries });
            tokio::time::sleep(Duration::from_secs(1 << tries)).await;
        }
        unreachable!("the loop ends by return")
    }

    async fn wait(
        &self,
        step: &Step,
        wait: &Wait,
        host: &HostName,
        slots: &Slots,
        record: &Record,
    ) -> Result<(), StepsError> {
        let began = Instant::now();
        let mut pause = POLL.0;
        loop {
            let request = self.request(Some((&wait.script, slots)), false, LOOK.min(wait.deadline), record);
            let request = ActRequest { effect: step.effect.as_ref(), ..request };
            let missing = match self.fleet.act(host, &request).await {
                Ok(ActOutcome::Ran { output, .. }) if output.success() => return Ok(()),
                Ok(ActOutcome::Ran { output, .. }) => excerpt(&output.tail(3), QUOTED),
                Ok(ActOutcome::Stale { .. }) => "the host changed".to_owned(),
                Err(error @ (FleetError::Lost { .. } | FleetError::Timeout { .. } | FleetError::Connect { .. })) => {
                    error.to_string()
                }
                Err(error) => return Err(self.unreached(host, step, &error)),
            };
            let left = wait.deadline.saturating_sub(began.elapsed());
            if left.is_zero() {
                let waited = wait.deadline.as_secs();
                return Err(self.failed(
                    host,
                    &step.title,
                    format!("timed out after {waited} s waiting until {}: {missing}", wait.until),
                ));
            }
            let (address, until) = (self.change.address.clone(), wait.until.clone());
            self.emit(Event::Waiting { address, until, missing, left });
            tokio::time::sleep(pause.min(left)).await;
            pause = (pause * 3 / 2).min(POLL.1);
        }
    }

    async fn last_look(&self, completes: bool, record: &Record) -> Result<Arc<Seen>, StepsError> {
        let title = "final check";
        let own = self.change.address.host();
        let host = if own.is_cluster() {
            match pick(self.fleet, self.plan, self.change, self.resource, None).await {
                Ok(host) => host,
                Err(_) if self.plan.mode == Mode::Destroy && self.no_control_plane_left(record).await => {
                    return Ok(Seen { observation: Observation::Absent, digest: String::new() }.into());
                }
                Err(text) => return Err(self.failed(own, title, text)),
            }
        } else {
            own.clone()
        };
        let request = ActRequest { completes, ..self.request(None, true, LOOK, record) };
        match self.fleet.act(&host, &request).await {
            Ok(ActOutcome::Ran { after: Some(Ok(seen)), .. }) => Ok(seen),
            Ok(ActOutcome::Ran { after: Some(Err(error)), .. }) => Err(self.failed(&host, title, error.to_string())),
            Ok(_) => Err(self.failed(&host, title, "the host did not answer the check".into())),
            Err(error) => Err(self.failed(&host, title, error.to_string())),
        }
    }

    /// Whether each control plane says that it is none any more: with the last one went etcd's data, and all that belongs
    /// to the cluster with it. Those that are given up with their hosts are not asked.
    async fn no_control_plane_left(&self, record: &Record) -> bool {
        let given_up = |change: &Change| change.action == Action::Forget && change.before.is_none();
        let given_up = self.plan.changes.iter().filter(|it| it.address.is_member() && given_up(it));
        let given_up: BTreeSet<&HostName> = given_up.map(|change| change.address.host()).collect();
        let mut asked = false;
        for host in self.plan.control_planes.iter().filter(|host| !given_up.contains(host)) {
            asked = true;
            match self.fleet.act(host, &self.request(None, true, LOOK, record)).await {
                Ok(ActOutcome::Ran { after: Some(Err(ProbeError::NotHere)), .. }) => {}
                _ => return false,
            }
        }
        asked
    }

    fn request<'r>(
        &'r self,
        act: Option<(&'r Script, &'r Slots)>,
        look_after: bool,
        timeout: Duration,
        record: &'r Record,
    ) -> ActRequest<'r> {
        let purpose = if self.destroys { Purpose::Destroy(&record.prior) } else { Purpose::Apply };
        let (address, resource) = (&self.change.address, self.resource);
        ActRequest {
            address,
            resource,
            purpose,
            expect: None,
            act,
            effect: None,
            completes: false,
            look_after,
            timeout,
        }
    }

    /// Where a step runs; `None` when it is optional and no host qualifies.
    async fn host_of(&self, step: &Step, helper: &mut Option<HostName>) -> Result<Option<HostName>, StepsError> {
        let own = self.change.address.host();
        if step.on == On::Host && !own.is_cluster() {
            *helper = None;
            return Ok(Some(own.clone()));
        }
        if helper.is_some() {
            return Ok(helper.clone());
        }
        match pick(self.fleet, self.plan, self.change, self.resource, Some(own)).await {
            Ok(host) => {
                *helper = Some(host.clone());
                Ok(Some(host))
            }
            Err(_) if step.optional => Ok(None),
            Err(text) => Err(self.failed(own, &step.title, text)),
        }
    }

    fn step_started(&self, step: &Step, host: &HostName) {
        let (address, step, host) = (self.change.address.clone(), step.title.clone(), host.clone());
        self.emit(Event::StepStarted { address, step, host });
    }

    fn emit(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn failed(&self, host: &HostName, step: &str, text: String) -> StepsError {
        StepsError::Failed(failed(host, step, text))
    }

    fn unreached(&self, host: &HostName, step: &Step, error: &FleetError) -> StepsError {
        self.failed(host, &step.title, error.to_string())
    }

    fn stale(&self, host: &HostName, step: &Step, error: Option<&ProbeError>) -> Failed {
        let text = error.map_or_else(
            || "the host has changed since the plan; nothing was done. Plan again.".to_owned(),
            |error| format!("the host can no longer be checked; nothing was done: {error}"),
        );
        failed(host, &step.title, text)
    }
}

fn failed(host: &HostName, step: &str, text: impl AsRef<str>) -> Failed {
    let text = text.as_ref();
    Failed { host: host.clone(), step: step.to_owned(), text: excerpt(text, QUOTED), put_back: false }
}

/// Makes a secret of the given form. The first character is a letter, see [`Mint`].
fn mint(form: Mint) -> Secret {
    use rand::RngExt;
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let (length, alphabet, first) = match form {
        Mint::TokenId => (6, LETTERS, 26),
        Mint::TokenSecret => (16, LETTERS, 26),
        Mint::CertificateKey => (64, &b"abcdef0123456789"[..], 6),
    };
    let mut rng = rand::rng();
    let pick = |i: usize, rng: &mut rand::rngs::ThreadRng| {
        let end = if i == 0 { first } else { alphabet.len() };
        char::from(alphabet[rng.random_range(0..end)])
    };
    Secret::new((0..length).map(|i| pick(i, &mut rng)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_secrets_have_the_form_that_kubeadm_takes() {
        for _ in 0..200 {
            let (id, secret, key) = (mint(Mint::TokenId), mint(Mint::TokenSecret), mint(Mint::CertificateKey));
            assert_eq!((id.expose().len(), secret.expose().len(), key.expose().len()), (6, 16, 64));
            assert!(id.expose().starts_with(|c: char| c.is_ascii_lowercase()));
            assert!(key.expose().chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()));
        }
    }
}
