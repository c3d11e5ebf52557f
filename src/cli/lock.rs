//! `mainstay lock`

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::approve::approve;
use super::error::{CliError, Exit};
use super::ui::Ui;
use super::which::Which;
use crate::state::{self, Held, Holder};

/// Show or break the lock on the state
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show who holds the lock and whether that process is alive
    ///
    /// Clocks of machines can differ. A lease of another machine that appears expired is therefore watched for a
    /// renewal, for up to 15 s.
    #[command(after_help = "Examples:
  mainstay lock show
  mainstay --json lock show
  mainstay lock show --state state/prod.json")]
    Show,
    /// Release a lock whose holder is gone
    #[command(after_help = "Example:
  mainstay lock break 5f3a09c1
If the run is still active, it stops before its next change.
The next run takes over by itself when the holder was a process of this machine and is gone, or when
another machine has not renewed its lease for a minute.")]
    Break {
        /// The lock's id, as `mainstay lock show` prints it
        id: String,
        /// Skip the confirmation
        #[arg(long)]
        force: bool,
    },
}

/// Whether the holder is alive, in words for people and for machines.
fn life(held: Held) -> (&'static str, &'static str) {
    match held {
        Held::Alive => ("the process is running", "alive"),
        Held::Elsewhere => ("the process is running on another machine", "elsewhere"),
        Held::Silent => (
            "the lease was not renewed while it was watched; if that continues, the next run takes over the lock",
            "silent",
        ),
        Held::Gone => ("the process is gone; the next run takes over the lock", "gone"),
    }
}

fn as_json(holder: &Holder, held: Held) -> Result<String, CliError> {
    let mut value = serde_json::to_value(holder).map_err(|error| CliError::failed(error.to_string()))?;
    value["held"] = json!(life(held).1);
    Ok(value.to_string())
}

pub(super) fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let place = args.which.find(file, ui)?.location.state;
    let watching = |time: Duration| {
        let seconds = time.as_secs();
        ui.say(&format!("The lease appears expired by its holder's clock. Waiting up to {seconds} s for a renewal."));
    };
    match &args.command {
        Command::Show => {
            let Some((holder, held)) = state::show(&place, watching)? else {
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
            if !force {
                ui.may_ask("--force is required")?;
                let (holder, held) = state::held_as(&place, id, watching)?;
                let question = format!("{holder}: {}.\nBreak this lock? Only `yes` is accepted:", life(held).0);
                if !approve(ui, &question, "yes", "--force")? {
                    return Err(CliError::failed("Cancelled. The lock was not broken."));
                }
            }
            state::break_lock(&place, id)?;
            ui.say("The lock is released. If its run is still active, it stops before its next change.");
        }
    }
    Ok(Exit::Done)
}
