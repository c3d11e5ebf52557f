//! A graph of jobs, and the same as a plan.

use std::collections::{BTreeMap, BTreeSet};

use mainstay::plan::{Change, Coverage, Mode, Plan};
use mainstay::resource::{Action, Address, HostName, Lane};

use crate::random::Random;

/// What the queue knows of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// Each lasts what its kind usually does.
    Exact,
    /// Each lasts between half and twice that.
    Rough,
    /// Each lasts anything between 0.1 s and 100 s.
    None,
}

impl Knowledge {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Exact => "durations as expected of each kind",
            Self::Rough => "durations between half and twice what is expected",
            Self::None => "durations that nobody could guess (0.1 to 100 s)",
        }
    }
}

/// Seconds that a kind usually takes, as measured on two cores: the lab's first apply and a join.
fn usual(kind: &str) -> f64 {
    match kind {
        "member" => 12.0,
        "package" => 8.0,
        "manifest" | "virtual_ip" => 4.0,
        "service" => 1.0,
        _ => 0.1,
    }
}

/// One job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) host: usize,
    pub(crate) kind: &'static str,
    pub(crate) lane: Option<Lane>,
    /// Earlier jobs.
    pub(crate) needs: BTreeSet<usize>,
    /// In which phase peers would do it.
    pub(crate) phase: usize,
    /// In seconds.
    pub(crate) lasts: f64,
}

/// Jobs, each after all that it needs, and how many hosts may be worked on at once.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) jobs: Vec<Job>,
    pub(crate) parallelism: usize,
}

impl Graph {
    pub(crate) fn new(parallelism: usize) -> Self {
        Self { jobs: Vec::new(), parallelism }
    }

    /// Adds a job; its phase is one after those of what it needs.
    pub(crate) fn add(&mut self, host: usize, kind: &'static str, needs: impl IntoIterator<Item = usize>) -> usize {
        let needs: BTreeSet<usize> = needs.into_iter().collect();
        let phase = needs.iter().map(|&need| self.jobs[need].phase + 1).max().unwrap_or(0);
        self.jobs.push(Job { host, kind, lane: None, needs, phase, lasts: 0.0 });
        self.jobs.len() - 1
    }

    /// Puts the last one into a lane.
    pub(crate) fn lane(&mut self, lane: Lane) {
        self.jobs.last_mut().expect("one was added").lane = Some(lane);
    }

    /// Sets the phase of the last one.
    pub(crate) fn phase(&mut self, phase: usize) {
        self.jobs.last_mut().expect("one was added").phase = phase;
    }

    pub(crate) fn hosts(&self) -> usize {
        self.jobs.iter().map(|job| job.host).collect::<BTreeSet<_>>().len()
    }

    /// Gives every job its duration.
    pub(crate) fn lasting(mut self, knowledge: Knowledge, random: &mut Random) -> Self {
        for job in &mut self.jobs {
            job.lasts = match knowledge {
                Knowledge::Exact => usual(job.kind),
                Knowledge::Rough => usual(job.kind) * random.factor(2.0),
                Knowledge::None => 3.2 * random.factor(31.0),
            };
        }
        self
    }

    /// The jobs of some numbers as a plan: what is needed outside of them counts as done.
    pub(crate) fn plan(&self, numbers: &[usize]) -> Plan {
        let name = |host: usize| HostName::new(format!("h{host:04}"));
        let address = |number: usize| {
            let job = &self.jobs[number];
            Address::new(name(job.host), "bench", job.kind, Some(&format!("{number:06}")))
        };
        let known: BTreeMap<usize, Address> = numbers.iter().map(|&number| (number, address(number))).collect();
        let change = |&number: &usize| {
            let job = &self.jobs[number];
            let after: BTreeSet<Address> = job.needs.iter().filter_map(|need| known.get(need).cloned()).collect();
            Change {
                address: known[&number].clone(),
                // A lane of load balancers counts for updates only.
                action: Action::Update,
                fields: Vec::new(),
                reasons: Vec::new(),
                problem: None,
                refused: None,
                warning: None,
                resource: None,
                recorded: None,
                before: None,
                prior: None,
                needs: after.clone(),
                reacting: BTreeSet::new(),
                after,
                lane: job.lane.clone(),
                made_from: mainstay::resource::MadeFrom::default(),
                drift: None,
                act: None,
                resumes: false,
                reacts_to: BTreeSet::new(),
                moved: None,
                rerecord: false,
            }
        };
        Plan {
            cluster: "bench".into(),
            mode: Mode::Apply,
            lineage: String::new(),
            serial: 0,
            changes: numbers.iter().map(change).collect(),
            control_planes: Vec::new(),
            coverage: Coverage::default(),
            warnings: Vec::new(),
            turns: None,
            left_out: 0,
            moved: 0,
        }
    }
}
