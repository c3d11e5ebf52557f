//! `mainstay validate`

use std::path::{Path, PathBuf};

use serde_json::json;

use super::error::{CliError, Exit};
use super::next_command::NextCommand;
use super::ui::Ui;
use super::workspace::{Workspace, read};
use crate::config::{self, Diagnostic, Severity};

/// Checks cluster.yaml without network and state; tells every fault at once
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay validate
  mainstay validate prod/cluster.yaml lab/cluster.yaml
  mainstay --json -f prod/cluster.yaml validate

Exit codes: 0 the file is good, 5 it has faults.")]
pub(super) struct Args {
    /// The files, instead of --file; a pre-commit hook hands them over like this
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
    if ui.json {
        return as_json(file, ui);
    }
    let workspace = Workspace::open(file, false, ui)?;
    let cluster = workspace.cluster();
    let (control_planes, workers) = (cluster.control_planes().count(), cluster.workers().count());
    ui.data(&format!(
        "{} is good: cluster {}, Kubernetes {}, {control_planes} control planes, {workers} workers, endpoint {}.",
        file.display(),
        cluster.name,
        cluster.kubernetes.version,
        cluster.endpoint,
    ))?;
    Ok(Exit::Done)
}

/// Terraform's shape, and which file it is about: `valid`, counts, `diagnostics`.
fn as_json(file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let name = file.display().to_string();
    let diagnostics = match read(file) {
        Ok(bytes) => {
            let base = file.parent().unwrap_or_else(|| Path::new(""));
            match config::load_bytes(&bytes, &name, base) {
                Ok(loaded) => loaded.warnings,
                Err(errors) => errors.diagnostics,
            }
        }
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

/// That a file cannot be read, as a fault of it.
fn unreadable(error: CliError) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        message: error.message,
        primary: None,
        labels: Vec::new(),
        help: error.hints,
        secret: false,
    }
}
