//! `mainstay plan`

use std::path::Path;

use super::error::{CliError, Exit};
use super::present::{Format, Origin, present};
use super::survey::{Planning, guarded, recorded, survey, survey_destroy};
use super::ui::Ui;
use super::workspace::Workspace;

/// Shows what apply would do. Nothing is written, on no host and nowhere else.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay plan
  mainstay plan --detailed-exitcode      # exit 2 when changes are pending, for CI
  mainstay plan --destroy
  mainstay plan --format markdown > comment.md
  mainstay plan --simulate               # rehearse a real file on simulated hosts")]
pub(super) struct Args {
    /// Exit with 2 when changes are pending
    #[arg(long)]
    detailed_exitcode: bool,
    /// Show what destroy would do
    #[arg(long)]
    destroy: bool,
    /// The form of the plan
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    planning: Planning,
}

pub(super) async fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let workspace = Workspace::open(file, args.planning.simulate, ui)?;
    let state = workspace.state()?;
    let planned = if args.destroy {
        let reaches = recorded(&state, Some(&workspace))?;
        survey_destroy(
            &state,
            &workspace.state_path,
            reaches,
            &guarded(&workspace),
            args.planning.parallelism,
            false,
            ui,
        )
        .await?
    } else {
        survey(&workspace, &state, args.planning, ui).await?
    };
    let origin = Origin::of(&planned.plan, Some(&workspace));
    present(&planned.plan, &origin, args.format, args.planning.full, ui)?;
    planned.fleet.close().await;
    let counts = planned.plan.counts();
    Ok(match planned.plan.is_empty() {
        _ if counts.problems > 0 => Exit::Failed,
        false if args.detailed_exitcode => Exit::Changes,
        _ => Exit::Done,
    })
}
