//! Planning alone, without hosts and files: from a checked cluster to a plan, at three sizes, each in a process of its
//! own so that its peak memory is its own. `cargo bench --bench plan`
//!
//! Times are by the clock, since comparing is shared between processors: they count on a machine that is otherwise idle.
//! Growth is that of the work, in instructions; beside it stands that of the fastest runs.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../fixture/mod.rs"]
mod fixture;
mod instructions;
#[path = "../report/mod.rs"]
mod report;
mod terraform;
mod world;

use std::process::{Command, ExitCode};
use std::time::Duration;

use report::{Report, measured, median, ms, peak_memory};
use world::{Phase, World};

/// Hosts; twenty resources each.
const SIZES: [usize; 3] = [50, 1_000, 5_000];
const RUNS: usize = 9;
const TIME: Duration = Duration::from_secs(1);
/// One GiB.
const MEMORY_KIB: u64 = 1024 * 1024;
const GROWTH: f64 = 1.2;

/// What a process of its own tells of one size.
#[derive(Clone, Copy, Debug)]
struct Figures {
    resources: u64,
    median: Duration,
    fastest: Duration,
    /// Declaring, building the graph, planning.
    parts: [Duration; 3],
    peak_kib: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mark, phase, hosts, runs] = &arguments[..]
        && mark == "--one"
    {
        let number = |text: &String| text.parse().expect("a number");
        one(Phase::of(phase), number(hosts), number(runs));
        return ExitCode::SUCCESS;
    }
    let mut report = Report::begin("pure plan: declare, graph, plan");
    println!(
        "resources   what            median    fastest   declare / graph / plan          per resource  peak memory"
    );
    for phase in [Phase::First, Phase::Again] {
        let all = SIZES.map(|hosts| (hosts, figures(phase, hosts)));
        let [_, (fewer, middle), (more, large)] = all;
        let name = phase.name();
        report.bar(&format!("{name}, {} resources", large.resources), ms(large.median), ms(TIME), large.median <= TIME);
        let gib = f64::from(u32::try_from(large.peak_kib).unwrap_or(u32::MAX)) / f64::from(1024 * 1024);
        report.bar(&format!("{name}, peak memory"), format!("{gib:.2} GiB"), "1 GiB", large.peak_kib <= MEMORY_KIB);
        let sizes = format!("a resource at {} to {}", large.resources, middle.resources);
        let time = each(large.fastest, large.resources) / each(middle.fastest, middle.resources);
        let counted = instructions::each(phase, more, large.resources)
            .and_then(|large| Ok((large, instructions::each(phase, fewer, middle.resources)?)));
        match counted {
            Ok((large, middle)) => {
                let (growth, figure) = (large / middle, format!("{:.2} ({large:.0} to {middle:.0})", large / middle));
                report.bar(&format!("{name}, instructions {sizes}"), figure, format!("{GROWTH:.2}"), growth <= GROWTH);
                println!("        {name}, time {sizes}: {time:.2}");
            }
            Err(why) => {
                report.skipped(&format!("{name}, instructions {sizes}"), why);
                report.bar(
                    &format!("{name}, time {sizes}"),
                    format!("{time:.2}"),
                    format!("{GROWTH:.2}"),
                    time <= GROWTH,
                );
            }
        }
        println!();
    }
    terraform::compare(&report, &SIZES);
    report.end()
}

fn each(time: Duration, resources: u64) -> f64 {
    time.as_secs_f64() * 1e6 / f64::from(u32::try_from(resources).expect("fewer than four billion"))
}

/// Measures in a child process and prints a line of the table.
fn figures(phase: Phase, hosts: usize) -> Figures {
    let this = std::env::current_exe().expect("a program knows where it is");
    let output = Command::new(this)
        .args(["--one", phase.name(), &hosts.to_string(), &RUNS.to_string()])
        .output()
        .expect("the bench runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("the bench prints text");
    let numbers: Vec<u64> =
        text.split_whitespace().map(|word| word.parse().expect("the bench prints numbers")).collect();
    let [resources, median, fastest, declare, graph, plan, peak_kib] = numbers[..] else { panic!("{text}") };
    let figures = Figures {
        resources,
        median: Duration::from_nanos(median),
        fastest: Duration::from_nanos(fastest),
        parts: [declare, graph, plan].map(Duration::from_nanos),
        peak_kib,
    };
    let parts = figures.parts.map(ms).join(" / ");
    println!(
        "{resources:>9}   {:<13} {:>8} {:>10}   {parts:<31} {:>8.2} µs  {:>6} MiB",
        phase.name(),
        ms(figures.median),
        ms(figures.fastest),
        each(figures.median, resources),
        peak_kib / 1024
    );
    figures
}

/// One size: figures as numbers for the parent.
fn one(phase: Phase, hosts: usize, runs: usize) {
    let world = World::new(phase, hosts);
    let (mut whole, mut parts) = (Vec::<Duration>::new(), [const { Vec::new() }; 3]);
    let mut resources = 0;
    for _ in 0..runs {
        let (declared, declare) = measured(|| world.declare());
        let (graph, build) = measured(|| World::graph(declared));
        let (plan, make) = measured(|| world.plan(&graph));
        world.is_as_expected(&plan);
        resources = plan.changes.len();
        let took = [declare, build, make].map(|it| it.clock);
        for (all, part) in parts.iter_mut().zip(took) {
            all.push(part);
        }
        whole.push(took.iter().sum());
    }
    let fastest = whole.iter().copied().min().unwrap_or_default();
    let numbers = [median(&whole), fastest].into_iter().chain(parts.iter().map(|part| median(part)));
    let numbers: Vec<String> = numbers.map(|time| time.as_nanos().to_string()).collect();
    println!("{resources} {} {}", numbers.join(" "), peak_memory());
}
