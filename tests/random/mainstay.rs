//! One mainstay: what `apply`, `destroy`, `plan --out` and `apply FILE` do, on a simulated disk and simulated hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mainstay::config::Cluster;
use mainstay::engine::{Control, Outcome};
use mainstay::fleet::{Fleet, FleetError, Interference, Looker, Reach, SimulatedFleet};
use mainstay::flow::{self, Asked, Destroying, FlowError, Question, Survey, Wishes};
use mainstay::plan::saved::{self, Basis, Options, Origin, Saved, digest_key};
use mainstay::plan::{Change, Drift, Mode, Plan, Selection};
use mainstay::render::{
    PlanHtml, PlanMarkdown, PlanText, Source, outcome_summary, outcome_table, plan_events, plan_json,
};
use mainstay::resource::{Action, Address, HostName, Pattern, sha256_hex};
use mainstay::state::{Attempt, Claim, Lease, Place, State, StateError, Store, local_on};

use crate::cluster::{NAME, load};
use crate::invariants::{Permit, Turns, no_drift, one_comparison};
use crate::operations::Part;
use crate::scene::Scene;
use crate::watcher::Watcher;

/// Where the state lies.
pub(crate) fn state_path() -> PathBuf {
    PathBuf::from("state").join(format!("{NAME}.json"))
}

/// One mainstay.
#[derive(Clone, Debug)]
pub(crate) struct Mainstay {
    pub(crate) scene: Scene,
    pub(crate) hosts: Arc<SimulatedFleet>,
    pub(crate) watcher: Arc<Watcher>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The plan was carried out, as far as it could be.
    Ran(Outcome),
    /// There was nothing to do.
    Nothing,
    /// Changes are refused; so many guards were lifted.
    Refused { lifted: usize, why: String },
    /// A saved plan does not fit any more.
    Stale(String),
    /// It gave up.
    Failed(Failed),
    /// It was killed.
    Killed,
}

/// Why it gave up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Flow(#[from] FlowError),
    #[error("{0}")]
    Other(String),
}

impl From<StateError> for Failed {
    fn from(error: StateError) -> Self {
        Self::Flow(error.into())
    }
}

/// Options of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct With {
    pub(crate) part: Part,
    pub(crate) parallelism: usize,
    pub(crate) fail_fast: bool,
    pub(crate) waits: Duration,
}

impl Default for With {
    fn default() -> Self {
        Self { part: Part::All, parallelism: Control::PARALLELISM, fail_fast: false, waits: Duration::ZERO }
    }
}

/// A saved plan, with the cluster.yaml that it was made from.
#[derive(Clone, Debug)]
pub(crate) struct SavedPlan {
    pub(crate) bytes: Vec<u8>,
}

/// Between two tries to take the lock.
const POLL: Duration = Duration::from_millis(50);

/// Tries go on for so long in any case.
const GRACE: Duration = Duration::from_millis(200);

impl Mainstay {
    fn place(&self) -> Arc<dyn Place> {
        local_on(Arc::clone(&self.watcher.process) as _, &state_path())
    }

    /// Opens hosts as the command line does, with the watcher in between.
    #[expect(clippy::unnecessary_wraps, reason = "it stands for what opens real hosts, too")]
    fn open(&self, reaches: &BTreeMap<HostName, Reach>) -> Result<Arc<Fleet>, FleetError> {
        let addresses = reaches.iter().map(|(host, reach)| (host.clone(), reach.address.clone())).collect();
        let watcher = Arc::clone(&self.watcher) as Arc<dyn Interference>;
        Ok(Arc::new(Fleet::Simulated(self.hosts.again(addresses).interfered(watcher))))
    }

    pub(crate) async fn lock(&self, operation: &str, waits: Duration) -> Result<Lease, StateError> {
        let mut claim = Claim::new(&self.place(), operation)?;
        let until = tokio::time::Instant::now() + waits.max(GRACE);
        loop {
            self.scene.catch_up();
            let attempt = claim.attempt();
            self.scene.catch_up();
            match attempt? {
                Attempt::Taken(lease) => return Ok(*lease),
                Attempt::Refused(error) if tokio::time::Instant::now() >= until => return Err(error),
                Attempt::Refused(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    pub(crate) fn store(&self) -> Result<Store, StateError> {
        // A given lineage and salt, because a trace is to be the same each time.
        let fresh = State::fresh(NAME, "11111111-2222-4333-8444-555555555555".into(), "5a17".repeat(16));
        Store::open_or(&self.place(), fresh)
    }

    fn mode(part: Part) -> Mode {
        if part == Part::Refresh { Mode::Refresh } else { Mode::Apply }
    }

    /// `mainstay apply`.
    pub(crate) async fn apply(&self, yaml: &str, with: With) -> Ended {
        self.ended(self.try_apply(yaml, with).await)
    }

    async fn try_apply(&self, yaml: &str, with: With) -> Result<Ended, Failed> {
        let loaded = load(yaml).map_err(|error| Failed::Other(error.to_string()))?;
        let lease = self.lock("apply", with.waits).await?;
        let store = self.store()?;
        let state = store.snapshot();
        let selection = self.selection(with.part, &loaded.cluster, &state).await;
        let planned = self.survey(Self::mode(with.part), &loaded.cluster, &selection, &state, with).await?;
        self.judge(&loaded.cluster, &state, &planned.plan).await;
        if flow::refusals(&planned.plan) > 0 {
            let why = refusals(&planned.plan);
            let lifted = flow::lift(&planned, &store, lease)?;
            return Ok(Ended::Refused { lifted: lifted.len(), why });
        }
        if planned.plan.is_empty() {
            flow::refresh(&planned, &store, lease)?;
            return Ok(Ended::Nothing);
        }
        self.carry_out(planned, store, lease, with).await
    }

    pub(crate) async fn survey(
        &self,
        mode: Mode,
        cluster: &Cluster,
        selection: &Selection,
        state: &State,
        with: With,
    ) -> Result<Survey, FlowError> {
        let asked = Asked { mode, cluster, simulated: false, selection, parallelism: with.parallelism };
        let survey = Box::pin(flow::survey(&asked, state, |reaches| self.open(reaches), &mut ())).await?;
        self.present(&survey.plan, state, at_once(cluster));
        Ok(survey)
    }

    /// `mainstay destroy`.
    pub(crate) async fn destroy(&self, yaml: &str, with: With) -> Ended {
        self.ended(self.try_destroy(yaml, with).await)
    }

    async fn try_destroy(&self, yaml: &str, with: With) -> Result<Ended, Failed> {
        let loaded = load(yaml).map_err(|error| Failed::Other(error.to_string()))?;
        let lease = self.lock("destroy", with.waits).await?;
        let store = self.store()?;
        let state = store.snapshot();
        let selection = self.selection(with.part, &loaded.cluster, &state).await;
        let selection = Selection { replace: Vec::new(), ..selection };
        let reaches = flow::reaches(&loaded.cluster, false, &state)?;
        let destroying = Destroying {
            guarded: &flow::guarded(&loaded.cluster),
            selection: &selection,
            parallelism: with.parallelism,
            forget_unreachable: false,
        };
        let open = |reaches: &BTreeMap<_, _>| self.open(reaches);
        let planned = Box::pin(flow::survey_destroy(&destroying, &state, reaches, open, &mut ())).await?;
        self.present(&planned.plan, &state, 1);
        if flow::refusals(&planned.plan) > 0 {
            return Ok(Ended::Refused { lifted: 0, why: refusals(&planned.plan) });
        }
        if planned.plan.changes.is_empty() {
            return Ok(Ended::Nothing);
        }
        self.carry_out(planned, store, lease, with).await
    }

    pub(crate) async fn carry_out(
        &self,
        planned: Survey,
        store: Store,
        lease: Lease,
        with: With,
    ) -> Result<Ended, Failed> {
        let mode = planned.plan.mode;
        let begun = flow::begin(planned, store, lease)?;
        let interrupt = self.watcher.interrupt.subscribe();
        let control = Control { parallelism: with.parallelism, fail_fast: with.fail_fast, interrupt };
        let store = Arc::clone(begun.store());
        let result = tokio::select! {
            biased;
            result = begun.carry_out(control, self.watcher.events.clone()) => result,
            never = renewing(&store) => match never {},
        };
        self.scene.catch_up();
        self.watcher.listen();
        let outcome = result?;
        let text = format!("{}\n{}", outcome_table(&outcome), outcome_summary(&outcome, mode));
        self.scene.shown("the outcome", text.as_bytes());
        Ok(Ended::Ran(outcome))
    }

    /// `mainstay plan --out`.
    pub(crate) async fn save(&self, yaml: &str, part: Part) -> Result<SavedPlan, Failed> {
        let loaded = load(yaml).map_err(|error| Failed::Other(error.to_string()))?;
        let state = self.store()?.snapshot();
        let selection = self.selection(part, &loaded.cluster, &state).await;
        let with = With { part, ..With::default() };
        let planned = self.survey(Self::mode(part), &loaded.cluster, &selection, &state, with).await?;
        let key = digest_key(&state);
        let basis = basis(&planned, yaml, Options { simulate: false, selection }, &key);
        let saved =
            Saved::of(&planned.plan, &key, basis, Origin { file: "cluster.yaml".into(), lines: BTreeMap::new() });
        let bytes = saved::to_bytes(&saved);
        self.scene.shown("a saved plan", &bytes);
        Ok(SavedPlan { bytes })
    }

    /// `mainstay apply FILE`.
    pub(crate) async fn apply_saved(&self, yaml: &str, plan: &SavedPlan, accept: bool, with: With) -> Ended {
        self.ended(self.try_apply_saved(yaml, plan, accept, with).await)
    }

    async fn try_apply_saved(&self, yaml: &str, plan: &SavedPlan, accept: bool, with: With) -> Result<Ended, Failed> {
        let moved = |why: saved::Stale| Ended::Stale(why.to_string());
        let saved = saved::from_bytes(&plan.bytes).map_err(|error| Failed::Other(error.to_string()))?;
        if let Err(why) = saved.whole() {
            return Ok(moved(why));
        }
        let accept: Vec<Pattern> = accept.then(|| Pattern::new("*")).into_iter().collect();
        let loaded = load(yaml).map_err(|error| Failed::Other(error.to_string()))?;
        if let Err(why) = saved.fits_file(&loaded.cluster.name, "cluster.yaml", &sha256_hex(yaml.as_bytes())) {
            return Ok(moved(why));
        }
        let lease = self.lock("apply", with.waits).await?;
        let store = self.store()?;
        let state = store.snapshot();
        if let Err(why) = saved.fits_state(&state) {
            return Ok(moved(why));
        }
        let selection = &saved.basis.options.selection;
        let mut planned = self.survey(saved.mode, &loaded.cluster, selection, &state, with).await?;
        let key = digest_key(&state);
        let now = basis(&planned, yaml, saved.basis.options.clone(), &key);
        if let Err(why) = saved.fits_files(&now) {
            return Ok(moved(why));
        }
        let left = match saved::compare(&saved, &mut planned.plan, &key, &accept, &flow::ignored(&loaded.cluster)) {
            Ok(left) => left,
            Err(why) => return Ok(moved(why)),
        };
        self.judge(&loaded.cluster, &state, &planned.plan).await;
        // What was accepted narrows the plan.
        self.permit(&planned.plan, &state, at_once(&loaded.cluster));
        if planned.plan.is_empty() && left == 0 {
            flow::refresh(&planned, &store, lease)?;
            return Ok(Ended::Nothing);
        }
        self.carry_out(planned, store, lease, with).await
    }

    /// Plans and shows it; the state may be another's business meanwhile.
    pub(crate) async fn plan(&self, yaml: &str) -> Result<Plan, Failed> {
        let loaded = load(yaml).map_err(|error| Failed::Other(error.to_string()))?;
        let state = self.store()?.snapshot();
        let with = With::default();
        let plan = self.survey(Mode::Apply, &loaded.cluster, &Selection::default(), &state, with).await?.plan;
        if !state.resources.is_empty() {
            Box::pin(self.drift(&loaded.cluster, &state)).await?;
        }
        Ok(plan)
    }

    /// `mainstay drift`, which must agree with the plan.
    async fn drift(&self, cluster: &Cluster, state: &State) -> Result<Drift, Failed> {
        let whole = Selection::default();
        let question = Question::of_cluster(Mode::Apply, cluster, state, &whole, Wishes::gather)?;
        let fleet = self.open(&flow::reaches(cluster, false, &question.followed.state)?).map_err(FlowError::from)?;
        let inquiry = question.ask(&Looker::of(&fleet), 64, &mut ()).await?;
        let inputs = inquiry.inputs();
        let plan = Plan::make(&inputs);
        let drift = Drift::of(&inputs, &plan);
        self.scene.must(one_comparison(&plan, &drift));
        Ok(drift)
    }

    /// Runs after a successful apply.
    pub(crate) async fn has_no_drift(&self, yaml: &str) -> Result<(), Failed> {
        let loaded = load(yaml).map_err(|error| Failed::Other(error.to_string()))?;
        let state = self.store()?.snapshot();
        let drift = Box::pin(self.drift(&loaded.cluster, &state)).await?;
        self.scene.must(no_drift(&drift));
        Ok(())
    }

    fn permit(&self, plan: &Plan, state: &State, at_once: usize) {
        // What is only forgotten is nobody's as soon as the run begins.
        let lets_go = |change: &&Change| change.action == Action::Forget && change.problem.is_none();
        let gone: BTreeSet<&Address> = plan.changes.iter().filter(lets_go).map(|change| &change.address).collect();
        let recorded = state.resources.keys().filter(|address| !gone.contains(address)).cloned().collect();
        let mut known = self.scene.known();
        known.quorum.planned(plan);
        known.virtual_ip.planned(plan);
        known.dropped_first.planned(plan);
        drop(known);
        self.watcher.permit(Permit::of(plan), Turns::of(plan, at_once), recorded);
    }

    /// The plan in every form in which somebody may read it.
    fn present(&self, plan: &Plan, state: &State, at_once: usize) {
        self.permit(plan, state, at_once);
        let counts = plan.counts();
        self.scene.line(format!("  plan {:?}: {counts:?}, {} moved", plan.mode, plan.moved));
        let source = Source { file: "cluster.yaml", line_of: &|_: &str| Some(1) };
        let number = {
            let mut known = self.scene.known();
            known.figures.plans += 1;
            known.figures.plans
        };
        // Forms say the same one more time, and cost more than the rest of a case, so they take turns.
        if number.is_multiple_of(2) {
            let text = PlanText { full: true, width: 100, color: false, source }.render(plan);
            self.scene.shown("the plan as text", text.as_bytes());
        }
        if number % 4 == 1 {
            self.scene.shown("the plan as JSON", plan_json(plan).as_bytes());
        }
        if number % 16 == 3 {
            self.scene.shown("the plan as HTML", PlanHtml { full: true, source }.render(plan).as_bytes());
            self.scene.shown("the plan as Markdown", PlanMarkdown { full: true, source }.render(plan).as_bytes());
            let lines: Vec<String> = plan_events(plan).iter().map(|(message, event)| event.line(message)).collect();
            self.scene.shown("an event of the plan", lines.join("\n").as_bytes());
        }
    }

    fn ended(&self, result: Result<Ended, Failed>) -> Ended {
        let ended = result.unwrap_or_else(Ended::Failed);
        self.scene.catch_up();
        self.watcher.listen();
        if self.watcher.process.is_dead() {
            // It found out at a write, maybe, and not at an act.
            self.scene.known().lanes.clear();
            return Ended::Killed;
        }
        let text = match &ended {
            Ended::Failed(error) => format!("{error} {error:?}"),
            Ended::Stale(why) | Ended::Refused { why, .. } => why.clone(),
            _ => String::new(),
        };
        self.scene.shown("an error", text.as_bytes());
        ended
    }
}

/// Says that a run lives, as a thread does on real machines; one that cannot say so any more finds out when it writes.
async fn renewing(store: &Store) -> Infallible {
    loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let _ = store.renew();
    }
}

/// How many workers may be unavailable at once.
fn at_once(cluster: &Cluster) -> usize {
    cluster.rollout.max_unavailable.of(cluster.workers().count())
}

fn refusals(plan: &Plan) -> String {
    let refused =
        plan.changes.iter().filter(|change| matches!(change.problem, Some(mainstay::plan::Problem::Refused { .. })));
    refused.map(|change| format!("{} {:?}", change.address, change.problem)).collect::<Vec<_>>().join("\n")
}

fn basis(planned: &Survey, yaml: &str, options: Options, key: &mainstay::resource::DigestKey) -> Basis {
    let files = planned.files.iter().map(|(name, text)| (name.clone(), key.digest([text.as_str()])));
    Basis { cluster_yaml: sha256_hex(yaml.as_bytes()), files: files.collect(), options }
}

/// The state as its files have it, by a process of its own.
pub(crate) fn recorded(scene: &Scene) -> Result<Option<State>, StateError> {
    let process = scene.disk.process("reader");
    Store::read_only(&local_on(process, &state_path()))
}
