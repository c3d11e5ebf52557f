//! Refresh and plan, with events.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::error::CliError;
use super::next_command::quoted;
use super::renamed::refuse_renamed;
use super::selecting::Part;
use super::stream::Looking;
use super::ui::Ui;
use super::workspace::Workspace;
use crate::engine::Control;
use crate::facts::FactSet;
use crate::fleet::{Fleet, FleetError, HostReport, Reach};
use crate::flow::{self, Asked, Destroying, Listener, Survey};
use crate::plan::Mode;
use crate::plan::saved::Options;
use crate::render::{plain, plain_lines, plan_summary};
use crate::resource::HostName;
use crate::state::State;

/// How many hosts are worked on at once unless that is said.
pub(super) const PARALLELISM: usize = Control::PARALLELISM;

/// Reads a number of hosts.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("not a whole number".to_owned()),
    }
}

/// Options of planning.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Planning {
    #[command(flatten)]
    pub(super) part: Part,
    /// Force replacement of this resource (full address); repeatable
    #[arg(long, value_name = "ADDR")]
    pub(super) replace: Vec<String>,
    /// Update the state to match the hosts; no host is changed
    #[arg(long, conflicts_with = "replace")]
    pub(super) refresh_only: bool,
    /// Maximum number of hosts to work on concurrently
    #[arg(long, value_name = "N", default_value_t = PARALLELISM, value_parser = at_least_one)]
    pub(super) parallelism: usize,
    /// Show all changes, ungrouped and untruncated
    #[arg(long)]
    pub(super) full: bool,
    /// Run against simulated hosts only
    #[arg(long)]
    pub(super) simulate: bool,
}

impl Planning {
    /// The planning options.
    pub(super) fn mode(&self) -> Mode {
        if self.refresh_only { Mode::Refresh } else { Mode::Apply }
    }

    /// The options stored in a saved plan, so that applying it plans in the same way.
    pub(super) fn options(&self) -> Options {
        Options { simulate: self.simulate, selection: self.part.with(&self.replace) }
    }

    /// The same options again.
    pub(super) fn of(options: &Options, parallelism: usize) -> Self {
        let Options { simulate, selection } = options;
        let (part, replace) = (Part::of(selection), selection.replace.clone());
        Self { part, replace, refresh_only: false, parallelism, full: false, simulate: *simulate }
    }

    /// The given planning options, as typed; a saved plan contains them.
    pub(super) fn given(&self) -> Vec<String> {
        let mut given = self.part.given();
        given.extend(self.replace.iter().map(|address| format!("--replace {}", quoted(address))));
        let switches = [("--refresh-only", self.refresh_only), ("--full", self.full), ("--simulate", self.simulate)];
        given.extend(switches.into_iter().filter(|it| it.1).map(|it| it.0.to_owned()));
        given
    }
}

/// Refreshes and plans for `plan` and for applying a saved plan.
pub(super) async fn survey_for(
    mode: Mode,
    workspace: &Workspace,
    state: &State,
    planning: &Planning,
    ui: Ui,
) -> Result<Survey, CliError> {
    if mode != Mode::Destroy {
        return survey(mode, workspace, state, planning, ui).await;
    }
    let (hosts, reaches) = (&workspace.location.hosts, workspace.reaches(state)?);
    let destroying = Destroying {
        guarded: &flow::guarded(workspace.cluster()),
        selection: &planning.part.with(&[]),
        parallelism: planning.parallelism,
        forget_unreachable: false,
    };
    survey_destroy(state, hosts, reaches, &destroying, ui).await
}

/// Refreshes and plans to make the hosts match cluster.yaml, or the state match the hosts.
pub(super) async fn survey(
    mode: Mode,
    workspace: &Workspace,
    state: &State,
    planning: &Planning,
    ui: Ui,
) -> Result<Survey, CliError> {
    if state.resources.is_empty() {
        refuse_renamed(workspace)?;
    }
    let asked = Asked {
        mode,
        cluster: workspace.cluster(),
        simulated: workspace.simulate,
        selection: &planning.part.with(&planning.replace),
        parallelism: planning.parallelism,
    };
    let survey = flow::survey(&asked, state, opening(&workspace.location.hosts), &mut Watching::new(ui)).await;
    survey.inspect(log).map_err(|error| workspace.explain(error))
}

/// Refreshes the recorded resources and plans their destruction.
pub(super) async fn survey_destroy(
    state: &State,
    hosts: &Path,
    reaches: BTreeMap<HostName, Reach>,
    destroying: &Destroying<'_>,
    ui: Ui,
) -> Result<Survey, CliError> {
    let (open, mut watching) = (opening(hosts), Watching::new(ui));
    Ok(flow::survey_destroy(destroying, state, reaches, open, &mut watching).await.inspect(log)?)
}

fn log(survey: &Survey) {
    tracing::info!("state serial {}: {}", survey.plan.serial, plan_summary(&survey.plan));
}

fn opening(hosts: &Path) -> impl FnOnce(&BTreeMap<HostName, Reach>) -> Result<Arc<Fleet>, FleetError> {
    move |reaches| flow::open_fleet(reaches, hosts).map(Arc::new)
}

/// Reports the progress of the refresh.
pub(super) struct Watching {
    ui: Ui,
    began: Instant,
    looking: Option<Looking<'static>>,
}

impl Watching {
    pub(super) fn new(ui: Ui) -> Self {
        Self { ui, began: Instant::now(), looking: None }
    }
}

impl Listener for Watching {
    fn begins(&mut self, hosts: &mut dyn Iterator<Item = &HostName>) {
        self.began = Instant::now();
        self.looking = Some(Looking::at(self.ui.stream, hosts));
    }

    fn answered(&mut self, host: &HostName, answer: &Result<HostReport, FleetError>) {
        let answer = answer.as_ref().map(|report| report.seen.len()).map_err(ToString::to_string);
        match &answer {
            Ok(seen) => self.ui.detail(&format!("{host}: {seen} resources checked")),
            Err(error) => self.ui.detail(&plain_lines(error)),
        }
        match &answer {
            Ok(seen) => tracing::debug!("{host}: {seen} resources checked"),
            Err(error) => tracing::warn!("{}", plain(error)),
        }
        if let Some(looking) = &mut self.looking {
            looking.answered(host, answer);
        }
    }

    fn ended(&mut self, facts: &FactSet) {
        if let Some(looking) = self.looking.take() {
            looking.end(facts);
        }
        self.ui.detail(&format!("refreshed in {:.1} s", self.began.elapsed().as_secs_f64()));
    }
}
