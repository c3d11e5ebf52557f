//! Commands that people are told to type next: about the same cluster and the same part of it, as a shell takes them.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, CommandFactory};

use super::Cli;
use super::selecting::Part;
use crate::plan::Selection;

const PROGRAM: &str = "mainstay";

/// What this run is about, as options say it.
#[derive(Clone, Debug)]
pub(super) struct NextCommand {
    program: String,
    /// Which state, where it is not that of cluster.yaml.
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
    /// The name of the option that says it, and the option.
    fn option(&self) -> (&'static str, String) {
        match self {
            Self::Rehearsal => ("simulate", "--simulate".to_owned()),
            Self::State(file) => ("state", format!("--state {}", word(file))),
        }
    }
}

impl NextCommand {
    /// About the cluster of this file, or its rehearsal.
    pub(super) fn about(file: &Path, simulate: bool) -> Self {
        let program =
            if file == Path::new("cluster.yaml") { PROGRAM.to_owned() } else { format!("{PROGRAM} -f {}", word(file)) };
        Self { program, which: simulate.then_some(Which::Rehearsal), part: Vec::new() }
    }

    /// About what a command line is about.
    pub(super) fn of(file: &Path, given: &ArgMatches) -> Self {
        let Some((_, given)) = given.subcommand() else { return Self::about(file, false) };
        let simulate = given.try_get_one::<bool>("simulate").ok().flatten().is_some_and(|it| *it);
        let state = given.try_get_one::<PathBuf>("state").ok().flatten();
        Self::about(file, simulate).of_state(state.map(PathBuf::as_path))
    }

    /// About the state file that is named in place of cluster.yaml, if one is.
    #[must_use]
    pub(super) fn of_state(self, state: Option<&Path>) -> Self {
        match state {
            Some(state) => Self { program: PROGRAM.to_owned(), which: Some(Which::State(state.to_owned())), ..self },
            None => self,
        }
    }

    /// Whether there is a cluster.yaml that it is about.
    pub(super) fn has_file(&self) -> bool {
        !matches!(self.which, Some(Which::State(_)))
    }

    /// About this part. What was to be replaced is no part of it: it may have been replaced.
    #[must_use]
    pub(super) fn part(self, selection: &Selection) -> Self {
        Self { part: Part::of(selection).given(), ..self }
    }

    /// `verb` for the same part.
    pub(super) fn same(&self, verb: &str) -> String {
        [&[self.whole(verb)], &self.part[..]].concat().join(" ")
    }

    /// `verb` for everything.
    pub(super) fn whole(&self, verb: &str) -> String {
        let which = self.which.as_ref().map(|which| format!(" {}", which.option().1)).unwrap_or_default();
        format!("{} {verb}{which}", self.program)
    }

    /// A hint whose commands are written as for ./cluster.yaml, with the same commands about what this run is about.
    /// None where one of them needs a cluster.yaml, and this run read none.
    pub(super) fn put_into(&self, hint: &str) -> Option<String> {
        let (mut text, mut rest) = (String::new(), hint);
        while let Some(at) = rest.find("mainstay ") {
            let (before, from) = rest.split_at(at);
            let (_, after) = from.split_at("mainstay ".len());
            text.push_str(before);
            // It ends with its quotes, or with the hint.
            let (command, left) = after.split_at(after.find('`').unwrap_or(after.len()));
            match self.rewritten(command) {
                Rewritten::Command(command) => {
                    text.push_str(&command);
                    rest = left;
                }
                Rewritten::NeedsFile => return None,
                Rewritten::NoCommand => {
                    text.push_str("mainstay ");
                    rest = after;
                }
            }
        }
        Some(text + rest)
    }

    /// A command without the program's name.
    fn rewritten(&self, command: &str) -> Rewritten {
        let known = Cli::command();
        let verb = command.split(' ').next().unwrap_or_default();
        let Some(it) = known.find_subcommand(verb) else { return Rewritten::NoCommand };
        let second = command[verb.len()..].split(' ').nth(1).filter(|word| it.find_subcommand(word).is_some());
        let (verbs, options) = command.split_at(verb.len() + second.map_or(0, |second| 1 + second.len()));
        let has = |option: &str| options.split(' ').any(|word| word == option);
        if has("--state") {
            return Rewritten::Command(format!("{PROGRAM} {command}"));
        }
        let which = self.which.as_ref().map(Which::option);
        let takes = |name: &str| it.get_arguments().any(|argument| argument.get_id() == name);
        let which = match which {
            Some((name, option)) if takes(name) && !has(&option) => format!(" {option}"),
            _ if self.has_file() => String::new(),
            _ => return Rewritten::NeedsFile,
        };
        Rewritten::Command(format!("{} {verbs}{which}{options}", self.program))
    }
}

/// What became of the words after the program's name.
enum Rewritten {
    Command(String),
    /// It would be about a cluster.yaml that was not read.
    NeedsFile,
    /// They are prose.
    NoCommand,
}

/// A path as a shell takes it.
pub(super) fn word(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// A text as a shell takes it.
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
        for (hint, [of_other, of_rehearsal, of_a_state]) in [
            (
                "take `mainstay state rollback 3`; `mainstay lock show` tells",
                [
                    "take `mainstay -f prod.yaml state rollback 3`; `mainstay -f prod.yaml lock show` tells",
                    "take `mainstay -f prod.yaml state rollback --simulate 3`; `mainstay -f prod.yaml lock show \
                     --simulate` tells",
                    "take `mainstay state rollback --state s.json 3`; `mainstay lock show --state s.json` tells",
                ],
            ),
            (
                "a fault of mainstay is no command; mend it: mainstay graph",
                [
                    "a fault of mainstay is no command; mend it: mainstay -f prod.yaml graph",
                    "a fault of mainstay is no command; mend it: mainstay -f prod.yaml graph",
                    "",
                ],
            ),
            ("mainstay drift --state FILE", ["mainstay drift --state FILE"; 3]),
            ("see `mainstay --version`", ["see `mainstay --version`"; 3]),
            ("`mainstay -f OTHER apply`", ["`mainstay -f OTHER apply`"; 3]),
        ] {
            assert_eq!(plain.put_into(hint).as_deref(), Some(hint));
            for (next, wanted) in [(&other, of_other), (&rehearsed, of_rehearsal), (&of_state, of_a_state)] {
                let told = next.put_into(hint).unwrap_or_default();
                assert_eq!(told, wanted);
                // Once more changes nothing.
                assert_eq!(next.put_into(&told).unwrap_or_default(), wanted);
            }
        }
    }
}
