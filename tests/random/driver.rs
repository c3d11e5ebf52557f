//! Runs a case from its first cluster.yaml to bare hosts again, on one thread and a clock that only waits move.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mainstay::fleet::SimulatedFleet;
use mainstay::graph::Graph;
use mainstay::plan::follow;
use mainstay::resource::{Action, Address, HostName, Observation};
use mainstay::state::{Cut, State};
use serde_json::Value;

use crate::case::Case;
use crate::cluster::{NAME, Wanted, load};
use crate::drifting::{drifted, may_drift};
use crate::figures::Figures;
use crate::invariants::{Permit, machine, on_host, on_machine, only_planned_change};
use crate::mainstay::{Ended, Failed, Mainstay, SavedPlan, With, recorded};
use crate::operations::{Operation, Other, Run};
use crate::scene::Scene;
use crate::settle::settle;
use crate::trace::Trace;
use crate::watcher::{Watcher, change};
use crate::weather::{Drift, Kill, Weather};

/// How a case went.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) broken: Option<String>,
    /// The lines of the trace that led to it.
    pub(crate) led_to_it: String,
    pub(crate) trace: Trace,
    pub(crate) figures: Figures,
}

/// The machine on which mainstays are started.
pub(crate) const HERE: &str = "here";

/// A case that is being run.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) hosts: Arc<SimulatedFleet>,
    pub(crate) wanted: Wanted,
    /// The last one that was not refused.
    pub(crate) accepted: Wanted,
    /// Those that were carried out since then, as far as hosts answered and mainstay lived; see [`crate::judged`].
    pub(crate) tried: Vec<Wanted>,
    machines: u8,
    saved: Option<SavedPlan>,
    /// What every host has of its own accord was put onto those that this one has.
    furnished: Option<Wanted>,
}

/// Runs a case.
pub(crate) fn play(case: &Case) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let scene = Scene::new();
    let known = scene.clone();
    runtime.expect("a runtime without input and output needs nothing").block_on(async move {
        let mut stage = Stage::new(case, scene);
        for (number, operation) in case.operations.iter().enumerate() {
            stage.scene.line(format!("operation {number}: {operation:?}"));
            Box::pin(stage.operate(operation)).await;
            if stage.scene.known().broken.is_some() {
                return;
            }
        }
        stage.scene.line("settling".to_owned());
        settle(&mut stage).await;
        stage.scene.look_into_files();
    });
    let known = known.known();
    Played {
        broken: known.broken.clone(),
        led_to_it: known.led_to_it.clone(),
        trace: known.trace.clone(),
        figures: known.figures.clone(),
    }
}

impl Stage {
    pub(crate) fn new(case: &Case, scene: Scene) -> Self {
        let wanted = case.wanted.clone();
        let hosts = Arc::new(SimulatedFleet::in_memory(BTreeMap::new()));
        let machines = u8::try_from(wanted.hosts.len()).unwrap_or(u8::MAX);
        {
            let mut known = scene.known();
            (known.figures.cases, known.figures.hosts) = (1, u64::from(machines));
            known.figures.largest = u64::from(machines);
        }
        let mut stage = Self {
            scene,
            hosts,
            accepted: wanted.clone(),
            tried: Vec::new(),
            wanted,
            machines,
            saved: None,
            furnished: None,
        };
        stage.valid();
        stage.kernel();
        stage.furnish(&case.before);
        stage
    }

    /// A cluster that is refused as it is written becomes the plainest one of the same hosts.
    fn valid(&mut self) {
        if self.wanted.load().is_ok() {
            return;
        }
        self.scene.count("edit: refused by the file");
        self.wanted.knobs = crate::knobs::Knobs::default();
        self.wanted.hosts.iter_mut().for_each(|host| host.priority = 0);
        (self.wanted.guards, self.wanted.ignored) = (Vec::new(), Vec::new());
        if let Err(errors) = self.wanted.load() {
            self.scene.must(Err(format!("the plainest cluster is refused: {:?}", errors.diagnostics)));
        }
        self.accepted = self.wanted.clone();
    }

    /// What is declared, as if nothing were known of the hosts but that they exist.
    fn declared(&self) -> Option<Graph> {
        let loaded = load(&self.wanted.yaml()).ok()?;
        let state = State::fresh(NAME, String::new(), String::new());
        let followed = follow(&state, &[]).ok()?;
        mainstay::flow::Wishes::gather(&loaded.cluster, &followed).ok()?.graph().ok()
    }

    /// Puts onto the hosts what was there before mainstay came.
    fn furnish(&mut self, before: &[Drift]) {
        let Some(graph) = self.declared() else { return };
        // What a keepalived read that runs before the model of VRRP begins is known to nobody.
        let known = |address: &Address| (address.kind(), address.key()) != ("service", Some("keepalived"));
        let all: Vec<_> =
            graph.items().iter().filter(|item| may_drift(&item.address) && known(&item.address)).collect();
        for drift in before.iter().filter(|_| !all.is_empty()) {
            let item = all[usize::from(drift.which) % all.len()];
            let right = item.resource.simulate();
            let there = match drift.how % 3 {
                0 => Some(right),
                _ => drifted(&item.address, &right, drift.how).present().cloned(),
            };
            let Some(there) = there else { continue };
            self.scene.count("before: something is there");
            self.scene.known().before.set(&item.address, Some(there.clone()));
            self.hosts.set(&item.address, Observation::Present(there)).expect("nothing is written");
        }
    }

    /// A kernel has its parameters, and there is always something to be said of swap: hosts that were not seen yet get
    /// those that are about to be declared.
    fn kernel(&mut self) {
        if self.furnished.as_ref() == Some(&self.wanted) {
            return;
        }
        self.furnished = Some(self.wanted.clone());
        // A machine is known by its address from now on, whatever it is called later; by that of the records until these
        // have followed.
        let state = recorded(&self.scene).ok().flatten();
        let reaches = state.and_then(|state| mainstay::flow::recorded_reaches(&state).ok()).unwrap_or_default();
        let recorded = reaches.into_iter().map(|(host, reach)| (host, reach.address));
        let wanted = self.wanted.hosts.iter().map(|host| (HostName::new(&host.name), host.address()));
        let hosts = self.hosts.again(recorded.chain(wanted).collect());
        let Some(graph) = self.declared() else { return };
        for item in graph.items().iter().filter(|item| matches!(item.address.kind(), "sysctl" | "swap")) {
            let mut known = self.scene.known();
            if known.before.has(&item.address) || hosts.get(&item.address).present().is_some() {
                continue;
            }
            let mut default = item.resource.simulate();
            if item.address.kind() == "sysctl" {
                default["value"] = serde_json::json!("0");
            }
            known.before.set(&item.address, Some(default.clone()));
            drop(known);
            hosts.set(&item.address, Observation::Present(default)).expect("nothing is written");
        }
    }

    async fn operate(&mut self, operation: &Operation) {
        match operation {
            Operation::Edit(edit) => {
                let state = recorded(&self.scene).ok().flatten();
                // How a host is reached is noted also where nothing is made yet.
                let made = state.iter().flat_map(|state| state.resources.keys());
                let on_record: BTreeSet<&str> = made.map(|address| address.host().as_str()).collect();
                let on_record = |name: &str| on_record.contains(name);
                let mut edited = self.wanted.clone();
                edit.apply(&mut edited, &mut self.machines, on_record);
                if edited.load().is_ok() {
                    self.scene.count(edit.name());
                    self.wanted = edited;
                } else {
                    self.scene.count("edit: refused by the file");
                }
            }
            Operation::Apply(run) => self.apply(run).await,
            Operation::Two(first, second, other) => Box::pin(self.two(first, second, *other)).await,
            Operation::Destroy(run) => {
                let (yaml, with) = (self.wanted.yaml(), With { part: run.part, ..with(run) });
                self.scene.known().figures.destroys += 1;
                let ended = self.run(HERE, run, |it| async move { it.destroy(&yaml, with).await }).await;
                self.heard("destroy", &ended);
            }
            Operation::Plan(parts) => {
                self.kernel();
                if let Err(error) = self.mainstay(HERE, Weather::default()).plan_parts(&self.wanted.yaml(), parts).await
                {
                    self.failed(&error);
                }
            }
            Operation::Save(part) => {
                let mainstay = self.mainstay(HERE, Weather::default());
                match mainstay.save(&self.wanted.yaml(), *part).await {
                    Ok(saved) => self.saved = Some(saved),
                    Err(error) => self.failed(&error),
                }
            }
            Operation::ApplySaved(run, accept) => {
                let Some(saved) = self.saved.clone() else { return };
                let (yaml, with, accept) = (self.wanted.yaml(), with(run), *accept);
                let ended =
                    self.run(HERE, run, |it| async move { it.apply_saved(&yaml, &saved, accept, with).await }).await;
                self.heard("saved", &ended);
                self.carried_out(&ended);
            }
            Operation::Drift(drift) => self.drift(*drift),
            Operation::Down(number) => {
                let hosts = &self.wanted.hosts;
                let host = HostName::new(&hosts[usize::from(*number) % hosts.len()].name);
                self.scene.count("fault: host down");
                self.hosts.set_down(&host, true).expect("nothing is written");
            }
            Operation::Up => self.up(),
            Operation::Clock(seconds) => {
                self.scene.count("fault: clock set");
                let by = Duration::from_secs(u64::from(seconds.unsigned_abs()));
                if *seconds < 0 { self.scene.disk.set_back(HERE, by) } else { self.scene.disk.set_forward(HERE, by) }
            }
            Operation::Time(seconds) => tokio::time::sleep(Duration::from_secs(u64::from(*seconds))).await,
        }
    }

    async fn apply(&mut self, run: &Run) {
        let (yaml, with) = (self.wanted.yaml(), with(run));
        let ended = self.run(HERE, run, |it| async move { it.apply(&yaml, with).await }).await;
        self.heard("apply", &ended);
        self.judged(run.part, &ended).await;
    }

    async fn two(&mut self, first: &Run, second: &Run, other: Other) {
        self.scene.count("fault: two at once");
        let yaml = self.wanted.yaml();
        let there = if other.elsewhere { "elsewhere" } else { HERE };
        self.kernel();
        let before = self.present();
        let (one, two) = (self.mainstay(HERE, first.weather.clone()), self.mainstay(there, second.weather.clone()));
        self.conditions(&first.weather);
        let waits = Duration::from_secs(other.waits.into());
        let (with_one, with_two) = (with(first), With { waits, ..with(second) });
        let late = async {
            tokio::time::sleep(Duration::from_millis(other.after.into())).await;
            until_dead(&two, two.apply(&yaml, with_two)).await
        };
        let (first_ended, second_ended) = tokio::join!(until_dead(&one, one.apply(&yaml, with_one)), late);
        self.calm(&first.weather, matches!(first_ended, Ended::Killed));
        for ended in [&first_ended, &second_ended] {
            self.heard("apply", ended);
        }
        let [permit, other] = [&one, &two].map(|it| it.watcher.permitted().unwrap_or_default());
        self.changed_as_planned(&permit.and(other.clone()), &before);
        self.let_go(&other);
        self.judged_both((first.part, &first_ended), (second.part, &second_ended)).await;
    }

    /// Runs one mainstay to its end, or to its death.
    pub(crate) async fn run<Work: Future<Output = Ended>>(
        &mut self,
        machine: &str,
        run: &Run,
        work: impl FnOnce(Mainstay) -> Work,
    ) -> Ended {
        self.scene.known().figures.runs += 1;
        self.kernel();
        let mainstay = self.mainstay(machine, run.weather.clone());
        let before = self.present();
        self.conditions(&run.weather);
        let ended = until_dead(&mainstay, work(mainstay.clone())).await;
        self.calm(&run.weather, matches!(ended, Ended::Killed));
        self.changed_as_planned(&mainstay.watcher.permitted().unwrap_or_default(), &before);
        ended
    }

    pub(crate) fn mainstay(&self, machine: &str, weather: Weather) -> Mainstay {
        let process = self.scene.disk.process(machine);
        match weather.kill {
            Some(Kill::Change(at)) => process.fail_after(Cut::Change(at.into())),
            Some(Kill::Byte(at)) => process.fail_after(Cut::Byte(at.into())),
            _ => {}
        }
        let watcher = Watcher::new(&self.scene, process, weather);
        Mainstay { scene: self.scene.clone(), hosts: Arc::clone(&self.hosts), watcher }
    }

    fn conditions(&self, weather: &Weather) {
        self.scene.known().disk_fails |= weather.full.is_some() || weather.syncs.is_some();
        if weather.full.is_some() {
            self.scene.count("fault: disk full");
            self.scene.disk.full_after(weather.full.map(u64::from));
        }
        if weather.syncs.is_some() {
            self.scene.count("fault: syncs fail");
            self.scene.disk.fail_syncs_after(weather.syncs.map(u64::from));
        }
    }

    /// The run is over: the disk is well again, and after a power cut has lost what was not synced.
    fn calm(&self, weather: &Weather, killed: bool) {
        self.scene.disk.full_after(None);
        self.scene.disk.fail_syncs_after(None);
        self.scene.known().disk_fails = false;
        self.scene.catch_up();
        self.scene.known().lanes.clear();
        if killed {
            match weather.kill {
                Some(Kill::Change(_)) => self.scene.count("kill: at a change of the disk"),
                Some(Kill::Byte(_)) => self.scene.count("kill: at a byte"),
                _ => {}
            }
        }
        if let (true, Some(seed)) = (killed, weather.power) {
            self.scene.count("kill: with a power cut");
            self.scene.line(format!("power cut {seed}"));
            self.scene.disk.crash(seed);
            // Which names are left after it is not told; a lock file that is left is nobody's.
            self.scene.known().writer.forget(None);
        }
    }

    fn present(&self) -> BTreeMap<Address, Value> {
        self.scene.known().others.clear();
        self.hosts.with(|world| world.present().map(|(address, is)| (address.clone(), is.clone())).collect())
    }

    fn changed_as_planned(&self, permit: &Permit, before: &BTreeMap<Address, Value>) {
        let others: BTreeSet<Address> = self.scene.known().others.clone();
        let held = self.hosts.with(|world| {
            let after: BTreeMap<&Address, &Value> = world.present().collect();
            // Machines that are called otherwise now have the same on them.
            let hosts: BTreeSet<&HostName> = after.keys().map(|address| address.host()).collect();
            let called: BTreeMap<&str, &HostName> = hosts.iter().map(|host| (machine(host), *host)).collect();
            let now = |address: &Address| {
                let new = called.get(machine(address.host())).filter(|_| !hosts.contains(address.host()));
                new.map(|&new| on_host(address, new.clone()))
            };
            let moved: BTreeMap<&Address, Address> =
                before.keys().filter_map(|address| Some((address, now(address)?))).collect();
            let before = before.iter().map(|(address, is)| (moved.get(address).unwrap_or(address), is)).collect();
            only_planned_change(permit, &before, &after, &others)
        });
        self.scene.must(held);
        self.let_go(permit);
    }

    /// What somebody changed of what was there before, and mainstay never changed itself, is not put back when it is let go:
    /// swap that was turned on while it was ours, a package that is held. Nor is what is handed over. From then on it was
    /// there before.
    fn let_go(&self, permit: &Permit) {
        let others = |address: &Address| match address.kind() {
            _ if permit.handed_over.contains(address) => true,
            "swap" => true,
            "package" => self.scene.known().before.has(address),
            _ => false,
        };
        let forgotten = permit.actions.iter().filter(|(address, action)| **action == Action::Forget && others(address));
        let forgotten: Vec<&Address> = forgotten.map(|(address, _)| address).collect();
        if forgotten.is_empty() {
            return;
        }
        let Ok(state) = recorded(&self.scene) else { return };
        // The host may be called otherwise than its records.
        let kept: BTreeSet<Address> = state.iter().flat_map(|state| state.resources.keys().map(on_machine)).collect();
        for address in forgotten.into_iter().filter(|address| !kept.contains(&on_machine(address))) {
            let is_it = |(other, _): &(&Address, &serde_json::Value)| on_machine(other) == on_machine(address);
            let now = self.hosts.with(|world| world.present().find(is_it).map(|(_, is)| is.clone()));
            // What is in the cluster lies on no host: it goes with the cluster.
            let now = now.filter(|_| !address.host().is_cluster());
            self.scene.known().before.set(address, now);
        }
    }

    pub(crate) fn heard(&self, what: &str, ended: &Ended) {
        let text = match ended {
            Ended::Ran(outcome) => format!("ran, complete: {}", outcome.complete()),
            other => format!("{other:?}"),
        };
        self.scene.line(format!("{what} ended: {text}"));
        self.scene.count(match ended {
            Ended::Ran(outcome) if outcome.complete() => "run: complete",
            Ended::Ran(_) => "run: incomplete",
            Ended::Nothing => "run: nothing to do",
            Ended::Refused { .. } => "run: refused",
            Ended::Stale(_) => "run: stale",
            Ended::Failed(_) => "run: gave up",
            Ended::Killed => "run: killed",
        });
        if let Ended::Failed(error) = ended {
            self.failed(error);
        }
    }

    /// Giving up is right when the disk is full, the lock is taken or the options make no sense; never because the state
    /// cannot be read any more.
    fn failed(&self, error: &Failed) {
        use mainstay::flow::FlowError;
        use mainstay::state::StateError;
        self.scene.line(format!("gave up: {error}"));
        if let Failed::Flow(FlowError::State(
            error @ (StateError::Damaged { .. }
            | StateError::DamagedJournal { .. }
            | StateError::ForeignJournal { .. }
            | StateError::Gone { .. }),
        )) = error
        {
            self.scene.must(Err(format!("the state can be read again: {error}")));
        }
    }

    fn drift(&self, drift: Drift) {
        let Ok(state) = recorded(&self.scene) else { return };
        // Records may not have followed a host that is called otherwise now.
        let recorded = state.into_iter().flat_map(|it| it.resources.into_keys());
        let ours: BTreeSet<Address> = recorded.map(|address| on_machine(&address)).collect();
        let present: Vec<Address> =
            self.hosts.with(|world| world.present().map(|(address, _)| address.clone()).filter(may_drift).collect());
        if present.is_empty() {
            return;
        }
        let address = &present[usize::from(drift.which) % present.len()];
        change(&self.scene, &self.hosts, address, ours.contains(&on_machine(address)), None, drift.how);
    }

    pub(crate) fn up(&self) {
        let down = self.hosts.with(|world| world.down().clone());
        for host in down {
            self.hosts.set_down(&host, false).expect("nothing is written");
        }
    }
}

async fn until_dead(mainstay: &Mainstay, work: impl Future<Output = Ended>) -> Ended {
    tokio::select! {
        biased;
        () = mainstay.watcher.died() => Ended::Killed,
        ended = work => ended,
    }
}

/// The options of a run.
fn with(run: &Run) -> With {
    With { part: run.part, parallelism: usize::from(run.parallelism), fail_fast: run.fail_fast, waits: Duration::ZERO }
}
