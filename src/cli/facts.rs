//! `mainstay facts`

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use super::error::{CliError, Exit};
use super::ui::Ui;
use super::workspace::Workspace;
use crate::engine::Control;
use crate::facts::gather::gather;
use crate::facts::{FactSet, Looks};
use crate::fleet::Look;
use crate::flow;
use crate::render::plain;
use crate::resource::HostName;

/// Show host facts: OS, kernel, CPUs, memory, addresses
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay facts
  mainstay --json facts cp1 cp2")]
pub(super) struct Args {
    /// Hosts; all of them by default
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    /// Show the facts of simulated hosts
    #[arg(long)]
    simulate: bool,
}

pub(super) async fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let workspace = Workspace::open(file, args.simulate, ui)?;
    let state = workspace.state()?;
    let mut reaches = workspace.reaches(&state)?;
    if let Some(unknown) = args.hosts.iter().find(|host| !reaches.contains_key(&HostName::new(host.as_str()))) {
        return Err(CliError::no_host(unknown, reaches.keys().map(HostName::as_str)));
    }
    reaches.retain(|host, _| args.hosts.is_empty() || args.hosts.iter().any(|it| it == host.as_str()));
    let looks = Looks { by_host: reaches.keys().map(|host| (host.clone(), Vec::new())).collect(), ..Looks::default() };
    let fleet = Arc::new(flow::open_fleet(&reaches, &workspace.location.hosts)?);
    let ask = |host: HostName, wanted: Vec<Look>| {
        let fleet = Arc::clone(&fleet);
        async move { fleet.look(&host, &wanted).await }
    };
    let seen = gather(looks, &[], Control::PARALLELISM, ask, |_, _| {}).await;
    fleet.close().await;
    let text = if ui.json { as_json(&seen)? } else { as_table(&seen) };
    ui.data(&text)?;
    Ok(if seen.unreached.is_empty() { Exit::Done } else { Exit::Failed })
}

fn as_json(seen: &FactSet) -> Result<String, CliError> {
    let mut all = BTreeMap::new();
    for (host, facts) in &seen.hosts {
        all.insert(host, serde_json::to_value(facts).map_err(|error| CliError::failed(error.to_string()))?);
    }
    for (host, reason) in &seen.unreached {
        all.insert(host, serde_json::json!({ "error": reason }));
    }
    serde_json::to_string(&all).map_err(|error| CliError::failed(error.to_string()))
}

fn as_table(seen: &FactSet) -> String {
    let mut rows = vec![["HOST", "SYSTEM", "KERNEL", "CPUS", "MEMORY", "ADDRESSES"].map(str::to_owned)];
    for (host, facts) in &seen.hosts {
        let own = facts.interfaces.iter().filter(|it| !it.address.is_loopback());
        let row = [
            host.to_string(),
            format!("{} {}", facts.os, facts.os_version),
            facts.kernel.clone(),
            facts.cpus.to_string(),
            format!("{} MiB", facts.memory_kib / 1024),
            own.map(|it| format!("{}/{} {}", it.address, it.prefix, it.name)).collect::<Vec<_>>().join(", "),
        ];
        rows.push(row.map(|cell| plain(&cell)));
    }
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    for (host, reason) in &seen.unreached {
        let _ = writeln!(text, "{host}  unreachable: {}", plain(reason));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::HostFacts;

    #[test]
    fn what_a_host_says_cannot_drive_the_terminal() {
        let mut seen = FactSet::default();
        let facts = HostFacts { os: "\u{1b}[2J".into(), kernel: "\u{7}".into(), ..HostFacts::default() };
        seen.hosts.insert(HostName::new("w1"), facts);
        seen.unreached.insert(HostName::new("w2"), "\u{9b}1A\nw1  good".into());
        let table = as_table(&seen);
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(!table.contains(|c: char| c.is_control() && c != '\n'), "{table:?}");
    }
}
