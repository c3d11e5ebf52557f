//! How much work a plan is, in instructions. What the clock says of growth depends on the machine, too: what fits into the
//! nearer caches at one size does not at five times as much.

use std::process::Command;

use crate::world::Phase;

/// Instructions a resource of one plan, as valgrind counts them: what a process with two plans needs beyond one with one.
pub(crate) fn each(phase: Phase, hosts: usize, resources: u64) -> Result<f64, String> {
    let [one, two] = [1, 2].map(|runs| count(phase, hosts, runs));
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let [work, resources] = [two?.saturating_sub(one?) as f64, resources as f64];
    Ok(work / resources)
}

fn count(phase: Phase, hosts: usize, runs: usize) -> Result<u64, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(this)
        .args(["--one", phase.name(), &hosts.to_string(), &runs.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split_once("refs:")).map(|(_, count)| count.trim().replace(',', ""));
    let count = count.filter(|_| output.status.success()).and_then(|count| count.parse().ok());
    count.ok_or_else(|| format!("valgrind ({}): {}", output.status, said.lines().last().unwrap_or_default()))
}
