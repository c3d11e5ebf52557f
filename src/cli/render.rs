//! `mainstay render`

use std::fmt::Write;
use std::path::Path;

use super::error::{CliError, Exit};
use super::ui::Ui;
use super::workspace::Workspace;
use crate::resource::HostName;

/// Render the files that would be written; hosts are not contacted
///
/// Values that only the host knows, such as its network interface, are shown as placeholders unless cluster.yaml sets
/// them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay render
  mainstay render cp1")]
pub(super) struct Args {
    /// Hosts; all of them by default
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let workspace = Workspace::open(file, false, ui)?;
    let cluster = workspace.cluster();
    if let Some(unknown) = args.hosts.iter().find(|host| cluster.host(host).is_none()) {
        return Err(CliError::no_host(unknown, cluster.hosts.iter().map(|host| host.name.as_str())));
    }
    let state = workspace.state()?;
    let graph = workspace.wishes(&state)?.graph()?;
    let wanted = |host: &HostName| args.hosts.is_empty() || args.hosts.iter().any(|it| it == host.as_str());
    let mut files = Vec::new();
    for declared in graph.items().iter().filter(|declared| wanted(declared.address.host())) {
        for (path, content) in declared.resource.files() {
            files.push((declared.address.host().clone(), path, content));
        }
    }
    files.sort();
    if ui.json {
        let list: Vec<_> = files
            .iter()
            .map(|(host, path, content)| serde_json::json!({ "host": host, "path": path, "content": content }))
            .collect();
        ui.data(&serde_json::Value::from(list).to_string())?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for (host, path, content) in files {
        let _ = write!(text, "# {host}:{path}\n{content}");
        text.push_str(if content.ends_with('\n') { "\n" } else { "\n\n" });
    }
    ui.data(&text)?;
    Ok(Exit::Done)
}
