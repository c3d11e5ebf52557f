//! What every command pays for: the start of the program, reading a large cluster.yaml, and the size of the binary.
//! `cargo bench --bench start`

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "../fixture/mod.rs"]
mod fixture;
#[path = "../report/mod.rs"]
mod report;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use report::{Report, median, ms};

const RUNS: usize = 31;
const VERSION: Duration = Duration::from_millis(10);
const HOSTS: usize = 5_000;
const VALIDATE: Duration = Duration::from_millis(300);

fn main() -> ExitCode {
    let mut report = Report::begin("start-up: the release binary, by the clock");
    let program = Path::new(env!("CARGO_BIN_EXE_mainstay"));
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("cluster.yaml");
    std::fs::write(&file, fixture::cluster_yaml(HOSTS)).expect("there is room for a file");
    let floor = time(Path::new("/bin/true"), &[]);
    println!("        starting /bin/true: {}", ms(floor));
    let version = time(program, &["--version"]);
    report.bar("mainstay --version", ms(version), ms(VERSION), version <= VERSION);
    let validate = time(program, &["-f", file.to_str().expect("a plain path"), "validate"]);
    report.bar(&format!("validate, {HOSTS} hosts"), ms(validate), ms(VALIDATE), validate <= VALIDATE);
    let size = std::fs::metadata(program).expect("cargo built it").len();
    println!("        binary, stripped: {:.1} MB", f64::from(u32::try_from(size).unwrap_or(u32::MAX)) / 1e6);
    report.end()
}

/// The median of some runs from start to end.
fn time(program: &Path, arguments: &[&str]) -> Duration {
    let run = || {
        let began = Instant::now();
        let status = Command::new(program).args(arguments).stdout(Stdio::null()).status().expect("it runs");
        assert!(status.success(), "{} ended with {status}", program.display());
        began.elapsed()
    };
    let runs: Vec<Duration> = (0..RUNS).map(|_| run()).collect();
    median(&runs)
}
