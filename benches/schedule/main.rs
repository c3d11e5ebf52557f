//! The order in which the engine starts things: random graphs through its own queue, against what no order could
//! beat, and against the order of phases that peers use. `cargo bench --bench schedule`
//!
//! Time is simulated, so nothing here depends on the machine. Durations are those that were measured for each kind,
//! times a random factor: the queue knows kinds only, as in a real run, and learns of a duration when it is over. Two
//! more tables show what that costs: durations that are exactly as expected, and durations that nobody could guess.
//!
//! The bound of a graph is the greatest of: its critical path; for each lane and each host the work that it must do
//! one by one (or eight at once), with the least that must come before and after; the busy time of all hosts over the
//! number that may be worked on at once.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod bounds;
#[path = "../fixture/mod.rs"]
mod fixture;
mod jobs;
mod random;
#[path = "../report/mod.rs"]
mod report;
mod run;
mod shapes;
#[path = "../plan/world.rs"]
#[allow(dead_code, reason = "the bench of plans needs more of it")]
mod world;

use std::process::ExitCode;

use jobs::Knowledge;
use random::Random;
use report::{Report, median};

/// Graphs of each shape and table.
const GRAPHS: u64 = 200;
const BAR: f64 = 0.97;

fn main() -> ExitCode {
    let mut report = Report::begin("schedule: makespan of random graphs through the engine's queue");
    for knowledge in [Knowledge::Rough, Knowledge::Exact, Knowledge::None] {
        println!("{}, {GRAPHS} graphs a shape", knowledge.describe());
        println!(
            "shape              hosts     jobs   bound/makespan: median   5th of 100    worst   phases/makespan: median"
        );
        let mut all = Vec::new();
        for (name, shape) in shapes::SHAPES {
            let (mut reached, mut phases, mut hosts, mut jobs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for seed in 0..GRAPHS {
                let mut random = Random::new(seed);
                let graph = shape(&mut random).lasting(knowledge, &mut random);
                let makespan = run::makespan(&graph);
                let bound = bounds::bound(&graph);
                assert!(bound <= makespan * (1.0 + 1e-9), "{name}, seed {seed}: {makespan} beats the bound {bound}");
                reached.push(bound / makespan);
                phases.push(run::phases(&graph) / makespan);
                hosts.push(graph.hosts());
                jobs.push(graph.jobs.len());
            }
            let worst = reached.iter().copied().fold(f64::INFINITY, f64::min);
            println!(
                "{name:<18} {:>5} {:>8}   {:>22.3}   {:>10.3}   {worst:>6.3}   {:>23.2}",
                median(&hosts),
                median(&jobs),
                median(&reached),
                low(&reached),
                median(&phases)
            );
            all.extend(reached);
        }
        let holds = median(&all) >= BAR;
        let worst = all.iter().copied().fold(f64::INFINITY, f64::min);
        let figure = format!("{:.3} (worst {worst:.3})", median(&all));
        if knowledge == Knowledge::None {
            println!("all shapes: {figure}, no bar\n");
        } else {
            report.bar(&format!("all shapes, {}", knowledge.describe()), figure, BAR, holds);
            println!();
        }
    }
    report.end()
}

/// The value that one in twenty is below.
fn low(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 20]
}
