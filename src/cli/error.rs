//! The one edge that turns errors into talk: kinds of errors, hints, exit codes.

use std::fmt::Write;

use super::next_command::NextCommand;
use crate::config::ConfigErrors;
use crate::engine::EngineError;
use crate::fleet::FleetError;
use crate::flow::FlowError;
use crate::graph::GraphError;
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
    /// `drift`: no drift in what was seen, but not everything could be seen.
    Unseen = 4,
    /// cluster.yaml or the command line is wrong.
    Wrong = 5,
    /// The state is locked by someone else.
    Locked = 6,
    /// Interrupted.
    Interrupted = 130,
}

/// An error as it is told to people.
#[derive(Debug)]
pub struct CliError {
    /// Exit code.
    pub exit: Exit,
    /// What failed, with all its causes; may be a whole page when cluster.yaml has faults.
    pub message: String,
    /// What to do next, one line each; its commands are written as for ./cluster.yaml.
    pub hints: Vec<String>,
    /// What is wrong, fault by fault, when the message is a page about several.
    pub faults: Vec<Diagnosis>,
}

impl CliError {
    /// Something failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into(), hints: Vec::new(), faults: Vec::new() }
    }

    /// The user interrupted before anything was begun.
    pub(super) fn interrupted() -> Self {
        Self { exit: Exit::Interrupted, ..Self::failed(super::interrupt::NOTHING_BEGUN) }
    }

    /// The command line or cluster.yaml is wrong.
    pub fn wrong(message: impl Into<String>) -> Self {
        Self { exit: Exit::Wrong, ..Self::failed(message) }
    }

    /// A host was named that is not one of these.
    pub(super) fn no_host<'a>(named: &str, hosts: impl Iterator<Item = &'a str>) -> Self {
        let hosts: Vec<&str> = hosts.collect();
        Self::wrong(format!("there is no host `{named}`")).hint(format!("hosts: {}", hosts.join(", ")))
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With hints about what this run is about; see [`NextCommand::put_into`].
    #[must_use]
    pub(super) fn about(mut self, next: &NextCommand) -> Self {
        self.hints = self.hints.iter().filter_map(|hint| next.put_into(hint)).collect();
        self
    }

    /// The text for stderr, ending with what to do.
    pub fn text(&self) -> String {
        // A page about faults says of each what it is; it may have colours, and nothing else that drives a terminal.
        let mut text = match self.faults[..] {
            [] => plain_lines(&self.message),
            _ => self.message.clone(),
        };
        if self.faults.is_empty() && !text.starts_with("error") {
            text.insert_str(0, "error: ");
        }
        for hint in &self.hints {
            let _ = write!(text, "\n  = help: {}", plain_lines(hint));
        }
        text
    }

    /// Why the command stopped, for its summary: the first fault that is an error, when there are several.
    pub(super) fn reason(&self) -> &str {
        let fault = self.faults.iter().find(|fault| fault.severity == Severity::Error);
        fault.map_or(&self.message, |fault| &fault.summary)
    }

    /// The same as events, with their messages.
    pub(super) fn events(&self) -> Vec<(String, StreamEvent)> {
        let whole = || Diagnosis {
            severity: Severity::Error,
            summary: self.message.clone(),
            address: None,
            range: None,
            hints: self.hints.clone(),
        };
        let faults = if self.faults.is_empty() { vec![whole()] } else { self.faults.clone() };
        let event = |diagnostic: Diagnosis| {
            let exit_code = (diagnostic.severity == Severity::Error).then_some(self.exit as u8);
            (diagnostic.summary.clone(), StreamEvent::Diagnostic { diagnostic, exit_code })
        };
        faults.into_iter().map(event).collect()
    }
}

/// The message of an error and of everything behind it.
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
        let hint = match &error {
            SelectionError::Nothing(_) => {
                return Self::wrong(chain(&error))
                    .hint("`mainstay state list` lists the recorded resources")
                    .hint("`mainstay graph` lists the declared resources");
            }
            SelectionError::LeavesNothing(_) => {
                "narrow --exclude; what depends on an excluded resource is skipped, too"
            }
            SelectionError::NotMade(_) => "`mainstay apply` makes it",
            SelectionError::NotDeclared(_) => "`mainstay apply` takes it away",
            SelectionError::LeftOut(_) => "name it with --target, too, or exclude less",
            SelectionError::Apart(_) => "name them with --target, too, or exclude less",
        };
        Self::wrong(chain(&error)).hint(hint)
    }
}

impl From<MoveError> for CliError {
    fn from(error: MoveError) -> Self {
        let wrong = Self::wrong(chain(&error));
        match error {
            MoveError::Taken { from, to } => wrong
                .hint(format!("if they are one machine: `mainstay state rm {to}`, then plan again"))
                .hint(format!("if not: remove the entry; {from} is then taken away, as no longer declared")),
            MoveError::StillDeclared { .. } | MoveError::NotDeclared { .. } => {
                wrong.hint("`mainstay graph` lists the declared resources")
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
        Self::failed(chain(&error)).hint("this is a fault of mainstay, not of cluster.yaml")
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
