//! `mainstay drift`: read-only by construction. What it holds of the hosts can only look, and what it
//! makes of the plan holds no step; a test reads what this file imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tokio::task::JoinSet;

use super::error::{CliError, Exit};
use super::location::Location;
use super::next_command::NextCommand;
use super::stream::JsonInto;
use super::survey::{PARALLELISM, Watching, at_least_one};
use super::ui::Ui;
use super::workspace::Workspace;
use crate::config::Cluster;
use crate::fleet::{Looker, Reach, Sudo, Trail, Transport};
use crate::flow::{self, Question, Wishes};
use crate::hint::Hint;
use crate::plan::{Answer, Drift, Followed, Mode, Plan, Selection, Warning};
use crate::render::{DriftReport, DriftText, Source, drift_events, plain_lines};
use crate::resource::{Address, HostName, Trace};
use crate::state::{Part, State};

/// Report, read-only, how the hosts differ from what was last applied
///
/// drift: the host changed. pending: cluster.yaml changed. both: both changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mainstay drift
  mainstay drift --format junit > drift.xml     # one test per resource; drift fails its test
  mainstay drift --format github                # annotations of a GitHub workflow
  mainstay drift --format markdown > drift.md   # the body of an issue
  mainstay drift --user mainstay-drift --identity drift.key
  mainstay drift --state state/prod.json        # without cluster.yaml, so nothing is pending

Exit codes: 0 no drift, 1 failed, 2 drift, 3 no drift, but cluster.yaml differs from what was
applied, 4 no drift in what was checked, but some resources could not be checked. If several apply,
the exit code is the first of 2, 4, 3.")]
pub(super) struct Args {
    /// Compare with this state file, without cluster.yaml
    #[arg(long, value_name = "FILE", conflicts_with = "simulate")]
    state: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    account: Account,
    /// Maximum number of hosts to check concurrently
    #[arg(long, value_name = "N", default_value_t = PARALLELISM, value_parser = at_least_one)]
    parallelism: usize,
    /// Show all changes, ungrouped and untruncated
    #[arg(long)]
    full: bool,
    /// Check the simulated hosts of a simulated run
    #[arg(long)]
    simulate: bool,
    #[command(flatten)]
    pub(super) events: JsonInto,
}

/// Who logs in to look.
#[derive(Debug, clap::Args)]
struct Account {
    /// Log in as this read-only user (examples/drift-account/setup.sh makes one)
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// The user's private key, instead of what cluster.yaml and ~/.ssh/config say
    #[arg(long, value_name = "FILE", requires = "user")]
    identity: Option<PathBuf>,
}

impl Account {
    fn applied_to(&self, mut reaches: BTreeMap<HostName, Reach>) -> Result<BTreeMap<HostName, Reach>, CliError> {
        let Some(user) = &self.user else { return Ok(reaches) };
        for reach in reaches.values_mut() {
            if reach.transport != Transport::Ssh {
                return Err(CliError::wrong("--user is for hosts that are reached over SSH"));
            }
            (reach.user, reach.sudo) = (Some(user.clone()), Sudo::Look);
            if let Some(identity) = &self.identity {
                (reach.identity_file, reach.passphrase) = (Some(identity.clone()), None);
            }
        }
        Ok(reaches)
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document (`mainstay schema drift`)
    Json,
    /// `JUnit` XML: one suite per host, one test per resource
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// The body of an issue
    Markdown,
}

pub(super) async fn run(args: &Args, file: &Path, ui: Ui) -> Result<Exit, CliError> {
    let next = NextCommand::about(file, args.simulate).of_state(args.state.as_deref());
    let workspace = match &args.state {
        Some(_) => None,
        None => Some(Workspace::open(file, args.simulate, ui).map_err(|error| {
            if file.exists() {
                error
            } else {
                error.hint("if there is no cluster.yaml, run `mainstay drift --state FILE`")
            }
        })?),
    };
    let (state, location) = match (&args.state, &workspace) {
        (None, Some(workspace)) => (workspace.state()?, workspace.location.clone()),
        (path, _) => {
            let location = Location::of_file(path.as_deref().unwrap_or(Path::new("")));
            (location.recorded()?, location)
        }
    };
    if state.resources.is_empty() {
        let nothing = format!("the state {} is empty; there is nothing to compare", location.state.name(Part::State));
        return Err(CliError::failed(nothing).hint(Hint::from("to apply cluster.yaml, run ").run("apply", "")));
    }
    let drift = compare(args, workspace.as_ref(), &state, &location.hosts, ui).await?;
    let file = workspace.as_ref().map_or_else(|| "cluster.yaml".into(), |it| it.file.display().to_string());
    let line_of = |pointer: &str| workspace.as_ref().and_then(|it| it.loaded.sources.exact_line(pointer));
    let report = DriftReport { drift: &drift, source: Source { file: &file, line_of: &line_of } };
    ui.stream.stopped(&report.summary());
    if !ui.json {
        ui.data(&match args.format {
            Format::Text => report.text(DriftText { full: args.full, width: ui.width(), color: ui.color() }),
            Format::Json => report.json().to_string(),
            Format::Junit => report.junit(),
            Format::Github => report.github(),
            Format::Markdown => report.markdown(),
        })?;
    }
    let answer = drift.answer();
    if let (Some(told), Format::Text, false) = (told(answer, &next), args.format, ui.json) {
        ui.say(&told);
    }
    std::mem::forget(state);
    Ok(exit(answer))
}

async fn compare(
    args: &Args,
    workspace: Option<&Workspace>,
    state: &State,
    hosts: &Path,
    ui: Ui,
) -> Result<Drift, CliError> {
    let mut password = None;
    let question = match workspace {
        Some(workspace) => {
            let read = |cluster: &Cluster, followed: &Followed<'_>| {
                let (wishes, missing) = Wishes::gather_known(cluster, followed)?;
                password = missing;
                Ok(wishes)
            };
            let question = Question::of_cluster(Mode::Apply, workspace.cluster(), state, &Selection::default(), read);
            question.map_err(|error| workspace.explain(error))?
        }
        None => Question::of_state(state, &Selection::default(), &[])?,
    };
    let (reaches, passphrase) = match workspace {
        Some(workspace) => flow::reaches_known(workspace.cluster(), args.simulate, &question.followed.state)?,
        None => (flow::recorded_reaches(state)?, None),
    };
    let looker = flow::open_looker(args.account.applied_to(reaches)?, hosts)?;
    let inquiry = question.ask(&looker, args.parallelism, &mut Watching::new(ui)).await?;
    let inputs = inquiry.inputs();
    let plan = Plan::make(&inputs);
    let mut drift = Drift::of(&inputs, &plan);
    if let (Some(wishes), Some(error)) = (&inquiry.question().wishes, &password) {
        let depend = wishes.depend_on_password(&inquiry.facts.hosts, &inquiry.graph, &state.digest_key())?;
        drift.not_compared(&depend, &format!("not compared with cluster.yaml: {error}"));
    }
    let unread =
        passphrase.map(|error| format!("{error}; hosts that need this key can be reached only through the SSH agent"));
    let unknown =
        password.map(|error| format!("{error}; resources that contain it are compared only with what was applied"));
    let notices = [unread, unknown].into_iter().flatten().map(|text| Warning::notice("secret-unreadable", text));
    drift.warnings.extend(notices);
    drift.warnings.splice(0..0, inquiry.question().followed.notices.iter().cloned());
    let traces = traces(&looker, trails(&drift, &plan), args.parallelism, ui).await;
    looker.close().await;
    drift.traced(traces);
    if ui.stream.is_read() {
        for (message, event) in drift_events(&drift, &plan) {
            ui.event(&message, &event);
        }
    }
    // The process ends soon, which frees the memory faster than value by value.
    std::mem::forget((plan, inquiry));
    Ok(drift)
}

/// What drifted, by the host that may tell how that came. Hosts do not tell of what belongs to the cluster.
fn trails(drift: &Drift, plan: &Plan) -> BTreeMap<HostName, Vec<Trail>> {
    let drifted: BTreeSet<&Address> = drift.drifted().map(|entry| &entry.address).collect();
    let mut trails: BTreeMap<HostName, Vec<Trail>> = BTreeMap::new();
    for change in plan.changes.iter().filter(|change| drifted.contains(&change.address)) {
        if let (Some(resource), Some(before), false) =
            (&change.resource, &change.before, change.address.host().is_cluster())
        {
            let (address, resource, seen) = (change.address.clone(), resource.clone(), before.observation.clone());
            trails.entry(address.host().clone()).or_default().push(Trail { address, resource, seen });
        }
    }
    trails
}

/// One more round trip to each host on which something drifted. A host that does not answer now tells nothing.
async fn traces(
    looker: &Looker,
    trails: BTreeMap<HostName, Vec<Trail>>,
    parallelism: usize,
    ui: Ui,
) -> BTreeMap<Address, Trace> {
    let (mut told, mut tasks, mut waiting) = (BTreeMap::new(), JoinSet::new(), trails.into_iter());
    loop {
        while tasks.len() < parallelism.max(1) {
            let Some((host, trails)) = waiting.next() else { break };
            let looker = looker.clone();
            tasks.spawn(async move { looker.trace(&host, &trails).await });
        }
        match tasks.join_next().await {
            None => return told,
            Some(Ok(Ok(traces))) => told.extend(traces),
            Some(Ok(Err(error))) => ui.detail(&plain_lines(&error.to_string())),
            Some(Err(error)) => ui.detail(&error.to_string()),
        }
    }
}

fn exit(answer: Answer) -> Exit {
    match answer {
        Answer::Clean => Exit::Done,
        Answer::Drift => Exit::Changes,
        Answer::Pending => Exit::Pending,
        Answer::Unseen => Exit::Unseen,
    }
}

/// What to do now.
fn told(answer: Answer, next: &NextCommand) -> Option<String> {
    match answer {
        Answer::Clean => None,
        // Which cluster.yaml a state file was applied from is not known.
        Answer::Drift if !next.has_file() => {
            Some("To revert it: apply its cluster.yaml.  To keep it: change that cluster.yaml to match.".to_owned())
        }
        Answer::Drift => {
            Some(format!("To revert it: {}.  To keep it: change cluster.yaml to match.", next.whole("apply")))
        }
        Answer::Pending => Some(format!("To see what apply would change: {}", next.whole("plan"))),
        Answer::Unseen => Some(format!("When the other resources can be checked: {}", next.same("drift"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_its_published_code() {
        for answer in [Answer::Clean, Answer::Drift, Answer::Pending, Answer::Unseen] {
            assert_eq!(exit(answer) as u8, answer.exit_code());
        }
    }
}
