//! `mainstay plan`

use std::path::{Path, PathBuf};

use super::error::{CliError, Exit};
use super::next_command::NextCommand;
use super::present::{Format, Origin, present};
use super::saved;
use super::stream::JsonInto;
use super::survey::{Planning, survey_for};
use super::ui::Ui;
use super::workspace::Workspace;
use crate::plan::{Mode, Plan};
use crate::resource::HostName;

/// Show the changes apply would make; hosts are not modified
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay plan
  mainstay plan --detailed-exitcode      # exit 2 when changes are pending, for CI
  mainstay plan --out prod.plan          # for review; then: mainstay apply prod.plan
  mainstay plan --destroy
  mainstay plan --format markdown > comment.md
  mainstay plan --target w1 --target 'cp*/haproxy'
  mainstay plan --exclude w2             # w2 is down; plan the other hosts
  mainstay plan --replace 'w1/kubernetes/service[kubelet]'
  mainstay plan --refresh-only           # what the state would record; no host is changed
  mainstay plan --format html > report.html
  mainstay plan --simulate               # try a real cluster.yaml on simulated hosts

Symbols: + create  ~ update  - destroy  ± replace  = adopt (already correct, added to the state)
  . forget (removed from the state, left on the host)  x refused")]
pub(super) struct Args {
    /// Exit with 2 when changes are pending
    #[arg(long)]
    detailed_exitcode: bool,
    /// Show the changes destroy would make
    #[arg(long, conflicts_with_all = ["refresh_only", "replace"])]
    destroy: bool,
    /// Save the plan for `mainstay apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    planning: Planning,
    #[command(flatten)]
    pub(super) events: JsonInto,
}

pub(super) async fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let workspace = Workspace::open(file, args.planning.simulate, ui)?;
    let state = workspace.state()?;
    let mode = if args.destroy { Mode::Destroy } else { args.planning.mode() };
    if let Some(out) = &args.out {
        saved::may_write(out)?;
    }
    let planned = survey_for(mode, &workspace, &state, &args.planning, ui).await?;
    let origin = Origin::of(&planned.plan, Some(&workspace));
    // Before it is shown: a reader of the output that leaves early does not lose the file.
    let written = args.out.as_ref().map(|out| saved::save(out, &planned, &workspace, &state, &args.planning, &origin));
    present(&planned.plan, &origin, args.format, args.planning.full, ui)?;
    let down = down(&planned.plan);
    if mode == Mode::Apply && args.format == Format::Text && !ui.json && !down.is_empty() {
        let without: String = down.iter().map(|host| format!(" --exclude {host}")).collect();
        let next = NextCommand::about(file, args.planning.simulate).whole(&format!("plan{without}"));
        ui.say(&format!("To plan without {}: {next}", down.join(", ")));
    }
    planned.fleet.close().await;
    if let (Some(out), Some(written)) = (&args.out, written) {
        written?;
        saved::tell(out, &planned.plan, file, ui);
    }
    let counts = planned.plan.counts();
    let exit = match planned.plan.is_empty() {
        _ if counts.problems > 0 => Exit::Failed,
        false if args.detailed_exitcode => Exit::Changes,
        _ => Exit::Done,
    };
    // The process ends here, which frees the memory faster than value by value.
    std::mem::forget((planned, state));
    Ok(exit)
}

/// The hosts that do not answer, if the rest can be planned without them: all of them are workers only.
fn down(plan: &Plan) -> Vec<&str> {
    let needed = |host: &HostName| {
        let mut own = plan.changes.iter().filter(|change| change.address.host() == host);
        own.any(|change| change.address.is_control_plane() || change.address.is_virtual_ip())
    };
    let down = &plan.coverage.unreached;
    if down.keys().any(needed) { Vec::new() } else { down.keys().map(HostName::as_str).collect() }
}
