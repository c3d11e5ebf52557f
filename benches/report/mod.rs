//! What every bench prints around its figures: the machine, medians, and the bar beside each figure.

#![allow(dead_code, reason = "not every bench needs all of it")]

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// Figures and their bars, printed as they come.
#[derive(Debug, Default)]
pub(crate) struct Report {
    missed: Vec<String>,
}

impl Report {
    /// Begins with the machine and how busy it is: others' work is in every figure.
    pub(crate) fn begin(title: &str) -> Self {
        println!("{title}\n{}\n", machine());
        Self::default()
    }

    /// A figure, and whether it holds.
    pub(crate) fn bar(&mut self, what: &str, figure: impl Display, bar: impl Display, holds: bool) {
        println!("{:<7} {what}: {figure} (bar {bar})", if holds { "ok" } else { "MISSED" });
        if !holds {
            self.missed.push(what.to_owned());
        }
    }

    /// What could not be measured, and why.
    pub(crate) fn skipped(&self, what: &str, why: impl Display) {
        println!("SKIPPED {what}: {why}");
    }

    /// Fails when a bar was missed.
    pub(crate) fn end(self) -> ExitCode {
        println!("\nload average {}", load());
        if self.missed.is_empty() {
            return ExitCode::SUCCESS;
        }
        println!("missed: {}", self.missed.join("; "));
        ExitCode::FAILURE
    }
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// The load average of the last minute.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// What a command says, which must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} ({}):\n{text}{errors}", command.get_program().display(), output.status).into())
}

/// Processor, memory, kernel, date, commit and load.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let (kernel, date) = (said("uname", &["-sr"]), said("date", &["-u", "+%F %H:%M UTC"]));
    let commit = said("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]);
    format!("{model}, {cores} cores, {memory}, {kernel}; {date}; mainstay {commit}; load average {}", load())
}

/// How long something took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Took {
    /// Time of this thread on a processor: what the clock would say on a machine that nobody else uses.
    pub(crate) processor: Duration,
    /// By the clock.
    pub(crate) clock: Duration,
}

/// Runs something and measures it. What it yields is dropped outside.
pub(crate) fn measured<T>(run: impl FnOnce() -> T) -> (T, Took) {
    let (on, at) = (processor_time(), Instant::now());
    let value = run();
    let clock = at.elapsed();
    let processor = match (on, processor_time()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => clock,
    };
    (value, Took { processor, clock })
}

/// Time that this process's first thread has spent on a processor.
fn processor_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// The middle one; of an even number, the lower one in the middle.
pub(crate) fn median<T: PartialOrd + Copy>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| a.partial_cmp(b).expect("figures are comparable"));
    sorted[(sorted.len() - 1) / 2]
}

/// The most memory that this process has had so far, in KiB.
pub(crate) fn peak_memory() -> u64 {
    let text = field("/proc/self/status", "VmHWM").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Milliseconds with one digit.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
