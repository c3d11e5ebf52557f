//! The streams: stdout is data, stderr is talk.

use std::io::{ErrorKind, IsTerminal, Write};

use super::error::CliError;
use super::stream::Stream;
use crate::render::StreamEvent;

/// Destination and format of the output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ui {
    /// Pure JSON on stdout, or nothing.
    pub(super) json: bool,
    /// Print more detail.
    pub(super) verbose: bool,
    /// Whether questions may be asked.
    pub(super) input: bool,
    /// Events, for commands that have them.
    pub(super) stream: &'static Stream,
}

impl Ui {
    pub(super) fn new(json: bool, verbose: bool, no_color: bool) -> Self {
        if no_color {
            anstream::ColorChoice::Never.write_global();
        }
        let input = std::env::var_os("MAINSTAY_INPUT").is_none_or(|value| value != "0");
        // One for the process; copies of this value share it.
        Self { json, verbose, input, stream: Box::leak(Box::default()) }
    }

    /// Data, with a newline at the end. A closed pipe is not an error: `| head -1` must not stop an apply half-way.
    pub(super) fn data(self, text: &str) -> Result<(), CliError> {
        let mut out = anstream::stdout().lock();
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes()));
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(CliError::failed(format!("cannot write the output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// An event for all readers of events.
    pub(super) fn event(self, message: &str, event: &StreamEvent) {
        self.stream.event(message, event);
    }

    /// Talk. That nobody listens is no error.
    pub(super) fn say(self, text: &str) {
        let mut err = anstream::stderr().lock();
        let _ = writeln!(err, "{text}");
    }

    /// Talk only with `--verbose`.
    pub(super) fn detail(self, text: &str) {
        if self.verbose {
            self.say(text);
        }
    }

    /// Whether live progress can be drawn.
    pub(super) fn live(self) -> bool {
        std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Whether stdout shows colours.
    pub(super) fn color(self) -> bool {
        anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
    }

    /// Columns of the terminal; 100 without a terminal, so that logs are the same everywhere.
    pub(super) fn width(self) -> usize {
        if std::io::stdout().is_terminal() { usize::from(console::Term::stdout().size().1) } else { 100 }
    }

    /// Asks on the terminal; the answer without its newline, empty where the input ended.
    pub(super) fn ask(self, question: &str, instead: &str) -> Result<String, CliError> {
        Ok(self.ask_line(question, instead)?.unwrap_or_default())
    }

    /// Fails if there is no terminal to prompt on; `instead` is the message.
    pub(super) fn may_ask(self, instead: &str) -> Result<(), CliError> {
        if self.input && std::io::stdin().is_terminal() {
            return Ok(());
        }
        let why = if self.input { "no terminal to ask on" } else { "MAINSTAY_INPUT=0" };
        Err(CliError::wrong(format!("{instead} ({why})")))
    }

    /// As [`Ui::ask`]; none where the input ended.
    pub(super) fn ask_line(self, question: &str, instead: &str) -> Result<Option<String>, CliError> {
        self.may_ask(instead)?;
        {
            let mut err = anstream::stderr().lock();
            let _ = write!(err, "{question} ");
            let _ = err.flush();
        }
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        let length = read.map_err(|error| CliError::failed(format!("cannot read the answer: {error}")))?;
        if length == 0 {
            // The cursor is still after the prompt.
            self.say("");
        }
        Ok((length > 0).then(|| answer.trim_end_matches(['\n', '\r']).to_owned()))
    }
}
