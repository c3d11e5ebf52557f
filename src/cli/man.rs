//! `mainstay man`

use std::path::PathBuf;

use clap::CommandFactory;

use super::error::{CliError, Exit};
use super::ui::Ui;

/// Print the manual page of a command, or write all of them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay man | man -l -
  mainstay man state rollback > mainstay-state-rollback.1
  mainstay man --dir .                   # mainstay.1, mainstay-plan.1, and so on")]
pub(super) struct Args {
    /// Command name; by default mainstay itself
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write a page for each command into this directory
    #[arg(long, conflicts_with = "command")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, ui: Ui) -> Result<Exit, CliError> {
    if ui.json {
        return Err(CliError::wrong("`man` does not support --json").hint("remove --json"));
    }
    let mut all = super::Cli::command();
    if let Some(dir) = &args.dir {
        let failed = |error: std::io::Error| CliError::failed(format!("cannot write to {}: {error}", dir.display()));
        clap_mangen::generate_to(all, dir).map_err(failed)?;
        return Ok(Exit::Done);
    }
    all.build();
    let mut command = &all;
    for name in &args.command {
        let unknown =
            || CliError::wrong(format!("unknown command `{name}`")).hint("to list the commands, run `mainstay --help`");
        command = command.find_subcommand(name).ok_or_else(unknown)?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(|error| CliError::failed(error.to_string()))?;
    ui.data(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Done)
}
