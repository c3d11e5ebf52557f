//! Suggested next commands: for the same cluster, state and partial plan, quoted for a shell.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, CommandFactory};

use super::Cli;
use super::selecting::Part;
use crate::hint::{Command, Hint};
use crate::plan::Selection;

const PROGRAM: &str = "mainstay";

/// The cluster, state and selection of this run, as options.
#[derive(Clone, Debug)]
pub(super) struct NextCommand {
    program: String,
    /// The state, if it is not the one of cluster.yaml.
    which: Option<Which>,
    part: Vec<String>,
}

#[derive(Clone, Debug)]
enum Which {
    Rehearsal,
    /// This file; then no cluster.yaml is read.
    State(PathBuf),
}

impl Which {
    /// The name of the option, and the option as typed.
    fn option(&self) -> (&'static str, String) {
        match self {
            Self::Rehearsal => ("simulate", "--simulate".to_owned()),
            Self::State(file) => ("state", format!("--state {}", word(file))),
        }
    }
}

impl NextCommand {
    /// For the cluster of this file, or its simulated run.
    pub(super) fn about(file: &Path, simulate: bool) -> Self {
        let program =
            if file == Path::new("cluster.yaml") { PROGRAM.to_owned() } else { format!("{PROGRAM} -f {}", word(file)) };
        Self { program, which: simulate.then_some(Which::Rehearsal), part: Vec::new() }
    }

    /// For the cluster and state of a command line.
    pub(super) fn of(file: &Path, given: &ArgMatches) -> Self {
        let Some((_, given)) = given.subcommand() else { return Self::about(file, false) };
        let simulate = given.try_get_one::<bool>("simulate").ok().flatten().is_some_and(|it| *it);
        let state = given.try_get_one::<PathBuf>("state").ok().flatten();
        Self::about(file, simulate).of_state(state.map(PathBuf::as_path))
    }

    /// For a state file that is named instead of cluster.yaml, if any.
    #[must_use]
    pub(super) fn of_state(self, state: Option<&Path>) -> Self {
        match state {
            Some(state) => Self { program: PROGRAM.to_owned(), which: Some(Which::State(state.to_owned())), ..self },
            None => self,
        }
    }

    /// Whether this run has a cluster.yaml.
    pub(super) fn has_file(&self) -> bool {
        !matches!(self.which, Some(Which::State(_)))
    }

    /// For the same selection, without `--replace`: the replacement may already be done.
    #[must_use]
    pub(super) fn part(self, selection: &Selection) -> Self {
        Self { part: Part::of(selection).given(), ..self }
    }

    /// `verb` for the same selection.
    pub(super) fn same(&self, verb: &str) -> String {
        [&[self.whole(verb)], &self.part[..]].concat().join(" ")
    }

    /// `verb` for all resources.
    pub(super) fn whole(&self, verb: &str) -> String {
        let which = self.which.as_ref().map(|which| format!(" {}", which.option().1)).unwrap_or_default();
        format!("{} {verb}{which}", self.program)
    }

    /// The hint with commands for the cluster and state of this run. None if a command needs a cluster.yaml and this
    /// run has none.
    pub(super) fn written_into(&self, hint: Hint) -> Option<Hint> {
        hint.written(|command| self.written(command))
    }

    fn written(&self, Command { verbs, arguments }: &Command) -> Option<String> {
        let known = Cli::command();
        let it = known.find_subcommand(verbs.split(' ').next()?)?;
        let takes = |name: &str| it.get_arguments().any(|argument| argument.get_id() == name);
        let given = |option: &str| arguments.split(' ').any(|word| word == option);
        let which = match self.which.as_ref().map(Which::option) {
            Some((name, option)) if takes(name) && !given(&option) => Some(option),
            _ if self.has_file() => None,
            _ => return None,
        };
        let words = [self.program.as_str(), verbs, which.as_deref().unwrap_or_default(), arguments];
        Some(words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
    }
}

/// A path, quoted for a shell.
pub(super) fn word(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// A text, quoted for a shell.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Pattern;

    #[test]
    fn the_next_command_is_about_the_same_cluster_and_part() {
        let plain = NextCommand::about(Path::new("cluster.yaml"), false);
        assert_eq!(plain.same("apply"), "mainstay apply");
        let excludes = vec![Pattern::new("*/keepalived")];
        let part =
            NextCommand::about(Path::new("a b.yaml"), true).part(&Selection { excludes, ..Selection::default() });
        assert_eq!(part.same("apply"), "mainstay -f 'a b.yaml' apply --simulate --exclude '*/keepalived'");
        assert_eq!(part.whole("plan"), "mainstay -f 'a b.yaml' plan --simulate");
        assert_eq!(plain.of_state(Some(Path::new("s.json"))).same("destroy"), "mainstay destroy --state s.json");
    }

    #[test]
    fn the_commands_of_hints_are_about_what_the_run_was_about() {
        let plain = NextCommand::about(Path::new("cluster.yaml"), false);
        let other = NextCommand::about(Path::new("prod.yaml"), false);
        let rehearsed = NextCommand::about(Path::new("prod.yaml"), true);
        let of_state = other.clone().of_state(Some(Path::new("s.json")));
        let hint = |verbs, arguments| Hint::from("run ").run(verbs, arguments);
        for (hint, wanted) in [
            (
                hint("state rollback", "3"),
                [
                    "run `mainstay state rollback 3`",
                    "run `mainstay -f prod.yaml state rollback 3`",
                    "run `mainstay -f prod.yaml state rollback --simulate 3`",
                    "run `mainstay state rollback --state s.json 3`",
                ],
            ),
            (
                hint("graph", ""),
                ["run `mainstay graph`", "run `mainstay -f prod.yaml graph`", "run `mainstay -f prod.yaml graph`", ""],
            ),
            (
                hint("apply", "--simulate"),
                [
                    "run `mainstay apply --simulate`",
                    "run `mainstay -f prod.yaml apply --simulate`",
                    "run `mainstay -f prod.yaml apply --simulate`",
                    "",
                ],
            ),
            ("run `mainstay drift --state FILE`".into(), ["run `mainstay drift --state FILE`"; 4]),
        ] {
            for (next, wanted) in [&plain, &other, &rehearsed, &of_state].into_iter().zip(wanted) {
                let told = next.written_into(hint.clone());
                assert_eq!(told.as_ref().map(ToString::to_string).unwrap_or_default(), wanted);
                // Once more changes nothing.
                assert_eq!(told.clone().and_then(|told| next.written_into(told)), told);
            }
        }
    }
}
