//! What the state costs an apply: time and bytes a resource, and how many resources share an fsync.
//! `cargo bench --bench state`; `-- FOLDER` measures fsync in that folder instead of target/.
//!
//! Resources cost nothing themselves: hosts are simulated, in memory. What is left is the engine, the events, the
//! simulated hosts, the journal, and the state file at the end. Beside each figure stands what the same machine needs,
//! in the same run and folder, for the same bytes without any of that.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures have three digits")]

mod counted;
#[path = "../report/mod.rs"]
mod report;
mod work;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use report::{Report, Took, measured, median};
use work::{Measured, Shape, apply};

const FEW: usize = 2_000;
const MANY: usize = 20_000;
/// Each link of a chain waits for the disk.
const CHAIN: usize = 500;
const RUNS: usize = 5;

/// Microseconds of engine and state for one resource, without fsync.
const BAR_OVERHEAD: f64 = 50.0;
/// Bytes a resource with ten times the resources.
const BAR_GROWTH: f64 = 1.03;

fn main() -> ExitCode {
    let named = std::env::args().skip(1).find(|it| !it.starts_with("--")).map(PathBuf::from);
    let disk = named.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    let memory = Path::new("/dev/shm");
    let memory = if memory.is_dir() { memory } else { &disk };
    let mut report = Report::begin("state: an apply of resources that cost nothing");
    without_fsync(&mut report, memory);
    with_fsync(&mut report, &disk);
    report.end()
}

fn micros(took: Duration, count: usize) -> f64 {
    took.as_secs_f64() * 1e6 / count as f64
}

fn without_fsync(report: &mut Report, folder: &Path) {
    println!("without fsync, in {}; medians of {RUNS} runs", folder.display());
    let mut a_resource = Vec::new();
    for count in [FEW, MANY] {
        let runs: Vec<Measured> = (0..RUNS).map(|_| apply(folder, count, Shape::Independent, false)).collect();
        let took = |of: &dyn Fn(&Measured) -> Duration| micros(median(&runs.iter().map(of).collect::<Vec<_>>()), count);
        let (engine, ends) = (took(&|run| run.engine.processor), took(&|run| run.ends.processor));
        let clock = took(&|run| run.engine.clock + run.ends.clock);
        let counts = runs[0].counts;
        let journal = counts.journal_bytes as f64 / count as f64;
        let all = counts.bytes as f64 / count as f64;
        let bound = median(&(0..RUNS).map(|_| in_one_go(folder, counts.bytes, false).clock).collect::<Vec<_>>());
        println!(
            "{count} resources: engine and journal {engine:.1} µs, begin and end {ends:.1} µs a resource (clock: \
             {clock:.1} µs in all); {} writes; the same bytes in one go {:.2} µs",
            counts.writes,
            micros(bound, count)
        );
        println!("  {journal:.0} B of journal a resource; {all:.0} B with the state file and its copy");
        a_resource.push(all);
        let what = format!("overhead a resource, {count} resources");
        let (all_of_it, bar) = (engine + ends, format!("≤ {BAR_OVERHEAD} µs"));
        report.bar(&what, format!("{all_of_it:.1} µs"), &bar, all_of_it <= BAR_OVERHEAD);
    }
    let growth = a_resource[1] / a_resource[0];
    let bar = format!("≤ {BAR_GROWTH}");
    report.bar("bytes a resource with ten times as many", format!("× {growth:.3}"), &bar, growth <= BAR_GROWTH);
}

fn with_fsync(report: &mut Report, folder: &Path) {
    println!("\nwith fsync, in {}", folder.display());
    for (shape, count) in [(Shape::Independent, FEW), (Shape::Independent, MANY), (Shape::Chain, CHAIN)] {
        let run = apply(folder, count, shape, true);
        let counts = run.counts;
        let whole = in_one_go(folder, counts.bytes, true);
        let each = one_by_one(folder, counts.journal_bytes, counts.journal_syncs);
        let shared = count as f64 / counts.journal_syncs as f64;
        println!(
            "{shape:?}, {count} resources: {:.2} s; {} syncs, of these {} of the journal; bounds: the same bytes in one \
             go {:.2} s, as many syncs of the journal's bytes {:.2} s",
            (run.engine.clock + run.ends.clock).as_secs_f64(),
            counts.syncs,
            counts.journal_syncs,
            whole.clock.as_secs_f64(),
            each.clock.as_secs_f64(),
        );
        let what =
            format!("resources an fsync, {count} {}", if shape == Shape::Chain { "in a chain" } else { "independent" });
        // A link of a chain is announced, and its end is recorded before the next one begins.
        let bar = if shape == Shape::Chain { 0.49 } else { 10.0 };
        report.bar(&what, format!("{shared:.2}"), format!("≥ {bar}"), shared >= bar);
    }
}

/// Writes so many bytes at once.
fn in_one_go(folder: &Path, bytes: u64, syncs: bool) -> Took {
    one_by_one_if(folder, bytes, 1, syncs)
}

/// Writes so many bytes, in as many pieces as there are syncs.
fn one_by_one(folder: &Path, bytes: u64, syncs: u64) -> Took {
    one_by_one_if(folder, bytes, syncs.max(1), true)
}

fn one_by_one_if(folder: &Path, bytes: u64, pieces: u64, syncs: bool) -> Took {
    let folder = tempfile::tempdir_in(folder).expect("the folder can be written to");
    let piece = vec![b'x'; usize::try_from(bytes / pieces).expect("it fits into memory")];
    let mut file = File::create(folder.path().join("bytes")).expect("the folder can be written to");
    let write = || {
        for _ in 0..pieces {
            file.write_all(&piece).expect("there is room");
            if syncs {
                file.sync_data().expect("the disk works");
            }
        }
    };
    measured(write).1
}
