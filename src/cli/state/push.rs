//! `mainstay state push`

use std::path::{Path, PathBuf};

use super::super::error::{CliError, Exit};
use super::super::ui::Ui;
use super::super::which::Target;
use super::surgery::{Manner, Operation, Writing, records, replaced};
use crate::hint::Hint;
use crate::input;
use crate::state::{self, Found, Named, State, StateError};

/// Replace the state with a file written by `state pull`
///
/// A different lineage, a lower serial, and the same serial with different content are refused unless --force is
/// given. A wrong checksum, format or cluster name is always refused. The written state gets a higher serial than all
/// previous ones.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay state push prod.state.json
  mainstay state push - --auto-approve < prod.state.json
  mainstay state push prod.state.json --force --dry-run")]
pub(super) struct Args {
    /// The file; `-` is standard input
    #[arg(value_name = "FILE")]
    source: PathBuf,
    /// Also replace a state that has another lineage or a later serial, or is damaged
    #[arg(long)]
    force: bool,
    /// Skip the confirmation
    #[arg(long)]
    auto_approve: bool,
    #[command(flatten)]
    writing: Writing,
}

pub(super) fn run(args: &Args, target: &Target, ui: Ui) -> Result<Exit, CliError> {
    let pushed = read(&args.source)?;
    let fits = target.cluster.as_ref().is_none_or(|name| *name == pushed.cluster);
    if !fits {
        return Err(other_cluster(args, target, &pushed));
    }
    let manner = Manner::take(target, "push", args.writing, !args.auto_approve, ui)?;
    let found = Found::at(&target.location.state)?;
    if !state::check_push(&target.location.state, &found, &pushed, args.force)? {
        ui.say("Nothing to push: the state is identical.");
        return Ok(Exit::Done);
    }
    let count = records(pushed.resources.len());
    let headline = format!("{}: serial {} with {count} replaces {}", pushed.cluster, pushed.serial, replaced(&found));
    let wanted = pushed;
    let (moved, warnings) = (Vec::new(), Vec::new());
    Operation { name: "push", target, found, wanted, headline, moved, warnings }.carry_out(manner, ui)
}

/// The pushed state belongs to another cluster than cluster.yaml.
fn other_cluster(args: &Args, target: &Target, pushed: &State) -> CliError {
    let source = shown(&args.source);
    let (found, wanted) = (&pushed.cluster, target.cluster.as_deref().unwrap_or_default());
    CliError::failed(format!(
        "{source} is the state of cluster `{found}`, not of cluster `{wanted}`; nothing was pushed"
    ))
    .hint("use the cluster.yaml of that cluster: `mainstay -f OTHER state push FILE`")
}

fn shown(source: &Path) -> String {
    if source == Path::new("-") { "standard input".to_owned() } else { source.display().to_string() }
}

fn read(source: &Path) -> Result<State, CliError> {
    let (name, bytes) = if source == Path::new("-") {
        (Path::new("standard input"), input::read_stream(std::io::stdin().lock(), input::STATE))
    } else {
        (source, input::read(source, input::STATE))
    };
    let bytes = bytes.map_err(|error| CliError::wrong(format!("cannot read {}: {error}", name.display())))?;
    state::from_bytes(&Named::new(&name.display()), &bytes).map_err(|error| match error {
        StateError::Damaged { .. } => {
            let hint = Hint::from("to get a complete state, run ").run("state pull", "> FILE");
            let hint = hint.text("; to see how to edit it, run ").run("state push", "--help");
            CliError::failed(format!("nothing was pushed: {error}")).hint(hint)
        }
        other => other.into(),
    })
}
