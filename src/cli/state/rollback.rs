//! `mainstay state rollback`

use super::super::error::{CliError, Exit};
use super::super::ui::Ui;
use super::super::which::Target;
use super::surgery::{Manner, Operation, Writing, records, replaced};
use crate::state::{self, Found};

/// Roll back to an earlier state version, even if the current state is damaged or missing
///
/// The restored version gets a new serial, so nothing is lost and a rollback can be rolled back. Hosts are not
/// changed; the next plan shows how they differ from the state.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay state history
  mainstay state rollback 12 --dry-run
  mainstay state rollback 12")]
pub(super) struct Args {
    /// Serial of the version, as listed by `mainstay state history`
    serial: u64,
    /// Skip the confirmation
    #[arg(long)]
    auto_approve: bool,
    #[command(flatten)]
    writing: Writing,
}

pub(super) fn run(args: &Args, target: &Target, ui: Ui) -> Result<Exit, CliError> {
    let manner = Manner::take(target, "rollback", args.writing, !args.auto_approve, ui)?;
    let found = Found::at(&target.location.state)?;
    let (wanted, entries) = state::earlier(&target.location.state, args.serial, &found)?;
    target.check(&wanted)?;
    let mut warnings = Vec::new();
    if let Some(now) = found.state() {
        if now == wanted {
            ui.say(&format!("Nothing to do: the state is already at serial {}.", now.serial));
            return Ok(Exit::Done);
        }
        if now.lineage != wanted.lineage {
            warnings.push(format!("serial {} has a different lineage, {}", args.serial, wanted.lineage));
        }
    }
    let count = records(wanted.resources.len());
    let journal = match entries {
        0 => String::new(),
        n => format!(" and the {n} entries of the journal"),
    };
    let now = replaced(&found);
    let headline = format!("{}: serial {} with {count}{journal} replaces {now}", wanted.cluster, args.serial);
    Operation { name: "rollback", target, found, wanted, headline, moved: Vec::new(), warnings }.carry_out(manner, ui)
}
