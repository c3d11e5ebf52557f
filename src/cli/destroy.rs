//! `mainstay destroy`

use std::path::{Path, PathBuf};

use super::apply::Locking;
use super::approve::approve;
use super::carry_out::{Limits, carry_out, stop_when_refused};
use super::error::{CliError, Exit};
use super::location::Location;
use super::next_command::NextCommand;
use super::present::{Format, Origin, present};
use super::selecting::Part;
use super::stream::JsonInto;
use super::survey::{PARALLELISM, at_least_one, survey_destroy};
use super::ui::Ui;
use super::workspace::Workspace;
use crate::flow::{self, Destroying};
use crate::state::{self, Store};

/// Remove everything mainstay applied and restore what was there before
///
/// Resources are destroyed in reverse order. The command needs only the state; cluster.yaml may be missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay destroy
  mainstay destroy --auto-approve --forget-unreachable
  mainstay destroy --target w2                # w2 and everything that depends on it
  mainstay destroy --state state/prod.json    # cluster.yaml is gone")]
pub(super) struct Args {
    /// Skip the confirmation
    #[arg(long)]
    auto_approve: bool,
    /// Remove unreachable hosts from the state without cleaning them up
    #[arg(long)]
    forget_unreachable: bool,
    /// State file to use when there is no cluster.yaml
    #[arg(long, value_name = "FILE", conflicts_with = "simulate")]
    state: Option<PathBuf>,
    /// Stop starting new work after the first failure
    #[arg(long)]
    fail_fast: bool,
    /// Maximum number of hosts to work on concurrently
    #[arg(long, value_name = "N", default_value_t = PARALLELISM, value_parser = at_least_one)]
    parallelism: usize,
    /// Destroy what a simulated run made
    #[arg(long)]
    simulate: bool,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    locking: Locking,
    #[command(flatten)]
    pub(super) events: JsonInto,
}

pub(super) async fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    if ui.json && !args.auto_approve {
        return Err(CliError::wrong("--json requires --auto-approve (there is no prompt)"));
    }
    let workspace = match &args.state {
        Some(_) => None,
        None => Some(Workspace::open(file, args.simulate, ui).map_err(|error| {
            if file.exists() {
                error
            } else {
                error.hint("if there is no cluster.yaml, run `mainstay destroy --state FILE`")
            }
        })?),
    };
    let location = match (&args.state, &workspace) {
        (None, Some(workspace)) => workspace.location.clone(),
        (state, _) => Location::of_file(state.as_deref().unwrap_or(Path::new(""))),
    };
    let name = match &workspace {
        Some(workspace) => workspace.cluster().name.clone(),
        None => location.recorded()?.cluster,
    };
    let lease = state::acquire(&location.state, "destroy", args.locking.lock_timeout)?;
    let store = Store::open(&location.state, &name)?;
    let state = store.snapshot();
    let reaches = match &workspace {
        Some(workspace) => workspace.reaches(&state)?,
        None => flow::recorded_reaches(&state)?,
    };
    let guarded = workspace.as_ref().map(|it| flow::guarded(it.cluster())).unwrap_or_default();
    let destroying = Destroying {
        guarded: &guarded,
        selection: &args.part.with(&[]),
        parallelism: args.parallelism,
        forget_unreachable: args.forget_unreachable,
    };
    let planned = survey_destroy(&state, &location.hosts, reaches, &destroying, ui).await?;
    let origin = Origin::of(&planned.plan, workspace.as_ref());
    present(&planned.plan, &origin, Format::Text, false, ui)?;
    stop_when_refused(&planned.plan)?;
    if planned.plan.changes.is_empty() {
        return Ok(Exit::Done);
    }
    let what = if planned.plan.left_out == 0 { "it" } else { "this part" };
    let question = format!("\nThis cannot be undone. Type the cluster name ({}) to destroy {what}:", state.cluster);
    if !args.auto_approve && !approve(ui, &question, &state.cluster, "--auto-approve")? {
        return Err(CliError::failed("Destroy cancelled. Nothing was changed."));
    }
    let next = NextCommand::about(file, args.simulate).of_state(args.state.as_deref()).part(destroying.selection);
    let limits = Limits { parallelism: args.parallelism, fail_fast: args.fail_fast };
    carry_out(planned, store, lease, limits, &next, ui).await
}
