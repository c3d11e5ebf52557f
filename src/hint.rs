//! Hints: what to do after an error, with the commands of mainstay as values.

use std::fmt::{self, Display};

/// A command of mainstay to run next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The command and its subcommand, for example `state rollback`.
    pub verbs: &'static str,
    /// Its arguments as typed into a shell; may be empty.
    pub arguments: String,
}

impl Command {
    /// A command with its arguments.
    pub fn new(verbs: &'static str, arguments: &(impl Display + ?Sized)) -> Self {
        Self { verbs, arguments: arguments.to_string() }
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mainstay {}", self.verbs)?;
        if self.arguments.is_empty() { Ok(()) } else { write!(f, " {}", self.arguments) }
    }
}

/// An instruction and the commands that it mentions. `Display` shows the commands as for ./cluster.yaml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Command(Command),
}

impl Hint {
    /// The same hint, followed by a command in backquotes.
    #[must_use]
    pub fn run(self, verbs: &'static str, arguments: &(impl Display + ?Sized)) -> Self {
        self.command(Command::new(verbs, arguments))
    }

    /// As [`Hint::run`], for a command that exists already.
    #[must_use]
    pub fn command(mut self, command: Command) -> Self {
        self.0.push(Piece::Command(command));
        self
    }

    /// The same hint, followed by a text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
        self
    }

    /// The same hint with every command written by `write`; none when one of them cannot be run.
    pub fn written(self, write: impl Fn(&Command) -> Option<String>) -> Option<Self> {
        let piece = |piece| match piece {
            Piece::Command(command) => write(&command).map(|text| Piece::Text(format!("`{text}`"))),
            text @ Piece::Text(_) => Some(text),
        };
        self.0.into_iter().map(piece).collect::<Option<_>>().map(Self)
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self(vec![Piece::Text(text)])
    }
}

impl Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(text),
            Piece::Command(command) => write!(f, "`{command}`"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_written_in_backquotes() {
        let hint = Hint::from("run ").run("state rollback", "3").text(", or ").run("plan", "");
        assert_eq!(hint.to_string(), "run `mainstay state rollback 3`, or `mainstay plan`");
        let written = hint.clone().written(|it| Some(it.verbs.to_owned())).unwrap();
        assert_eq!(written.to_string(), "run `state rollback`, or `plan`");
        assert_eq!(hint.written(|it| (it.verbs == "plan").then(String::new)), None);
    }
}
