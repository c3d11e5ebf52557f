//! Wall time and processor time of what is run.

use std::fs::{File, read_to_string};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Result;

/// The kernel counts processor time in hundredths of a second for whoever asks (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// One run.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) wall: Duration,
    /// Of all processes that were waited for, on this side.
    pub(crate) cpu: Duration,
}

/// Runs one command, whose exit code must be 0 and whose output must please `check`.
pub(crate) fn child(command: &mut Command, check: impl FnOnce(&str) -> Result<()>) -> Result<Sample> {
    let (cpu, start) = (children_cpu()?, Instant::now());
    let output = command.stdin(Stdio::null()).output()?;
    let sample = Sample { wall: start.elapsed(), cpu: children_cpu()?.saturating_sub(cpu) };
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(format!("{} ({}):\n{text}{errors}", command.get_program().display(), output.status).into());
    }
    let said = format!("{text}{errors}");
    check(&said).map_err(|error| format!("{error}:\n{said}"))?;
    Ok(sample)
}

/// Runs all commands at once, each one with a file (or nothing) on its standard input; all must end with 0.
pub(crate) fn at_once(commands: Vec<(Command, Option<File>)>) -> Result<Sample> {
    let (cpu, start) = (children_cpu()?, Instant::now());
    let mut started: Vec<Child> = Vec::new();
    for (mut command, input) in commands {
        let input = input.map_or_else(Stdio::null, Stdio::from);
        started.push(command.stdin(input).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    }
    let mut failed = 0;
    for mut child in started {
        failed += usize::from(!child.wait()?.success());
    }
    let sample = Sample { wall: start.elapsed(), cpu: children_cpu()?.saturating_sub(cpu) };
    if failed > 0 { Err(format!("{failed} connections failed").into()) } else { Ok(sample) }
}

/// Processor time of this process's children so far, their own children included.
fn children_cpu() -> Result<Duration> {
    let text = read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(')').ok_or("/proc/self/stat is odd")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // cutime and cstime are fields 16 and 17; the third is the first after the name.
    let ticks = |at: usize| -> Result<u32> { Ok(fields.get(at - 3).ok_or("/proc/self/stat is short")?.parse()?) };
    Ok(TICK * (ticks(16)? + ticks(17)?))
}
