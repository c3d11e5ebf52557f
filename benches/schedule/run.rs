//! Simulated time: jobs are started as the queue says and end when their duration is over.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use mainstay::engine::Queue;

use crate::jobs::Graph;

/// A time that can be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Seconds from the first start to the last end.
pub(crate) fn makespan(graph: &Graph) -> f64 {
    let all: Vec<usize> = (0..graph.jobs.len()).collect();
    of(graph, &all)
}

/// The same when all hosts must have ended a phase before any begins the next. Inside of a phase everything is as for
/// [`makespan`], which is more than peers do: they go host by host, or task by task.
pub(crate) fn phases(graph: &Graph) -> f64 {
    let last = graph.jobs.iter().map(|job| job.phase).max().unwrap_or(0);
    let in_phase = |phase: usize| -> Vec<usize> {
        (0..graph.jobs.len()).filter(|&number| graph.jobs[number].phase == phase).collect()
    };
    (0..=last).map(|phase| of(graph, &in_phase(phase))).sum()
}

fn of(graph: &Graph, numbers: &[usize]) -> f64 {
    let mut queue = Queue::new(&graph.plan(numbers), graph.parallelism);
    let mut running: BinaryHeap<Reverse<(Time, usize)>> = BinaryHeap::new();
    let (mut now, mut ended) = (0.0, 0);
    loop {
        while let Some(i) = queue.start() {
            running.push(Reverse((Time(now + graph.jobs[numbers[i]].lasts), i)));
        }
        let Some(Reverse((Time(at), i))) = running.pop() else { break };
        now = at;
        ended += 1;
        assert!(queue.end(i, true).is_empty(), "nothing is skipped after success");
    }
    assert_eq!(ended, numbers.len(), "every job is carried out");
    now
}
