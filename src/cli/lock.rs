//! `mainstay lock`

use std::path::Path;

use serde_json::json;

use super::approve::approve;
use super::error::{CliError, Exit};
use super::ui::Ui;
use super::which::Which;
use crate::state::{self, Held, Holder};

/// Shows or breaks the lock on the state
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Shows who holds the lock, and whether that one lives
    #[command(after_help = "Examples:
  mainstay lock show
  mainstay --json lock show
  mainstay lock show --state state/prod.json")]
    Show,
    /// Breaks the lock of a holder that is gone for good
    #[command(after_help = "Example:
  mainstay lock break 5f3a09c1
Breaking the lock of a run that still goes on stops that run before its next act.
A lock whose holder has died on this machine expires by itself, and so does one of another machine
that was not heard of for a minute.")]
    Break {
        /// The lock's id, as `mainstay lock show` prints it
        id: String,
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
}

/// Whether the holder lives, in words for people and for machines.
fn life(held: Held) -> (&'static str, &'static str) {
    match held {
        Held::Alive => ("it lives", "alive"),
        Held::Elsewhere => ("it works on another machine and was heard of within a minute", "elsewhere"),
        Held::Gone => ("it is gone; the next run takes the lock over", "gone"),
    }
}

fn as_json(holder: &Holder, held: Held) -> Result<String, CliError> {
    let mut value = serde_json::to_value(holder).map_err(|error| CliError::failed(error.to_string()))?;
    value["held"] = json!(life(held).1);
    Ok(value.to_string())
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let path = args.which.find(file, ui)?.path;
    match &args.command {
        Command::Show => {
            let Some((holder, held)) = state::show(&path)? else {
                ui.data(if ui.json { "null" } else { "Nobody holds the lock." })?;
                return Ok(Exit::Done);
            };
            if ui.json {
                ui.data(&as_json(&holder, held)?)?;
                return Ok(Exit::Done);
            }
            ui.data(&format!(
                "Lock {}\n  mainstay {} by {} on {} (process {})\n  since {}, renewed {}: {}",
                holder.id,
                holder.operation,
                holder.owner,
                holder.host,
                holder.pid,
                holder.created,
                holder.renewed,
                life(held).0,
            ))?;
        }
        Command::Break { id, force } => {
            let (holder, held) = state::held_as(&path, id)?;
            let question = format!("{holder}: {}.\nBreak its lock? Only `yes` breaks it:", life(held).0);
            if !force && !approve(ui, &question, "yes", "--force")? {
                return Err(CliError::failed("the lock was left alone"));
            }
            state::break_lock(&path, id)?;
            ui.say("The lock is broken. A run that still goes on stops before its next act.");
        }
    }
    Ok(Exit::Done)
}
