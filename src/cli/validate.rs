//! `mainstay validate`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::{CliError, Exit};
use super::next_command::NextCommand;
use super::ui::Ui;
use super::workspace::{Workspace, read, unfit};
use crate::config::{self, Diagnostic, Severity};
use crate::flow;
use crate::input;

/// Validate cluster.yaml offline and report all errors at once
///
/// The manifest in `network.manifest.path` is also checked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay validate
  mainstay validate prod/cluster.yaml lab/cluster.yaml
  mainstay --json -f prod/cluster.yaml validate
  mainstay validate - < cluster.yaml     # paths in it are relative to the current directory

Exit codes: 0 the file is valid, 5 it has errors.")]
pub(super) struct Args {
    /// Files to validate instead of --file; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let (last, others) = args.files.split_last().map_or((file, &[][..]), |(last, others)| (last.as_path(), others));
    let mut worst = Exit::Done;
    for file in others {
        let exit = one(file, ui).unwrap_or_else(|error| {
            let error = error.about(&NextCommand::about(file, false));
            ui.say(&error.text());
            error.exit
        });
        worst = if exit == Exit::Done { worst } else { exit };
    }
    let exit = one(last, ui).map_err(|error| error.about(&NextCommand::about(last, false)))?;
    Ok(if exit == Exit::Done { worst } else { exit })
}

fn one(file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let (bytes, file) = match file.to_str() {
        Some("-") => (standard_input(), Path::new("standard input")),
        _ => (read(file), file),
    };
    if ui.json {
        return as_json(bytes, file, ui);
    }
    let workspace = Workspace::of(bytes?, file, false, ui, true)?;
    let cluster = workspace.cluster();
    flow::check_manifest(cluster).map_err(|error| workspace.explain(error))?;
    let (control_planes, workers) = (cluster.control_planes().count(), cluster.workers().count());
    ui.data(&format!(
        "{} is valid: cluster {}, Kubernetes {}, {}, {}, endpoint {}.",
        file.display(),
        cluster.name,
        cluster.kubernetes.version,
        counted(control_planes, "control plane"),
        counted(workers, "worker"),
        cluster.endpoint,
    ))?;
    Ok(Exit::Done)
}

fn standard_input() -> Result<Vec<u8>, CliError> {
    let read = input::read_stream(std::io::stdin().lock(), config::LARGEST as u64);
    read.map_err(|error| CliError::wrong(format!("cannot read standard input: {error}")))
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Terraform's shape, and which file it is about: `valid`, counts, `diagnostics`.
fn as_json(bytes: Result<Vec<u8>, CliError>, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let name = file.display().to_string();
    let diagnostics = match bytes {
        Ok(bytes) => examined(&bytes, &name, file.parent().unwrap_or_else(|| Path::new(""))),
        Err(error) => vec![unreadable(error.about(&NextCommand::about(file, false)))],
    };
    let errors = diagnostics.iter().filter(|it| it.severity == Severity::Error).count();
    let answer = json!({
        "format_version": "1.0",
        "filename": name,
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": diagnostics.len() - errors,
        "diagnostics": diagnostics,
    });
    ui.data(&answer.to_string())?;
    Ok(if errors == 0 { Exit::Done } else { Exit::Wrong })
}

fn examined(bytes: &[u8], name: &str, base: &Path) -> Vec<Diagnostic> {
    match config::load_bytes(bytes, name, base) {
        Ok(loaded) => {
            let manifest = flow::check_manifest(&loaded.cluster).err().and_then(|error| unfit(&error, bytes));
            loaded.warnings.into_iter().chain(loaded.doubts).chain(manifest).collect()
        }
        Err(errors) => errors.diagnostics,
    }
}

/// An unreadable file, as a diagnostic.
fn unreadable(error: CliError) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        message: error.message,
        primary: None,
        labels: Vec::new(),
        help: error.hints.iter().map(ToString::to_string).collect(),
        secret: false,
    }
}
