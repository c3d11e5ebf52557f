//! A plan made by hand, carried out on hosts in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;

use super::super::event::{Ending, Event};
use super::super::{Control, EngineError, Interrupt, Outcome, Run, apply};
use crate::fleet::{ActOutcome, ActRequest, Fate, Fleet, FleetError, Interference, SimulatedFleet};
use crate::plan::{Change, Coverage, Mode, Plan, Reason};
use crate::resource::testing::absent;
use crate::resource::{
    Act, Action, Address, AnyKind, DecodeError, DigestKey, FieldChange, Frame, HostName, Listens, Nature, Observation,
    Output, Prior, ProbeError, Script, Secret, Seen, Setting, Step,
};
use crate::state::{State, Store, acquire, local};

/// A resource whose steps are given.
#[derive(Clone, Debug)]
pub(super) struct Staged {
    pub(super) steps: Vec<Step>,
    pub(super) undo: Vec<Step>,
    /// What its steps put back.
    pub(super) puts_back: Vec<String>,
    /// The last look finds something else than what is declared.
    pub(super) wrong: bool,
}

impl Default for Staged {
    fn default() -> Self {
        Self { steps: vec![step("write")], undo: vec![step("put back")], puts_back: Vec::new(), wrong: false }
    }
}

/// A step that the fleet answers for.
pub(super) fn step(title: &'static str) -> Step {
    Step::run(title, Script::new(":").set("STEP", title))
}

impl AnyKind for Staged {
    fn name(&self) -> &'static str {
        "staged"
    }
    fn version(&self) -> u32 {
        1
    }
    fn principal(&self) -> &'static str {
        "value"
    }
    fn weight(&self) -> u64 {
        1
    }
    fn unfit(&self, _: &crate::resource::HostFacts) -> Option<String> {
        None
    }
    fn key(&self) -> Option<String> {
        None
    }
    fn attributes(&self) -> Value {
        json!({})
    }
    fn digest(&self, key: &DigestKey) -> String {
        key.digest(["staged"])
    }
    fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }
    fn probe(&self) -> Script {
        Script::new(":")
    }
    fn parse(&self, _: &Output) -> Result<Observation, ProbeError> {
        Ok(Observation::Absent)
    }
    fn trace(&self, _: &Observation) -> Option<Script> {
        None
    }
    fn diff(&self, seen: &Value) -> Result<Vec<FieldChange>, DecodeError> {
        Ok(FieldChange::compare("value", seen["value"].to_string(), "1").into_iter().collect())
    }
    fn simulate(&self) -> Value {
        json!({ "value": if self.wrong { 2 } else { 1 } })
    }
    fn shown(&self, seen: &Value) -> Result<Value, DecodeError> {
        Ok(seen.clone())
    }
    fn later(&self) -> &'static [&'static str] {
        &[]
    }
    fn apply(&self, _: Act, _: &Observation) -> Result<Vec<Step>, DecodeError> {
        Ok(self.steps.clone())
    }
    fn destroy(&self, _: &Prior) -> Result<Vec<Step>, DecodeError> {
        Ok(self.undo.clone())
    }
    fn restored(&self, seen: &Observation, prior: &Prior) -> Result<bool, DecodeError> {
        Ok(!self.wrong && *seen == prior.before)
    }
    fn has_settings(&self) -> bool {
        false
    }
    fn settings(&self, _: &Value, _: Option<&Value>) -> Result<Vec<Setting>, DecodeError> {
        Ok(Vec::new())
    }
    fn impossible(&self, _: &Value) -> Result<Option<String>, DecodeError> {
        Ok(None)
    }
    fn files(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    fn listens(&self) -> Vec<Listens> {
        Vec::new()
    }
    fn nature(&self) -> Nature {
        Nature { puts_back: self.puts_back.clone(), ..Nature::default() }
    }
    fn runs(&self, _: &Value) -> bool {
        false
    }
    fn last_one(&self, _: Action) -> Option<String> {
        None
    }
    fn handed_over(&self, _: &str) -> Option<String> {
        None
    }
    fn reads(&self) -> &'static [&'static str] {
        &[]
    }
    fn rereads(&self, _: &Prior) -> Result<bool, DecodeError> {
        Ok(false)
    }
    fn supersedes(&self, _: &str, _: Option<&str>) -> bool {
        false
    }
    fn takeover(&self, _: &Value, _: Action) -> Result<Option<String>, DecodeError> {
        Ok(None)
    }
    fn warning(&self, _: Action) -> Option<String> {
        None
    }
}

pub(super) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// What a look finds where a staged resource is right.
pub(super) fn right() -> Seen {
    let observation = Observation::Present(json!({ "value": 1 }));
    Seen { digest: observation.digest(), observation }
}

/// One act as the fleet saw it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Acted {
    pub(super) host: String,
    pub(super) address: String,
    /// The step's title, `probe` for the question whether a control plane is healthy, `look` without a script.
    pub(super) step: String,
    /// The script as it would be sent.
    pub(super) text: String,
    /// Whether it acts only where the host is as the plan saw it.
    pub(super) expects: bool,
}

pub(super) fn failing(stderr: &str) -> ActOutcome {
    let output = Output { status: 1, stderr: stderr.into(), ..Output::default() };
    ActOutcome::Ran { output, kept: BTreeMap::new(), after: None }
}

/// A plan, limits, and what the fleet does with acts.
pub(super) struct Rig {
    pub(super) plan: Plan,
    pub(super) parallelism: usize,
    pub(super) fail_fast: bool,
    pub(super) fleet: SimulatedFleet,
    pub(super) interrupt: watch::Sender<Interrupt>,
    pub(super) acts: Arc<Mutex<Vec<Acted>>>,
}

/// What a run left behind.
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    pub(super) events: Vec<Event>,
    pub(super) acts: Vec<Acted>,
    pub(super) state: State,
}

impl Default for Rig {
    fn default() -> Self {
        let plan = Plan {
            cluster: "prod".into(),
            mode: Mode::Apply,
            lineage: "lineage".into(),
            serial: 0,
            changes: Vec::new(),
            control_planes: Vec::new(),
            coverage: Coverage::default(),
            warnings: Vec::new(),
            turns: None,
            left_out: 0,
            moved: 0,
        };
        let rig = Self {
            plan,
            parallelism: 64,
            fail_fast: false,
            fleet: SimulatedFleet::in_memory(BTreeMap::new()),
            interrupt: watch::channel(Interrupt::None).0,
            acts: Arc::default(),
        };
        rig.on_act(|_| None)
    }
}

type Answering = dyn Fn(&Acted) -> Option<ActOutcome> + Send + Sync;

/// Answers in the fleet's place, and remembers what was carried out.
struct Watch {
    answer: Box<Answering>,
    acts: Arc<Mutex<Vec<Acted>>>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    fn acted(host: &HostName, request: &ActRequest<'_>) -> Acted {
        let step = match request.act {
            None => "look".to_owned(),
            Some((script, _)) => match script.values().first() {
                Some((_, crate::resource::Value::Text(title))) => title.clone(),
                _ => "probe".to_owned(),
            },
        };
        let text = Frame::new("m").act(None, request.act, None).unwrap().to_string();
        let expects = request.expect.is_some();
        Acted { host: host.to_string(), address: request.address.to_string(), step, text, expects }
    }
}

impl Interference for Watch {
    fn act(&self, host: &HostName, request: &ActRequest<'_>, _: &SimulatedFleet) -> Fate {
        (self.answer)(&Self::acted(host, request)).map_or(Fate::Go, |outcome| Fate::Answer(Box::new(outcome)))
    }

    fn acted(
        &self,
        host: &HostName,
        request: &ActRequest<'_>,
        outcome: &Result<ActOutcome, FleetError>,
        _: &SimulatedFleet,
    ) {
        if !matches!(outcome, Ok(ActOutcome::Stale { .. })) {
            self.acts.lock().unwrap().push(Self::acted(host, request));
        }
    }
}

impl Rig {
    /// Answers acts in the fleet's place where `answer` says so.
    pub(super) fn on_act(mut self, answer: impl Fn(&Acted) -> Option<ActOutcome> + Send + Sync + 'static) -> Self {
        let watch = Watch { answer: Box::new(answer), acts: Arc::clone(&self.acts) };
        self.fleet = self.fleet.interfered(Arc::new(watch));
        self
    }

    /// Adds a change that creates something.
    pub(super) fn create(&mut self, name: &str, after: &[&str]) -> &mut Change {
        self.change(name, Action::Create, Staged::default(), after)
    }

    /// Adds a change; whatever is not there to create is there and right.
    pub(super) fn change(&mut self, name: &str, action: Action, staged: Staged, after: &[&str]) -> &mut Change {
        let before = if action == Action::Create { absent() } else { right() };
        let before = Seen { digest: before.observation.digest(), ..before };
        self.fleet.set(&address(name), before.observation.clone()).unwrap();
        self.plan.changes.push(Change {
            address: address(name),
            action,
            fields: Vec::new(),
            reasons: vec![Reason::New],
            problem: None,
            refused: None,
            warning: None,
            resource: Some(Arc::new(staged)),
            recorded: None,
            before: Some(before.into()),
            prior: None,
            needs: BTreeSet::new(),
            reacting: BTreeSet::new(),
            after: after.iter().map(|text| address(text)).collect(),
            lane: None,
            made_from: crate::resource::MadeFrom::default(),
            drift: None,
            act: None,
            resumes: false,
            reacts_to: BTreeSet::new(),
            moved: None,
            rerecord: false,
        });
        self.plan.changes.last_mut().unwrap()
    }

    /// Hosts that carry out what belongs to the cluster.
    pub(super) fn control_planes(&mut self, hosts: &[&str]) {
        self.plan.control_planes = hosts.iter().map(|host| HostName::new(*host)).collect();
    }

    pub(super) async fn run(self) -> Ran {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let path = dir.path().join("prod.json");
        let place = local(&path);
        let store = Store::open(&place, "prod").unwrap();
        store.begin(acquire(&place, "apply", Duration::ZERO).unwrap(), |_| {}).unwrap();
        let (ran, store) = self.run_on(store).await;
        store.finish().unwrap();
        Ran { state: Store::read_only(&place).unwrap().unwrap(), ..ran.unwrap() }
    }

    /// The same on a store that is given, open for writing or not.
    pub(super) async fn run_on(self, store: Store) -> (Result<Ran, EngineError>, Arc<Store>) {
        let (events, mut receiver) = unbounded_channel();
        let store = Arc::new(store);
        let interrupt = self.interrupt.subscribe();
        let run = Run {
            plan: Arc::new(self.plan),
            fleet: Arc::new(Fleet::Simulated(self.fleet)),
            store: Arc::clone(&store),
            control: Control { parallelism: self.parallelism, fail_fast: self.fail_fast, interrupt },
            events,
        };
        let outcome = apply(run).await;
        let mut all = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            all.push(event);
        }
        let acts = self.acts.lock().unwrap().clone();
        let ran = outcome.map(|outcome| Ran { outcome, events: all, acts, state: store.snapshot() });
        (ran, store)
    }
}

impl Ran {
    /// How an address ended.
    pub(super) fn ending(&self, name: &str) -> &Ending {
        let found = self.outcome.endings.iter().find(|(it, _, _)| *it == address(name));
        &found.unwrap_or_else(|| panic!("{name} has no ending")).2
    }

    /// Step and text of a failure.
    pub(super) fn failure(&self, name: &str) -> (&str, &str) {
        match self.ending(name) {
            Ending::Failed(failure) => (&failure.step, &failure.text),
            other => panic!("{name} ended as {other:?}"),
        }
    }

    /// Steps that were carried out on an address, in order.
    pub(super) fn steps(&self, name: &str) -> Vec<&str> {
        self.acts.iter().filter(|it| it.address == name).map(|it| it.step.as_str()).collect()
    }

    /// The most resources among those picked that ran at the same time.
    pub(super) fn most_at_once(&self, pick: impl Fn(&Address) -> bool) -> usize {
        let (mut now, mut most) = (0_usize, 0);
        for event in &self.events {
            match event {
                Event::Started { address, .. } if pick(address) => now += 1,
                Event::Ended { address, ending: Ending::Done | Ending::Failed(_), .. } if pick(address) => now -= 1,
                _ => {}
            }
            most = most.max(now);
        }
        most
    }

    /// Addresses in the order in which they were started.
    pub(super) fn started(&self) -> Vec<String> {
        let started = self.events.iter().filter_map(|event| match event {
            Event::Started { address, .. } => Some(address.to_string()),
            _ => None,
        });
        started.collect()
    }
}
