//! What may start next. Pure bookkeeping: dependencies, lanes, and limits per host and overall.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::priority::{lane_counts, longest_paths};
use crate::plan::Plan;
use crate::resource::{Address, HostName, Lane};

/// Resources of one host that may run at once: the number of channels that an SSH connection
/// carries without running into sshd's `MaxSessions`.
const PER_HOST: usize = 8;

/// Priority first, then plan order.
type Candidate = (u64, std::cmp::Reverse<usize>);

/// The ready queue. Public for `benches/schedule`, which runs graphs through it in simulated time.
#[derive(Debug)]
pub struct Queue {
    paths: Vec<u64>,
    lanes: Vec<Option<Lane>>,
    hosts: Vec<HostName>,
    waits_for: Vec<usize>,
    dependents: Vec<Vec<usize>>,
    ended: Vec<bool>,
    ready: BinaryHeap<Candidate>,
    busy_lanes: BTreeSet<Lane>,
    held_by_lane: BTreeMap<Lane, BinaryHeap<Candidate>>,
    active: BTreeMap<HostName, usize>,
    held_by_host: BTreeMap<HostName, Vec<Candidate>>,
    /// The best of those below, and of some that are held no longer.
    held_hosts: BinaryHeap<Candidate>,
    held_by_limit: BTreeMap<HostName, Vec<Candidate>>,
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
        let lane = |c: &crate::plan::Change| if lane_counts(c) { c.lane.clone() } else { None };
        let mut queue = Self {
            paths: longest_paths(changes),
            lanes: changes.iter().map(lane).collect(),
            hosts: changes.iter().map(|change| change.address.host().clone()).collect(),
            waits_for,
            dependents,
            ended: (0..changes.len()).map(|i| !acts(i)).collect(),
            ready: BinaryHeap::new(),
            busy_lanes: BTreeSet::new(),
            held_by_lane: BTreeMap::new(),
            active: BTreeMap::new(),
            held_by_host: BTreeMap::new(),
            held_hosts: BinaryHeap::new(),
            held_by_limit: BTreeMap::new(),
            parallelism: parallelism.max(1),
        };
        for i in 0..changes.len() {
            if !queue.ended[i] && queue.waits_for[i] == 0 {
                queue.ready.push(queue.candidate(i));
            }
        }
        queue
    }

    fn candidate(&self, i: usize) -> Candidate {
        (self.paths[i], std::cmp::Reverse(i))
    }

    /// The next one to start, which then counts as running.
    pub fn start(&mut self) -> Option<usize> {
        while let Some(candidate) = self.ready.pop() {
            let i = candidate.1.0;
            if self.ended[i] {
                continue;
            }
            let host = self.hosts[i].clone();
            let running = self.active.get(&host).copied().unwrap_or(0);
            if let Some(lane) = self.lanes[i].clone().filter(|lane| self.busy_lanes.contains(lane)) {
                self.held_by_lane.entry(lane).or_default().push(candidate);
            } else if running >= PER_HOST {
                self.held_by_host.entry(host).or_default().push(candidate);
            } else if running == 0 && self.active.len() >= self.parallelism {
                self.held_hosts.push(candidate);
                self.held_by_limit.entry(host).or_default().push(candidate);
            } else {
                self.busy_lanes.extend(self.lanes[i].clone());
                *self.active.entry(host).or_default() += 1;
                return Some(i);
            }
        }
        None
    }

    /// A running one has ended; what it held up may start. When it ended well, so may those that
    /// waited for it; otherwise they are returned, all of them, as skipped.
    pub fn end(&mut self, i: usize, well: bool) -> Vec<usize> {
        self.ended[i] = true;
        if let Some(lane) = &self.lanes[i] {
            self.busy_lanes.remove(lane);
            if let Some(next) = self.held_by_lane.get_mut(lane).and_then(BinaryHeap::pop) {
                self.ready.push(next);
            }
        }
        let host = &self.hosts[i];
        let left = self.active.get_mut(host).map_or(0, |running| {
            *running -= 1;
            *running
        });
        // All of them: the first ones may turn out to be held by a lane.
        self.ready.extend(self.held_by_host.remove(host).into_iter().flatten());
        if left == 0 {
            self.active.remove(host);
            self.release_a_host();
        }
        if well {
            for j in self.dependents[i].clone() {
                self.waits_for[j] -= 1;
                if self.waits_for[j] == 0 && !self.ended[j] {
                    self.ready.push(self.candidate(j));
                }
            }
            return Vec::new();
        }
        self.skip(i)
    }

    /// Lets the host with the best candidate in, with all that it has.
    fn release_a_host(&mut self) {
        while let Some((_, std::cmp::Reverse(i))) = self.held_hosts.pop() {
            if let Some(candidates) = self.held_by_limit.remove(&self.hosts[i]) {
                self.ready.extend(candidates);
                return;
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

    /// What was neither started nor skipped.
    pub(super) fn left(&self) -> Vec<usize> {
        (0..self.ended.len()).filter(|&i| !self.ended[i]).collect()
    }
}
