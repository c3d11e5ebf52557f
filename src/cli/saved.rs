//! Saved plans: writing, reading and applying.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use super::apply::Locking;
use super::carry_out::{Limits, carry_out};
use super::error::{CliError, Exit};
use super::next_command::{NextCommand, quoted, word};
use super::present::{Origin, tell_events};
use super::survey::{Planning, survey_for};
use super::ui::Ui;
use super::workspace::Workspace;
use crate::flow::{self, Survey};
use crate::hint::{Command, Hint};
use crate::input;
use crate::plan::saved::{self, Basis, FileError, Options, Saved, Stale, digest_key};
use crate::plan::{Mode, Plan};
use crate::render::{plain_lines, plan_summary};
use crate::resource::{DigestKey, Pattern};
use crate::state::{self, State, StateError, Store};

/// Checks, before the refresh, that a plan can be saved to this path.
pub(super) fn may_write(path: &Path) -> Result<(), CliError> {
    let wrong = |what: &str| CliError::wrong(format!("cannot save the plan to {}: {what}", path.display()));
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if folder_of(path).is_dir() {
                return Ok(());
            }
            return Err(wrong("its directory does not exist").hint("create it, or name another file with --out"));
        }
        Err(error) => return Err(wrong(&error.to_string()).hint("name another file with --out")),
    };
    if !about.is_file() {
        let what = if about.is_dir() { "it is a directory" } else { "it is not a regular file" };
        return Err(wrong(what).hint("name a file with --out"));
    }
    let mut start = Vec::new();
    let read = input::open(path).and_then(|file| file.take(64).read_to_end(&mut start));
    read.map_err(|error| wrong(&error.to_string()).hint("name another file with --out"))?;
    if start.is_empty() || saved::begins_like_one(&start) {
        return Ok(());
    }
    Err(wrong("the file already exists and is not a saved plan; it is not overwritten")
        .hint("name another file with --out, or move the existing file"))
}

/// Writes a plan atomically. Only its owner may read it.
pub(super) fn save(
    path: &Path,
    planned: &Survey,
    workspace: &Workspace,
    state: &State,
    planning: &Planning,
    origin: &Origin,
) -> Result<(), CliError> {
    let key = digest_key(state);
    let basis = basis(planned, workspace, planning.options(), &key);
    let saved = Saved::of(&planned.plan, &key, basis, origin.clone());
    let bytes = saved::to_bytes(&saved);
    may_write(path)?;
    let written = || {
        let mut file = tempfile::NamedTempFile::new_in(folder_of(path))?;
        file.write_all(&bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder_of(path))?.sync_all()
    };
    written().map_err(|error: std::io::Error| {
        CliError::failed(format!("cannot save the plan to {}: {error}", path.display()))
            .hint("nothing was changed; fix the cause (space, permissions), or name another file with --out")
    })
}

fn basis(planned: &Survey, workspace: &Workspace, options: Options, key: &DigestKey) -> Basis {
    let files = planned.files.iter().map(|(name, text)| (name.clone(), key.digest([text.as_str()])));
    Basis { cluster_yaml: workspace.sha256.clone(), files: files.collect(), options }
}

/// Prints how to use the saved file.
pub(super) fn tell(path: &Path, plan: &Plan, file: &Path, ui: Ui) {
    let shown = path.display();
    if plan.counts().problems > 0 {
        ui.say(&format!("Saved to {shown} for review only: the plan has problems and cannot be applied."));
    } else {
        ui.say(&format!(
            "Saved to {shown}. To apply it, run: {} {}",
            NextCommand::about(file, false).whole("apply"),
            word(path)
        ));
    }
}

/// A large file is read only if it starts like a saved plan.
fn bytes_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    input::open(path)?.take(64).read_to_end(&mut start)?;
    if saved::begins_like_one(&start) { input::read(path, input::STATE) } else { Ok(start) }
}

/// Reads a saved plan.
pub(super) fn load(path: &Path) -> Result<Saved, CliError> {
    let wrong = |what: String| {
        CliError::wrong(format!("{} {what}", path.display()))
            .hint(Hint::from("to save a plan, run ").run("plan", "--out FILE"))
    };
    let bytes = bytes_of(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    saved::from_bytes(&bytes).map_err(|error| {
        let what = error.to_string();
        let plan_again = Command::new("plan", &format!("--out {}", word(path)));
        let failed = CliError::failed(format!("{}: the saved plan {what}", path.display()));
        match error {
            FileError::NotAPlan if path.extension().is_some_and(|it| it == "yaml" || it == "yml") => {
                wrong(what).hint(format!("to use another cluster.yaml, run `mainstay -f {} apply`", word(path)))
            }
            FileError::Empty | FileError::NotAPlan => wrong(what),
            FileError::Cut { .. } | FileError::CutInHeader | FileError::Damaged { .. } => {
                failed.hint(Hint::from("copy the file again, or plan again: ").command(plan_again))
            }
            FileError::OtherFormat { .. } => {
                failed.hint(Hint::from("use the mainstay version that saved it, or plan again: ").command(plan_again))
            }
        }
    })
}

/// The error for planning options together with a saved plan.
pub(super) fn not_beside(path: &Path, planning: &Planning) -> CliError {
    let given = planning.given();
    let what = format!("{} cannot be used with {}", given.join(", "), path.display());
    let error = CliError::wrong(format!("{what}: a saved plan already contains its options"));
    let Ok(saved) = load(path) else { return error };
    // The suggested command includes the saved options: a target added to a destroy plan still destroys.
    match planned_with(&saved, given, path) {
        Some(command) => error.hint(Hint::from("to plan again with these options: ").command(command)),
        None => error.hint("plan again with compatible options"),
    }
}

/// Applies a saved plan if it is still up to date.
pub(super) async fn apply(
    path: &Path,
    accept: &[String],
    parallelism: usize,
    fail_fast: bool,
    locking: Locking,
    file: &Path,
    ui: Ui,
) -> Result<Exit, CliError> {
    let saved = load(path)?;
    let context = Context { saved: &saved, path, accept };
    let fits = |result: Result<(), Stale>| result.map_err(|stale| context.stale(&stale));
    fits(saved.whole())?;
    let accept: Vec<Pattern> = accept.iter().map(Pattern::new).collect();
    saved.has(&accept)?;
    let workspace = Workspace::open(file, saved.basis.options.simulate, ui)
        .map_err(|error| error.hint(format!("{} was planned from {}", path.display(), saved.origin.file)))?;
    let name = &workspace.cluster().name;
    fits(saved.fits_file(name, &file.display().to_string(), &workspace.sha256))?;
    let operation = if saved.mode == Mode::Destroy { "destroy" } else { "apply" };
    let next = NextCommand::about(file, saved.basis.options.simulate);
    let failed = |error: StateError| CliError::from(error).about(&next);
    let lease = state::acquire(&workspace.location.state, operation, locking.lock_timeout).map_err(failed)?;
    // A first plan brings the lineage, so that of two first plans only one can be applied.
    let fresh = State { lineage: saved.lineage.clone(), ..State::new(name) };
    let store = Store::open_or(&workspace.location.state, fresh).map_err(failed)?;
    let state = store.snapshot();
    fits(saved.fits_state(&state))?;
    let planning = Planning::of(&saved.basis.options, parallelism);
    let mut planned = survey_for(saved.mode, &workspace, &state, &planning, ui).await?;
    let key = digest_key(&state);
    fits(saved.fits_files(&basis(&planned, &workspace, planning.options(), &key)))?;
    let left = saved::compare(&saved, &mut planned.plan, &key, &accept, &flow::ignored(workspace.cluster()));
    let left = left.map_err(|stale| context.stale(&stale))?;
    tell_events(&planned.plan, ui);
    if !ui.json {
        for warning in &planned.plan.warnings {
            ui.say(&format!("Warning: {}", plain_lines(&warning.text)));
        }
        let summary = plan_summary(&planned.plan);
        if planned.plan.is_empty() && left == 0 {
            ui.data(&summary)?;
        } else {
            ui.say(&format!("{}: {summary}", path.display()));
        }
    }
    if planned.plan.is_empty() && left == 0 {
        planned.fleet.close().await;
        flow::refresh(&planned, &store, lease)?;
        return Ok(Exit::Done);
    }
    let next = next.part(&saved.basis.options.selection);
    carry_out(planned, store, lease, Limits { parallelism, fail_fast }, &next, ui).await
}

/// The parts of the next command.
struct Context<'a> {
    saved: &'a Saved,
    path: &'a Path,
    accept: &'a [String],
}

impl Context<'_> {
    fn stale(&self, stale: &Stale) -> CliError {
        let path = word(self.path);
        let error = CliError::failed(format!("{}: {stale}", self.path.display()));
        let again = self.again();
        let review = Hint::from("plan again and review the result: ").command(again.clone());
        match stale {
            Stale::OtherCluster { .. } => {
                error.hint(format!("use the cluster.yaml it was planned from: `mainstay -f OTHER apply {path}`"))
            }
            Stale::NoState { .. } => {
                error.hint(Hint::from("restore the state file next to cluster.yaml; or start over: ").command(again))
            }
            Stale::Problems { .. } => error
                .hint(Hint::from("to see them: ").run("show", &path))
                .hint(Hint::from("fix them, then plan again and review the result: ").command(again)),
            Stale::Serial { .. } => error.hint(Hint::from("to see what remains: ").command(again)),
            Stale::Hosts { moved } => {
                let all: Vec<String> = moved.iter().map(|(address, _)| quoted(address.as_str())).collect();
                let more = if all.len() > 2 { vec!["PATTERN".to_owned()] } else { all };
                let given = self.accept.iter().map(|pattern| quoted(pattern));
                let flags: String = given.chain(more).map(|it| format!(" --accept-drift {it}")).collect();
                error.hint(review).hint(
                    Hint::from("or accept the drift and apply the rest as reviewed: ")
                        .run("apply", &format!("{path}{flags}")),
                )
            }
            Stale::ClusterYaml { .. }
            | Stale::File { .. }
            | Stale::Lineage { .. }
            | Stale::Declared { .. }
            | Stale::Planned { .. } => error.hint(review),
        }
    }

    /// The command that saves the same plan again.
    fn again(&self) -> Command {
        planned_with(self.saved, Vec::new(), self.path)
            .unwrap_or_else(|| Command::new("plan", &format!("--out {}", word(self.path))))
    }
}

/// The command that a plan was made with, with more options, saving to `path`; None when the options are incompatible.
fn planned_with(saved: &Saved, more: Vec<String>, path: &Path) -> Option<Command> {
    let mut options: Vec<String> = match saved.mode {
        Mode::Apply => Vec::new(),
        Mode::Refresh => vec!["--refresh-only".to_owned()],
        Mode::Destroy => vec!["--destroy".to_owned()],
    };
    options.extend(Planning::of(&saved.basis.options, 0).given());
    let new: Vec<String> = more.into_iter().filter(|it| !options.contains(it)).collect();
    options.extend(new);
    let has = |option: &str| options.iter().any(|it| it.split(' ').next() == Some(option));
    let apart = [("--target", "--exclude"), ("--destroy", "--refresh-only"), ("--destroy", "--replace")];
    let apart = apart.iter().chain(&[("--refresh-only", "--replace")]).any(|(one, other)| has(one) && has(other));
    options.push(format!("--out {}", word(path)));
    (!apart).then(|| Command::new("plan", &options.join(" ")))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
