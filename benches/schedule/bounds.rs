//! What no order can beat.

use std::collections::{BTreeMap, BinaryHeap};

use crate::jobs::Graph;

/// Jobs that one host may do at once, as the engine has it.
const PER_HOST: f64 = 8.0;

/// A lower bound of the makespan, in seconds.
pub(crate) fn bound(graph: &Graph) -> f64 {
    let (heads, tails) = paths(graph);
    let critical = (0..graph.jobs.len()).map(|i| heads[i] + graph.jobs[i].lasts + tails[i]).fold(0.0, f64::max);
    critical.max(lanes(graph, &heads, &tails)).max(hosts(graph, &heads, &tails))
}

/// The least that comes before each job starts, and after it ends.
fn paths(graph: &Graph) -> (Vec<f64>, Vec<f64>) {
    let jobs = &graph.jobs;
    let (mut heads, mut tails) = (vec![0.0; jobs.len()], vec![0.0; jobs.len()]);
    for i in 0..jobs.len() {
        heads[i] = jobs[i].needs.iter().map(|&need| heads[need] + jobs[need].lasts).fold(0.0, f64::max);
    }
    for i in (0..jobs.len()).rev() {
        for &need in &jobs[i].needs {
            tails[need] = f64::max(tails[need], jobs[i].lasts + tails[i]);
        }
    }
    (heads, tails)
}

/// Each lane by itself, with nothing else in the way, and even if its jobs could be interrupted.
fn lanes(graph: &Graph, heads: &[f64], tails: &[f64]) -> f64 {
    let mut lanes: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (i, job) in graph.jobs.iter().enumerate() {
        if let Some(lane) = &job.lane {
            lanes.entry(lane).or_default().push(i);
        }
    }
    lanes.values().map(|jobs| one_by_one(graph, jobs, heads, tails)).fold(0.0, f64::max)
}

/// Jackson's preemptive schedule of one machine: at any time the job with the longest tail among those whose head is
/// over. No order without interruptions can be shorter.
fn one_by_one(graph: &Graph, jobs: &[usize], heads: &[f64], tails: &[f64]) -> f64 {
    let mut coming: Vec<usize> = jobs.to_vec();
    coming.sort_by(|&a, &b| heads[a].total_cmp(&heads[b]));
    let mut coming = coming.into_iter().peekable();
    // Tails as bits: they are not negative, so they compare alike.
    let mut ready: BinaryHeap<(u64, usize)> = BinaryHeap::new();
    let mut left: BTreeMap<usize, f64> = jobs.iter().map(|&i| (i, graph.jobs[i].lasts)).collect();
    let (mut now, mut end): (f64, f64) = (0.0, 0.0);
    loop {
        if ready.is_empty() {
            let Some(&next) = coming.peek() else { return end };
            now = now.max(heads[next]);
        }
        while let Some(i) = coming.next_if(|&i| heads[i] <= now) {
            ready.push((tails[i].to_bits(), i));
        }
        let Some(&(_, i)) = ready.peek() else { continue };
        let rest = left[&i];
        let until = coming.peek().map_or(f64::INFINITY, |&next| heads[next]);
        if now + rest <= until {
            now += rest;
            end = end.max(now + tails[i]);
            ready.pop();
        } else {
            left.insert(i, rest - (until - now));
            now = until;
        }
    }
}

/// Each host by itself, and all hosts over the number that may be worked on at once.
fn hosts(graph: &Graph, heads: &[f64], tails: &[f64]) -> f64 {
    let mut all: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, job) in graph.jobs.iter().enumerate() {
        all.entry(job.host).or_default().push(i);
    }
    let least = |jobs: &[usize], of: &[f64]| jobs.iter().map(|&i| of[i]).fold(f64::INFINITY, f64::min);
    let (mut longest, mut busy): (f64, f64) = (0.0, 0.0);
    let everything: Vec<usize> = (0..graph.jobs.len()).collect();
    for jobs in all.values() {
        let work = jobs.iter().map(|&i| graph.jobs[i].lasts).sum::<f64>() / PER_HOST;
        longest = longest.max(least(jobs, heads) + work + least(jobs, tails));
        // A host is busy at least while the longest of its jobs runs.
        busy += jobs.iter().map(|&i| graph.jobs[i].lasts).fold(work, f64::max);
    }
    let parallelism = f64::from(u32::try_from(graph.parallelism).unwrap_or(u32::MAX));
    longest.max(least(&everything, heads) + busy / parallelism + least(&everything, tails))
}
