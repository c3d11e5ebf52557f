//! `mainstay lock`

use std::path::Path;

use super::approve::approve;
use super::error::{CliError, Exit};
use super::ui::Ui;
use super::workspace::Workspace;
use crate::state::{self, Held};

/// Shows or breaks the lock on the state.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Args {
    /// Who holds the lock
    Show,
    /// Break the lock of a holder that is gone for good
    #[command(after_help = "Breaking the lock of a run that still goes on lets two runs write the same state.
A lock whose holder has died on this machine expires by itself.")]
    Break {
        /// The lock's id, as `mainstay lock show` prints it.
        id: String,
        /// Do not ask.
        #[arg(long)]
        force: bool,
    },
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let state_path = Workspace::open(file, false, ui)?.state_path;
    match args {
        Args::Show => {
            let Some((holder, held)) = state::show(&state_path)? else {
                ui.data(if ui.json { "null" } else { "Nobody holds the lock." })?;
                return Ok(Exit::Done);
            };
            if ui.json {
                ui.data(&serde_json::to_string(&holder).map_err(|error| CliError::failed(error.to_string()))?)?;
                return Ok(Exit::Done);
            }
            let lives = match held {
                Held::Alive => "it lives",
                Held::Elsewhere => "it works on another machine and was heard of within a minute",
                Held::Gone => "it is gone; the next run takes the lock over",
            };
            ui.data(&format!(
                "Lock {}\n  {} by {} on {} (process {})\n  since {}, renewed {}: {lives}",
                holder.id, holder.operation, holder.owner, holder.host, holder.pid, holder.created, holder.renewed,
            ))?;
        }
        Args::Break { id, force } => {
            if !force && !approve(ui, &format!("Break lock {id}? Only `yes` breaks it:"), "yes", "--force")? {
                return Err(CliError::failed("the lock was left alone"));
            }
            state::break_lock(&state_path, id)?;
            ui.say("The lock is broken.");
        }
    }
    Ok(Exit::Done)
}
