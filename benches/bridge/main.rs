//! What the network plugin `bridge` costs beside `none`, and that a host costs the same however many there are: the
//! release binary on simulated hosts, from the first plan to the end. `cargo bench --bench bridge`

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../fixture/mod.rs"]
mod fixture;
#[path = "../report/mod.rs"]
mod report;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use report::{Report, median};

const SIZES: [usize; 2] = [1_000, 5_000];
/// What all of them may cost, times what `none` costs.
const RATIO: f64 = 1.5;
/// Clock and memory of a plan without changes at the larger size.
const PLAN: (Duration, f64) = (Duration::from_millis(1_500), 0.4);
/// Runs of what changes nothing; the median counts.
const RUNS: usize = 5;

/// A command, how often it is run, and whether what it says shows that it did what it is measured for.
const COMMANDS: [(&str, &[&str], usize, &str); 5] = [
    ("first plan", &["plan"], RUNS, "to add, 0 to change"),
    ("apply", &["apply", "--auto-approve"], 1, "Apply complete!"),
    ("plan, no changes", &["plan"], RUNS, "No changes."),
    ("drift", &["drift"], RUNS, "No drift"),
    ("destroy", &["destroy", "--auto-approve"], 1, "Destroy complete!"),
];

/// What a command took.
#[derive(Clone, Copy, Debug)]
struct Took {
    clock: Duration,
    /// On all processors, in seconds.
    processor: f64,
    memory_mib: f64,
}

fn main() -> ExitCode {
    let mut report = Report::begin("network plugin bridge beside none: the release binary, simulated hosts");
    println!("hosts  plugin  command                 clock   processor     memory");
    for hosts in SIZES {
        let [none, bridge] = ["none", "bridge"].map(|plugin| life(hosts, plugin));
        for (((name, ..), none), bridge) in COMMANDS.iter().zip(&none).zip(&bridge) {
            for (what, none, bridge) in
                [("processor", none.processor, bridge.processor), ("memory", none.memory_mib, bridge.memory_mib)]
            {
                let ratio = bridge / none;
                let what = format!("{hosts} hosts, {name}, {what} to that of none");
                report.bar(&what, format!("{ratio:.2}"), format!("{RATIO:.2}"), ratio <= RATIO);
            }
        }
        if hosts == SIZES[1] {
            for (plugin, plan) in [("none", none[2]), ("bridge", bridge[2])] {
                let (clock, gib) = (plan.clock.as_secs_f64(), plan.memory_mib / 1024.0);
                let what = format!("{hosts} hosts, {plugin}, a whole plan without changes");
                let holds = plan.clock <= PLAN.0 && gib <= PLAN.1;
                report.bar(&what, format!("{clock:.2} s, {gib:.2} GiB"), "1.5 s, 0.40 GiB", holds);
            }
        }
        println!();
    }
    report.end()
}

/// All commands, one after the other, on hosts of their own.
fn life(hosts: usize, plugin: &str) -> Vec<Took> {
    // In memory where that is possible: the disk is not the point.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("there is room for a folder");
    let manifest = "network: {plugin: manifest, manifest: {path: net.yml}}";
    let text = fixture::cluster_yaml(hosts);
    assert!(text.contains(manifest));
    let text = text.replace(manifest, &format!("network: {{plugin: {plugin}}}"));
    std::fs::write(folder.path().join("cluster.yaml"), text).expect("there is room for a file");
    let all = COMMANDS.iter().map(|(name, arguments, runs, says)| {
        let runs: Vec<Took> = (0..*runs).map(|_| run(folder.path(), arguments, says)).collect();
        let of = |figure: &dyn Fn(&Took) -> f64| median(&runs.iter().map(figure).collect::<Vec<_>>());
        let clock = Duration::from_secs_f64(of(&|it| it.clock.as_secs_f64()));
        let took = Took { clock, processor: of(&|it| it.processor), memory_mib: of(&|it| it.memory_mib) };
        println!(
            "{hosts:>5}  {plugin:<6}  {name:<18} {:>8.2} s  {:>8.2} s  {:>5.0} MiB",
            took.clock.as_secs_f64(),
            took.processor,
            took.memory_mib
        );
        took
    });
    all.collect()
}

fn run(folder: &Path, arguments: &[&str], says: &str) -> Took {
    let said = folder.join("said");
    let file = std::fs::File::create(&said).expect("there is room for a file");
    let (before, began) = (children(), Instant::now());
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null()).stdout(file);
    let mut child = command.stderr(Stdio::null()).spawn().expect("it runs");
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0.0_f64;
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("it is our child") {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak_kib = line.split_whitespace().next().and_then(|it| it.parse().ok()).unwrap_or(0.0_f64).max(peak_kib);
        std::thread::sleep(Duration::from_millis(2));
    };
    let clock = began.elapsed();
    let text = std::fs::read_to_string(&said).unwrap_or_default();
    assert!(ended.success() && text.contains(says), "{arguments:?}: {ended}, {}", text.lines().last().unwrap_or(""));
    Took { clock, processor: children() - before, memory_mib: peak_kib / 1024.0 }
}

/// Processor time of all children that have ended, in seconds; Linux counts it in hundredths.
fn children() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect::<Vec<_>>()).unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}
