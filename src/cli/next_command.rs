//! Commands that people are told to type next: about the same cluster and the same part of it, as a shell takes them.

use std::path::Path;

use super::selecting::Part;
use crate::plan::Selection;

/// What this run is about, as options say it.
#[derive(Clone, Debug)]
pub(super) struct NextCommand {
    program: String,
    /// Which state, where it is not that of cluster.yaml.
    which: Vec<String>,
    part: Vec<String>,
}

impl NextCommand {
    /// About the cluster of this file, or its rehearsal.
    pub(super) fn about(file: &Path, simulate: bool) -> Self {
        let which = if simulate { vec!["--simulate".to_owned()] } else { Vec::new() };
        Self { program: program(file), which, part: Vec::new() }
    }

    /// About the state file that is named in place of cluster.yaml, if one is.
    #[must_use]
    pub(super) fn of_state(self, state: Option<&Path>) -> Self {
        let named = state.map(|state| format!("--state {}", word(state)));
        Self { which: named.map_or(self.which, |it| vec![it]), ..self }
    }

    /// About this part. What was to be replaced is no part of it: it may have been replaced.
    #[must_use]
    pub(super) fn part(self, selection: &Selection) -> Self {
        Self { part: Part::of(selection).given(), ..self }
    }

    /// `verb` for the same part.
    pub(super) fn same(&self, verb: &str) -> String {
        [&[self.program.clone(), verb.to_owned()], &self.which[..], &self.part].concat().join(" ")
    }

    /// `verb` for everything.
    pub(super) fn whole(&self, verb: &str) -> String {
        [&[self.program.clone(), verb.to_owned()], &self.which[..]].concat().join(" ")
    }
}

/// `mainstay`, with the option that names this cluster.yaml where it needs to be named.
pub(super) fn program(file: &Path) -> String {
    if file == Path::new("cluster.yaml") { "mainstay".to_owned() } else { format!("mainstay -f {}", word(file)) }
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
}
