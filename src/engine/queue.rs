//! The ready queue. Pure bookkeeping: dependencies, lanes, and limits per host and overall.
//!
//! What is ready lies in heaps, one for each host and lane. Of each host that has room, the best of each lane is a
//! contender of that lane, and of each lane that is free, the best contender is open. So a start or an end touches one
//! host and its lanes, and nothing that may start is ever kept behind something that may not.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::priority::{lane_counts, longest_paths};
use crate::plan::{Change, Plan};
use crate::resource::{Address, Lane};

/// Resources of one host that may run at once: the number of channels that an SSH connection
/// carries without running into sshd's `MaxSessions`.
const PER_HOST: usize = 8;

/// Priority first, then plan order.
type Candidate = (u64, std::cmp::Reverse<usize>);

/// The lane of resources without a lane; never busy.
const NO_LANE: usize = 0;

#[derive(Debug, Default)]
struct Host {
    running: usize,
    /// Ready resources by lane.
    ready: BTreeMap<usize, BinaryHeap<Candidate>>,
}

/// Those of hosts that count against the limit of hosts already, or of those that do not.
#[derive(Debug, Default)]
struct Contenders {
    by_lane: Vec<BTreeSet<Candidate>>,
    /// The best of each lane that is free.
    open: BTreeSet<Candidate>,
}

/// The ready queue. Public for `benches/schedule`, which runs graphs through it in simulated time.
#[derive(Debug)]
pub struct Queue {
    paths: Vec<u64>,
    /// Of each change; a number of `busy`.
    lanes: Vec<usize>,
    /// Of each change; a number of `hosts`.
    on: Vec<usize>,
    waits_for: Vec<usize>,
    dependents: Vec<Vec<usize>>,
    ended: Vec<bool>,
    busy: Vec<bool>,
    hosts: Vec<Host>,
    /// Hosts on which something runs.
    active: usize,
    on_active: Contenders,
    on_idle: Contenders,
    parallelism: usize,
}

impl Queue {
    /// Takes in the changes of a plan that touch hosts.
    pub fn new(plan: &Plan, parallelism: usize) -> Self {
        let changes = &plan.changes;
        let at: BTreeMap<&Address, usize> = changes.iter().enumerate().map(|(i, c)| (&c.address, i)).collect();
        let acts = |i: usize| changes[i].action.touches_host() && changes[i].problem.is_none();
        let mut dependents = vec![Vec::new(); changes.len()];
        let mut waits_for = vec![0; changes.len()];
        for (i, change) in changes.iter().enumerate() {
            for &j in change.after.iter().filter_map(|needed| at.get(needed)) {
                if acts(j) && acts(i) {
                    dependents[j].push(i);
                    waits_for[i] += 1;
                }
            }
        }
        let (lanes, lane_count) = numbered(std::iter::once(None).chain(changes.iter().map(lane_of)));
        let (on, host_count) = numbered(changes.iter().map(|change| change.address.host()));
        let contenders = || Contenders { by_lane: vec![BTreeSet::new(); lane_count], open: BTreeSet::new() };
        let mut queue = Self {
            paths: longest_paths(changes),
            lanes: lanes[1..].to_vec(),
            on,
            waits_for,
            dependents,
            ended: (0..changes.len()).map(|i| !acts(i)).collect(),
            busy: vec![false; lane_count],
            hosts: std::iter::repeat_with(Host::default).take(host_count).collect(),
            active: 0,
            on_active: contenders(),
            on_idle: contenders(),
            parallelism: parallelism.max(1),
        };
        for i in 0..changes.len() {
            if !queue.ended[i] && queue.waits_for[i] == 0 {
                queue.add(i);
            }
        }
        queue
    }

    /// The next one to start, which then counts as running.
    pub fn start(&mut self) -> Option<usize> {
        let idle = if self.active < self.parallelism { self.on_idle.open.last() } else { None };
        let (_, std::cmp::Reverse(i)) = *self.on_active.open.last().max(idle)?;
        let (on, lane) = (self.on[i], self.lanes[i]);
        self.withdraw(on);
        let host = &mut self.hosts[on];
        let ready = host.ready.get_mut(&lane);
        if ready.is_some_and(|ready| ready.pop().is_some() && ready.is_empty()) {
            host.ready.remove(&lane);
        }
        self.active += usize::from(host.running == 0);
        host.running += 1;
        self.contend(on);
        self.set_busy(lane, true);
        Some(i)
    }

    /// A running one has ended; what it held up may start. When it ended well, so may those that
    /// waited for it; otherwise they are returned, all of them, as skipped.
    pub fn end(&mut self, i: usize, well: bool) -> Vec<usize> {
        self.ended[i] = true;
        let on = self.on[i];
        self.withdraw(on);
        self.hosts[on].running -= 1;
        self.active -= usize::from(self.hosts[on].running == 0);
        self.contend(on);
        self.set_busy(self.lanes[i], false);
        if well {
            for j in self.dependents[i].clone() {
                self.waits_for[j] -= 1;
                if self.waits_for[j] == 0 && !self.ended[j] {
                    self.add(j);
                }
            }
            return Vec::new();
        }
        self.skip(i)
    }

    /// Nothing holds this one up any more but its host and its lane.
    fn add(&mut self, i: usize) {
        let on = self.on[i];
        self.withdraw(on);
        self.hosts[on].ready.entry(self.lanes[i]).or_default().push((self.paths[i], std::cmp::Reverse(i)));
        self.contend(on);
    }

    /// Removes the ready entries of a host before its state changes.
    fn withdraw(&mut self, on: usize) {
        let host = &self.hosts[on];
        let all = if host.running == 0 { &mut self.on_idle } else { &mut self.on_active };
        for (&lane, ready) in &host.ready {
            if let Some(best) = ready.peek() {
                all.change(lane, self.busy[lane], |contenders| contenders.remove(best));
            }
        }
    }

    /// The best that a host has ready in each lane contends, if the host has room.
    fn contend(&mut self, on: usize) {
        let host = &self.hosts[on];
        if host.running >= PER_HOST {
            return;
        }
        let all = if host.running == 0 { &mut self.on_idle } else { &mut self.on_active };
        for (&lane, ready) in &host.ready {
            if let Some(best) = ready.peek() {
                all.change(lane, self.busy[lane], |contenders| contenders.insert(*best));
            }
        }
    }

    fn set_busy(&mut self, lane: usize, busy: bool) {
        if lane == NO_LANE {
            return;
        }
        self.busy[lane] = busy;
        for all in [&mut self.on_active, &mut self.on_idle] {
            match all.by_lane[lane].last() {
                Some(best) if busy => {
                    all.open.remove(best);
                }
                best => all.open.extend(best),
            }
        }
    }

    fn skip(&mut self, failed: usize) -> Vec<usize> {
        let (mut skipped, mut stack) = (Vec::new(), self.dependents[failed].clone());
        while let Some(j) = stack.pop() {
            if !std::mem::replace(&mut self.ended[j], true) {
                skipped.push(j);
                stack.extend(&self.dependents[j]);
            }
        }
        skipped.sort_unstable();
        skipped
    }

    /// Resources that were neither started nor skipped.
    pub(super) fn left(&self) -> Vec<usize> {
        (0..self.ended.len()).filter(|&i| !self.ended[i]).collect()
    }
}

impl Contenders {
    fn change(&mut self, lane: usize, busy: bool, change: impl FnOnce(&mut BTreeSet<Candidate>) -> bool) {
        let contenders = &mut self.by_lane[lane];
        let before = contenders.last().copied();
        change(contenders);
        if busy {
            return;
        }
        if let Some(before) = before {
            self.open.remove(&before);
        }
        self.open.extend(contenders.last());
    }
}

fn lane_of(change: &Change) -> Option<&Lane> {
    change.lane.as_ref().filter(|_| lane_counts(change))
}

/// A number for each, the same for those that are equal, from zero in the order of their coming; and how many there are.
fn numbered<T: Ord>(all: impl Iterator<Item = T>) -> (Vec<usize>, usize) {
    let mut known = BTreeMap::new();
    let numbers = all
        .map(|one| {
            let next = known.len();
            *known.entry(one).or_insert(next)
        })
        .collect();
    (numbers, known.len())
}
