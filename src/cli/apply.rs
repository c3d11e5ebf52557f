//! `mainstay apply`

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::approve::approve;
use super::carry_out::{Limits, carry_out, lift, stop_when_refused};
use super::error::{CliError, Exit};
use super::next_command::NextCommand;
use super::present::{Format, Origin, present};
use super::saved;
use super::stream::JsonInto;
use super::survey::{Planning, survey};
use super::ui::Ui;
use super::workspace::Workspace;
use crate::flow;
use crate::state::{self, Store};

/// Apply cluster.yaml (or a saved plan) to the hosts, after confirmation
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay apply
  mainstay apply --auto-approve --json   # in a pipeline
  mainstay apply prod.plan               # the plan saved by `mainstay plan --out prod.plan`
  mainstay apply prod.plan --accept-drift 'w*/host'
  mainstay apply --target w1             # partial: w1 and its dependencies
  mainstay apply --refresh-only          # update the state only; no host is changed
The next apply resumes an interrupted or failed one.
With FILE, apply carries out only what was reviewed: it plans again and refuses when
cluster.yaml, the state or the hosts have changed since.")]
pub(super) struct Args {
    /// A plan saved by `mainstay plan --out`; applied without confirmation
    #[arg(value_name = "FILE")]
    plan: Option<PathBuf>,
    /// With FILE: proceed even if matching resources changed since the plan was saved; changes that were not
    /// reviewed are skipped; repeatable
    #[arg(long, value_name = "PAT", requires = "plan")]
    accept_drift: Vec<String>,
    /// Skip the confirmation
    #[arg(long)]
    auto_approve: bool,
    /// Stop starting new work after the first failure
    #[arg(long)]
    fail_fast: bool,
    #[command(flatten)]
    locking: Locking,
    #[command(flatten)]
    planning: Planning,
    #[command(flatten)]
    pub(super) events: JsonInto,
}

/// Options of commands that write the state.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Locking {
    /// How long to wait for the state lock, for example 30s or 5m
    #[arg(long, value_name = "D", default_value = "0s", value_parser = humantime::parse_duration)]
    pub(super) lock_timeout: Duration,
}

pub(super) async fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    if let Some(plan) = &args.plan {
        if !args.planning.given().is_empty() {
            return Err(saved::not_beside(plan, &args.planning));
        }
        let (accept, parallelism) = (&args.accept_drift, args.planning.parallelism);
        return saved::apply(plan, accept, parallelism, args.fail_fast, args.locking, file, ui).await;
    }
    if ui.json && !args.auto_approve {
        return Err(CliError::wrong("--json requires --auto-approve (there is no prompt)"));
    }
    let workspace = Workspace::open(file, args.planning.simulate, ui)?;
    let name = workspace.cluster().name.clone();
    let lease = state::acquire(&workspace.location.state, "apply", args.locking.lock_timeout)?;
    let store = Store::open(&workspace.location.state, &name)?;
    let planned = survey(args.planning.mode(), &workspace, &store.snapshot(), &args.planning, ui).await?;
    let origin = Origin::of(&planned.plan, Some(&workspace));
    present(&planned.plan, &origin, Format::Text, args.planning.full, ui)?;
    let next = NextCommand::about(file, args.planning.simulate).part(&args.planning.options().selection);
    if let Err(refused) = stop_when_refused(&planned.plan) {
        planned.fleet.close().await;
        return Err(lift(refused, &planned, &store, lease, &next));
    }
    if planned.plan.is_empty() {
        planned.fleet.close().await;
        flow::refresh(&planned, &store, lease)?;
        return Ok(Exit::Done);
    }
    if !args.auto_approve && !approve(ui, "\nApply these changes? Only `yes` is accepted:", "yes", "--auto-approve")? {
        return Err(CliError::failed("Apply cancelled. Nothing was changed."));
    }
    let limits = Limits { parallelism: args.planning.parallelism, fail_fast: args.fail_fast };
    carry_out(planned, store, lease, limits, &next, ui).await
}
