//! The options that say which part of everything a command is about.

use super::next_command::quoted;
use crate::plan::Selection;
use crate::resource::Pattern;

/// Options of partial plans.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Part {
    /// Limit to matching resources and their dependencies (destroy: and everything that depends on
    /// them): an address, the beginning of one (cp2, cp2/haproxy) or a glob ('w*/host'); repeatable
    #[arg(long, value_name = "PATTERN", conflicts_with = "exclude")]
    target: Vec<String>,
    /// Skip matching resources and everything that depends on them (destroy: and their
    /// dependencies); repeatable
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
}

impl Part {
    /// The given options, as typed.
    pub(super) fn of(selection: &Selection) -> Self {
        let texts = |patterns: &[Pattern]| patterns.iter().map(|it| it.as_str().to_owned()).collect();
        Self { target: texts(&selection.targets), exclude: texts(&selection.excludes) }
    }

    /// These options, as typed.
    pub(super) fn given(&self) -> Vec<String> {
        let targets = self.target.iter().map(|it| format!("--target {}", quoted(it)));
        targets.chain(self.exclude.iter().map(|it| format!("--exclude {}", quoted(it)))).collect()
    }

    /// These options as a selection, with the resources to replace.
    pub(super) fn with(&self, replace: &[String]) -> Selection {
        let patterns = |texts: &[String]| texts.iter().map(Pattern::new).collect();
        Selection { targets: patterns(&self.target), excludes: patterns(&self.exclude), replace: replace.to_vec() }
    }
}
