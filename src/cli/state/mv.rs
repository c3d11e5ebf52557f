//! `mainstay state mv`

use super::super::error::{CliError, Exit};
use super::super::next_command::quoted;
use super::super::ui::Ui;
use super::super::which::Target;
use super::surgery::{Manner, Operation, Writing, not_recorded, records, whole};
use crate::hint::Hint;
use crate::state::{self, EditError};

/// Move resources to a new address in the state, for example after a host was renamed
///
/// A host keeps its connection settings, unless the new name already has some. Kind and key cannot change, because
/// they identify the object on the host.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay state mv w2 worker-2 --dry-run
  mainstay state mv w2 worker-2                          # the whole host
  mainstay state mv cp1/haproxy cp1/lb                   # a component
  mainstay state mv 'cp1/host/swap' 'cp1/kubernetes/swap'
`lifecycle.moved` in cluster.yaml does the same, and the plan shows it first.")]
pub(super) struct Args {
    /// A host, a component or an address
    from: String,
    /// New host, component or address, of the same type
    to: String,
    #[command(flatten)]
    writing: Writing,
}

pub(super) fn run(args: &Args, target: &Target, ui: Ui) -> Result<Exit, CliError> {
    let manner = Manner::take(target, "mv", args.writing, false, ui)?;
    let (found, before) = whole(target)?;
    let mut wanted = before.clone();
    let moved = state::rename(&mut wanted, &args.from, &args.to).map_err(|error| match &error {
        EditError::Nothing { from } => not_recorded(from, &before),
        EditError::Taken { to } => CliError::failed(error.to_string())
            .hint(Hint::from("remove that entry first: ").run("state rm", &quoted(to.as_str()))),
        EditError::Shape { .. } | EditError::Thing { .. } => CliError::wrong(error.to_string()),
    })?;
    let verb = match moved.len() {
        _ if args.writing.dry_run => "would move to",
        1 => "moves to",
        _ => "move to",
    };
    Operation {
        name: "mv",
        target,
        found,
        wanted,
        headline: format!("{}: {} {verb} a new address", before.cluster, records(moved.len())),
        moved,
        warnings: Vec::new(),
    }
    .carry_out(manner, ui)
}
