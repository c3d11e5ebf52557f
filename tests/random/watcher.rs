//! Stands between one mainstay and the simulated hosts: lets go wrong what the case says, and looks at everything that
//! happens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mainstay::engine::Interrupt;
use mainstay::engine::event::{Ending, Event};
use mainstay::fleet::{ActOutcome, ActRequest, Fate, FleetError, Interference, Purpose, SimulatedFleet};
use mainstay::resource::{Action, Address, HostName, Observation, Output};
use mainstay::state::SimulatedProcess;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};

use crate::drifting::{drifted, may_drift};
use crate::invariants::{Permit, Turns, only_planned_act};
use crate::scene::Scene;
use crate::weather::{Drift, Kill, Trouble, Weather};

/// Watches one mainstay.
pub(crate) struct Watcher {
    scene: Scene,
    pub(crate) process: Arc<SimulatedProcess>,
    weather: Weather,
    run: Mutex<Run>,
    pub(crate) events: UnboundedSender<Event>,
    pub(crate) interrupt: watch::Sender<Interrupt>,
    death: Notify,
}

struct Run {
    acts: u16,
    seen: u16,
    events: UnboundedReceiver<Event>,
    permit: Option<Permit>,
    turns: Turns,
    /// Addresses that were on record when the plan was made and are still.
    recorded: BTreeSet<Address>,
    /// Addresses that were begun.
    begun: BTreeSet<Address>,
    /// What somebody else made that was to be made here.
    theirs: BTreeSet<Address>,
    /// Hosts that cannot be reached, and for how many requests.
    cut: BTreeMap<HostName, u8>,
    working: BTreeMap<Address, Action>,
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

impl Watcher {
    pub(crate) fn new(scene: &Scene, process: Arc<SimulatedProcess>, weather: Weather) -> Arc<Self> {
        let (events, receiver) = unbounded_channel();
        let run = Run {
            acts: 0,
            seen: 0,
            events: receiver,
            permit: None,
            turns: Turns::default(),
            recorded: BTreeSet::new(),
            begun: BTreeSet::new(),
            theirs: BTreeSet::new(),
            cut: BTreeMap::new(),
            working: BTreeMap::new(),
        };
        let interrupt = watch::Sender::new(Interrupt::None);
        Arc::new(Self {
            scene: scene.clone(),
            process,
            weather,
            run: Mutex::new(run),
            events,
            interrupt,
            death: Notify::new(),
        })
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A plan was shown and may be carried out.
    pub(crate) fn permit(&self, permit: Permit, turns: Turns, recorded: BTreeSet<Address>) {
        let mut run = self.run();
        (run.permit, run.turns, run.recorded) = (Some(permit), turns, recorded);
    }

    /// What was permitted.
    pub(crate) fn permitted(&self) -> Option<Permit> {
        self.run().permit.clone()
    }

    /// Returns when the process has died.
    pub(crate) async fn died(&self) {
        self.death.notified().await;
    }

    /// Kills the process.
    pub(crate) fn kill(&self) {
        self.process.kill();
        self.gone();
    }

    fn gone(&self) {
        self.scene.known().lanes.clear();
        self.death.notify_one();
    }

    fn number(&self) -> usize {
        self.process.number()
    }

    /// Takes in what the engine has told since.
    pub(crate) fn listen(&self) {
        loop {
            let mut run = self.run();
            let Ok(event) = run.events.try_recv() else { return };
            let number = run.seen;
            run.seen = run.seen.saturating_add(1);
            drop(run);
            if self.process.is_dead() {
                // What it would have told holds no lane any more.
                continue;
            }
            self.heard(&event);
            if self.weather.kill == Some(Kill::Event(number)) && !self.process.is_dead() {
                self.scene.count("kill: at an event");
                self.kill();
            }
        }
    }

    fn heard(&self, event: &Event) {
        let text = format!("{event:?}");
        self.scene.shown("an event", text.as_bytes());
        let mut known = self.scene.known();
        known.figures.events += 1;
        known.trace.line(format!("  {} event: {text}", self.number()));
        drop(known);
        let mut run = self.run();
        match event {
            Event::Started { address, action } => {
                run.begun.insert(address.clone());
                run.working.insert(address.clone(), *action);
                let lane = run.permit.as_ref().and_then(|permit| permit.lanes.get(address)).cloned();
                let turns = run.turns.begins(address);
                drop(run);
                self.scene.must(turns);
                if let Some(lane) = lane {
                    let held = self.scene.known().lanes.begins(&lane, address, *action, &self.process);
                    self.scene.must(held);
                }
            }
            Event::Ended { address, action, ending, .. } => {
                run.working.remove(address);
                match ending {
                    Ending::Done => run.turns.ends(address, true),
                    Ending::Failed(_) => run.turns.ends(address, false),
                    Ending::Skipped { .. } | Ending::NotStarted => {}
                }
                // What others make there from now on is theirs.
                if (*action, ending) == (Action::Destroy, &Ending::Done) {
                    run.recorded.remove(address);
                }
                let lane = run.permit.as_ref().and_then(|permit| permit.lanes.get(address)).cloned();
                drop(run);
                if let Some(lane) = lane {
                    self.scene.known().lanes.ends(&lane, address);
                }
                self.scene.count(match ending {
                    Ending::Done => "ending: done",
                    Ending::Failed(_) => "ending: failed",
                    Ending::Skipped { .. } => "ending: skipped",
                    Ending::NotStarted => "ending: not started",
                });
            }
            _ => {}
        }
    }

    fn cut(&self, host: &HostName) -> bool {
        let mut run = self.run();
        match run.cut.get_mut(host) {
            None | Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// Somebody changes something while we are at it: of what is on record, or of what we have not begun. What comes to be
    /// by itself while something else is made before it cannot be told from what that brought along, a file of a package
    /// say; so of that nobody else makes anything here.
    fn drift(&self, drift: Drift, fleet: &SimulatedFleet) {
        let mut run = self.run();
        let mut all: Vec<Address> = run.recorded.iter().cloned().collect();
        // Where mainstay dies, is stopped at once or cannot write any more before it has taken its intent back, nobody can
        // tell whose it is.
        let stopped = |(_, trouble): &(u16, Trouble)| matches!(trouble, Trouble::Interrupt { now: true });
        let writes = !self.scene.known().disk_fails;
        let lives = self.weather.kill.is_none() && writes && !self.weather.troubles.iter().any(stopped);
        if let Some(permit) = run.permit.as_ref().filter(|_| lives) {
            all.extend(permit.expected.iter().filter(|address| !run.begun.contains(*address)).cloned());
        }
        all.retain(|address| may_drift(address) && !run.working.contains_key(address));
        if all.is_empty() {
            return;
        }
        let address = all[usize::from(drift.which) % all.len()].clone();
        let ours = run.recorded.contains(&address);
        let made = run.permit.as_ref().and_then(|permit| permit.resources.get(&address)).map(|it| it.simulate());
        if !ours {
            run.theirs.insert(address.clone());
        }
        drop(run);
        change(&self.scene, fleet, &address, ours, made.as_ref(), drift.how);
    }
}

/// Changes something behind mainstay's back; where nothing is, something like `made` comes to be. What is not mainstay's
/// yet was there before it.
pub(crate) fn change(
    scene: &Scene,
    fleet: &SimulatedFleet,
    address: &Address,
    ours: bool,
    made: Option<&Value>,
    how: u8,
) {
    let is = fleet.with(|world| world.get(address).present().cloned());
    let now = match (is, made) {
        (Some(is), _) => drifted(address, &is, how),
        (None, Some(made)) if how.is_multiple_of(2) => Observation::Present(made.clone()),
        (None, Some(made)) => drifted(address, made, how),
        (None, None) => return,
    };
    let mut known = scene.known();
    known.figures.count("fault: drift");
    known.trace.line(format!("    drift: {address} {now:?}"));
    known.others.insert(address.clone());
    match (ours, &now) {
        (true, Observation::Absent) => known.before.taken_away(address),
        (true, Observation::Present(_)) => {}
        (false, now) => known.before.set(address, now.present().cloned()),
    }
    drop(known);
    fleet.set(address, now).expect("nothing is written");
}

impl Interference for Watcher {
    fn act(&self, host: &HostName, request: &ActRequest<'_>, fleet: &SimulatedFleet) -> Fate {
        if self.process.is_dead() {
            self.gone();
            return Fate::Gone;
        }
        self.scene.catch_up();
        self.listen();
        let number = {
            let mut run = self.run();
            run.acts = run.acts.saturating_add(1);
            run.acts - 1
        };
        {
            let mut known = self.scene.known();
            known.figures.acts += 1;
            if let Some((_, slots)) = request.act {
                // A token has 16 characters and a key 64; the rest is public: the token's name, answers of other steps.
                let made = slots.secrets().map(|it| it.expose().to_owned());
                known.secrets.extend(made.filter(|it| matches!(it.len(), 16 | 64)));
            }
            let purpose = if matches!(request.purpose, Purpose::Apply) { "apply" } else { "destroy" };
            let (process, address, acts) = (self.number(), request.address, request.act.is_some());
            known.trace.line(format!(
                "  {process} act {number}: {host} {purpose} {address} acts={acts} look={}",
                request.look_after
            ));
        }
        let held = self.run().permit.as_ref().map_or(Ok(()), |permit| only_planned_act(permit, host, request));
        self.scene.must(held);
        if self.weather.kill == Some(Kill::Act(number)) {
            self.scene.count("kill: before an act");
            self.kill();
            return Fate::Gone;
        }
        let mut fate = if self.cut(host) { Fate::Unreachable } else { Fate::Go };
        for (_, trouble) in self.weather.troubles.iter().filter(|(at, _)| *at == number) {
            fate = self.trouble(trouble, host, fleet, fate);
        }
        // Where the answer is lost that it is there already, nobody can tell whose it is.
        if matches!(fate, Fate::Unanswered | Fate::Slow(_)) && self.run().theirs.contains(request.address) {
            fate = Fate::Go;
        }
        self.scene.before_acting(fleet);
        if self.weather.kill == Some(Kill::AfterAct(number)) {
            return Fate::GoneAfter;
        }
        fate
    }

    fn acted(
        &self,
        host: &HostName,
        request: &ActRequest<'_>,
        outcome: &Result<ActOutcome, FleetError>,
        fleet: &SimulatedFleet,
    ) {
        let told = match outcome {
            Ok(ActOutcome::Ran { output, after: Some(Ok(seen)), .. }) => {
                format!("ran {}, then {}", output.status, seen.digest)
            }
            Ok(ActOutcome::Ran { output, after, .. }) => format!("ran {} {after:?} {}", output.status, output.stderr),
            Ok(ActOutcome::Stale { now }) => format!("stale {now:?}"),
            Err(error) => format!("lost {error}"),
        };
        self.scene.line(format!("  {} acted: {} {told}", self.number(), request.address));
        self.scene.after_acting(&format!("{} on {host}", request.address), fleet);
        self.scene.catch_up();
        self.listen();
        let number = self.run().acts.saturating_sub(1);
        if self.weather.kill == Some(Kill::AfterAct(number)) && !self.process.is_dead() {
            self.scene.count("kill: after an act");
            self.kill();
        }
    }

    fn look(&self, host: &HostName, _: &SimulatedFleet) -> Fate {
        if self.process.is_dead() {
            self.gone();
            return Fate::Gone;
        }
        self.scene.catch_up();
        self.scene.known().figures.looks += 1;
        if self.cut(host) { Fate::Unreachable } else { Fate::Go }
    }
}

impl Watcher {
    fn trouble(&self, trouble: &Trouble, host: &HostName, fleet: &SimulatedFleet, fate: Fate) -> Fate {
        let failed = |text: &str| Output { status: 1, stdout: String::new(), stderr: text.to_owned() };
        let (name, fate) = match trouble {
            Trouble::Fails => ("fault: step fails", Fate::Fail(failed("simulated failure"))),
            Trouble::FailsForNow => {
                ("fault: step fails for now", Fate::Fail(failed("Could not get lock /var/lib/dpkg/lock")))
            }
            Trouble::HalfWay => ("fault: half-way", Fate::HalfWay),
            Trouble::Unanswered => ("fault: unanswered", Fate::Unanswered),
            Trouble::Cut(requests) => {
                self.run().cut.insert(host.clone(), *requests);
                ("fault: connection cut", Fate::Unreachable)
            }
            Trouble::Down => {
                fleet.set_down(host, true).expect("nothing is written");
                ("fault: host down", fate)
            }
            Trouble::Back => {
                let down = fleet.with(|world| world.down().first().cloned());
                if let Some(down) = down {
                    fleet.set_down(&down, false).expect("nothing is written");
                }
                ("fault: host back", fate)
            }
            Trouble::Slow(time) => ("fault: slow host", Fate::Slow(*time)),
            Trouble::Drift(drift) => {
                self.drift(*drift, fleet);
                return fate;
            }
            Trouble::Interrupt { now } => {
                let wish = if *now { Interrupt::Now } else { Interrupt::Graceful };
                self.interrupt.send_replace(wish);
                ("fault: interrupted", fate)
            }
        };
        let mut known = self.scene.known();
        known.figures.count(name);
        known.trace.line(format!("    {name} on {host}"));
        drop(known);
        fate
    }
}
