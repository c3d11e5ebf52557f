//! Errors of commands: messages, hints and exit codes.

use std::fmt::Write;

use super::next_command::NextCommand;
use crate::config::ConfigErrors;
use crate::engine::EngineError;
use crate::fleet::FleetError;
use crate::flow::FlowError;
use crate::graph::GraphError;
use crate::hint::Hint;
use crate::plan::{MoveError, SelectionError};
use crate::render::{Diagnosis, Severity, StreamEvent, plain_lines};
use crate::stack::StackError;
use crate::state::StateError;

/// Exit codes; published in the README and relied on by scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// `plan --detailed-exitcode`: changes pending. `drift`: drift found.
    Changes = 2,
    /// `drift`: no drift, but cluster.yaml differs from what was applied.
    Pending = 3,
    /// `drift`: no drift in what was checked, but some resources could not be checked.
    Unseen = 4,
    /// cluster.yaml or the command line is wrong.
    Wrong = 5,
    /// The state is locked by someone else.
    Locked = 6,
    /// Interrupted.
    Interrupted = 130,
}

/// An error of a command.
#[derive(Debug)]
pub struct CliError {
    /// Exit code.
    pub exit: Exit,
    /// The message with all its causes; a whole page if cluster.yaml has errors.
    pub message: String,
    /// What to do next, one line each.
    pub hints: Vec<Hint>,
    /// The separate diagnostics if the message is a page about several.
    pub faults: Vec<Diagnosis>,
}

impl CliError {
    /// Something failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), hints: Vec::new(), faults: Vec::new() }
    }

    /// The user interrupted before anything was started.
    pub(super) fn interrupted() -> Self {
        Self { exit: Exit::Interrupted, ..Self::failed(super::interrupt::NOTHING_BEGUN) }
    }

    /// The command line or cluster.yaml is wrong.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self { exit: Exit::Wrong, ..Self::failed(message) }
    }

    /// The named host does not exist.
    pub(super) fn no_host<'a>(named: &str, hosts: impl Iterator<Item = &'a str>) -> Self {
        let hosts: Vec<&str> = hosts.collect();
        Self::wrong(format!("no host is named `{named}`")).hint(format!("hosts: {}", hosts.join(", ")))
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With the commands of its hints written for this run; see [`NextCommand::written_into`].
    #[must_use]
    pub(super) fn about(mut self, next: &NextCommand) -> Self {
        self.hints = self.hints.into_iter().filter_map(|hint| next.written_into(hint)).collect();
        self
    }

    /// The text for stderr, with the hints at the end.
    pub fn text(&self) -> String {
        // A page of diagnostics has its own prefixes and may have colors; its content is already escaped.
        let mut text = match self.faults[..] {
            [] => plain_lines(&self.message),
            _ => self.message.clone(),
        };
        if self.faults.is_empty() && !text.starts_with("error") {
            text.insert_str(0, "error: ");
        }
        for hint in &self.hints {
            let _ = write!(text, "\n  = help: {}", plain_lines(&hint.to_string()));
        }
        text
    }

    /// Why the command stopped, for its summary: the first error if there are several diagnostics.
    pub(super) fn reason(&self) -> &str {
        let fault = self.faults.iter().find(|fault| fault.severity == Severity::Error);
        fault.map_or(&self.message, |fault| &fault.summary)
    }

    /// The error as events, with their messages.
    pub(super) fn events(&self) -> Vec<(String, StreamEvent)> {
        let whole = || Diagnosis {
            severity: Severity::Error,
            summary: self.message.clone(),
            address: None,
            range: None,
            hints: self.hints.iter().map(ToString::to_string).collect(),
        };
        let faults = if self.faults.is_empty() { vec![whole()] } else { self.faults.clone() };
        let event = |diagnostic: Diagnosis| {
            let exit_code = (diagnostic.severity == Severity::Error).then_some(self.exit as u8);
            (diagnostic.summary.clone(), StreamEvent::Diagnostic { diagnostic, exit_code })
        };
        faults.into_iter().map(event).collect()
    }
}

/// The message of an error and of its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl From<StateError> for CliError {
    fn from(error: StateError) -> Self {
        let exit = if error.is_locked() { Exit::Locked } else { Exit::Failed };
        let hints = error.hint().into_iter().collect();
        Self { exit, hints, ..Self::failed(chain(&error)) }
    }
}

impl From<FleetError> for CliError {
    fn from(error: FleetError) -> Self {
        Self::failed(chain(&error))
    }
}

impl From<SelectionError> for CliError {
    fn from(error: SelectionError) -> Self {
        let hint: Hint = match &error {
            SelectionError::Nothing(_) => {
                return Self::wrong(chain(&error))
                    .hint(Hint::from("to list the recorded resources, run ").run("state list", ""))
                    .hint(Hint::from("to list the declared resources, run ").run("graph", ""));
            }
            SelectionError::LeavesNothing(_) => {
                "narrow --exclude; it also skips what depends on an excluded resource".into()
            }
            SelectionError::NotMade(_) => Hint::from("to create it, run ").run("apply", ""),
            SelectionError::NotDeclared(_) => Hint::from("to destroy it, run ").run("apply", ""),
            SelectionError::LeftOut(_) => "add it to --target, or narrow --exclude".into(),
            SelectionError::Apart(_) => "add them to --target, or narrow --exclude".into(),
        };
        Self::wrong(chain(&error)).hint(hint)
    }
}

impl From<MoveError> for CliError {
    fn from(error: MoveError) -> Self {
        let wrong = Self::wrong(chain(&error));
        match error {
            MoveError::Taken { from, to } => wrong
                .hint(
                    Hint::from("if both names are the same machine, run ")
                        .run("state rm", &to)
                        .text(", then plan again"),
                )
                .hint(format!(
                    "if they are different machines, remove the entry; {from} is then destroyed, because it \
                               is no longer declared"
                )),
            MoveError::StillDeclared { .. } | MoveError::NotDeclared { .. } => {
                wrong.hint(Hint::from("to list the declared resources, run ").run("graph", ""))
            }
            MoveError::Edit(_) => wrong,
        }
    }
}

impl From<StackError> for CliError {
    fn from(error: StackError) -> Self {
        Self::wrong(chain(&error))
    }
}

impl From<GraphError> for CliError {
    fn from(error: GraphError) -> Self {
        Self::failed(chain(&error)).hint("this is a bug in mainstay")
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::State(error) => error.into(),
            EngineError::Decode(error) => Self::failed(chain(&error)),
        }
    }
}

impl From<FlowError> for CliError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::State(error) => error.into(),
            FlowError::Fleet(error) => error.into(),
            FlowError::Selection(error) => error.into(),
            FlowError::Move(error) => error.into(),
            FlowError::Stack(error) => error.into(),
            FlowError::Graph(error) => error.into(),
            FlowError::Engine(error) => error.into(),
            FlowError::Unfit { .. } => Self::wrong(chain(&error)),
            FlowError::Secret { .. }
            | FlowError::Unreadable { .. }
            | FlowError::Unwritable { .. }
            | FlowError::Runtime { .. } => Self::failed(chain(&error)),
        }
    }
}

impl From<ConfigErrors> for CliError {
    fn from(error: ConfigErrors) -> Self {
        Self::wrong(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_published_numbers() {
        let codes = [Exit::Done, Exit::Failed, Exit::Changes, Exit::Pending, Exit::Unseen, Exit::Wrong, Exit::Locked];
        assert_eq!(codes.map(|code| code as u8), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(Exit::Interrupted as u8, 130);
    }

    #[test]
    fn an_error_ends_with_what_to_do() {
        let error = CliError::failed("cp1: no route to host").hint("mainstay facts cp1");
        assert_eq!(error.text(), "error: cp1: no route to host\n  = help: mainstay facts cp1");
    }

    #[test]
    fn what_a_host_says_cannot_drive_the_terminal() {
        let error = CliError::failed("w1:\n\u{1b}[2J\u{7}").hint("\u{9b}1A");
        assert_eq!(error.text(), "error: w1:\n\\u{1b}[2J\\u{7}\n  = help: \\u{9b}1A");
    }
}
