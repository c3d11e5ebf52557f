//! `mainstay state`

mod history;
mod list;
mod mv;
mod pull;
mod push;
mod rm;
mod rollback;
mod show;
mod surgery;

pub(super) use list::line;

use std::path::Path;

use super::error::{CliError, Exit};
use super::ui::Ui;
use super::which::Which;

/// Inspect and edit the state; hosts are not contacted
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Rm(rm::Args),
    Mv(mv::Args),
    Pull(pull::Args),
    Push(push::Args),
    History(history::Args),
    Rollback(rollback::Args),
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let target = args.which.find(file, ui)?;
    match &args.command {
        Command::List(args) => list::run(args, &target, ui),
        Command::Show(args) => show::run(args, &target, ui),
        Command::Rm(args) => rm::run(args, &target, ui),
        Command::Mv(args) => mv::run(args, &target, ui),
        Command::Pull(args) => pull::run(args, &target, ui),
        Command::Push(args) => push::run(args, &target, ui),
        Command::History(args) => history::run(args, &target, ui),
        Command::Rollback(args) => rollback::run(args, &target, ui),
    }
}
