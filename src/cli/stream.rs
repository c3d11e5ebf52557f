//! Where the events of a command go: to stdout with `--json`, into a file with `--json-into`, to both or nowhere.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::error::{CliError, Exit};
use super::sink::Sink;
use crate::engine::Outcome;
use crate::facts::FactSet;
use crate::input;
use crate::render::{Operation, RunSummary, StreamEvent};
use crate::resource::HostName;

/// Events to a file, in addition to the text output.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct JsonInto {
    /// Also write events as JSON Lines to FILE: a file, or a named pipe with a reader
    #[arg(long, value_name = "FILE")]
    json_into: Option<PathBuf>,
}

/// The stream of one command. Threads may write to it; each line is written whole.
#[derive(Debug, Default)]
pub(super) struct Stream(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    stdout: bool,
    file: Option<(PathBuf, Sink)>,
    /// Start time and result of the command.
    run: Option<(Instant, RunSummary)>,
    /// The last line of text.
    last: String,
    /// Why stdout could not be written; a closed pipe is not an error.
    failed: Option<std::io::Error>,
}

impl Stream {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the stream of a command that has events.
    pub(super) fn begin(&self, operation: Operation, stdout: bool, into: Option<&JsonInto>) -> Result<(), CliError> {
        let file = into.and_then(|into| into.json_into.clone());
        let mut lines = self.lines();
        lines.stdout = stdout;
        lines.run = Some((Instant::now(), RunSummary::begun(operation)));
        let opened = file.map(|path| open(&path).map(|file| (path, file)));
        lines.file = opened.transpose().inspect_err(|_| lines.first())?;
        lines.first();
        Ok(())
    }

    /// Whether there is a reader.
    pub(super) fn is_read(&self) -> bool {
        let lines = self.lines();
        lines.stdout || lines.file.is_some()
    }

    /// Whether stdout gets the events.
    pub(super) fn is_stdout(&self) -> bool {
        self.lines().run.is_some()
    }

    /// Writes an event to all readers.
    pub(super) fn event(&self, message: &str, event: &StreamEvent) {
        let mut lines = self.lines();
        if let (StreamEvent::ChangeSummary { changes }, Some((_, summary))) = (event, &mut lines.run) {
            summary.changes = Some(*changes);
            message.clone_into(&mut lines.last);
        }
        lines.put(message, event);
    }

    /// Remembers how the run ended, for the summary.
    pub(super) fn outcome(&self, outcome: &Outcome, text: &str) {
        let mut lines = self.lines();
        if let Some((_, summary)) = &mut lines.run {
            summary.take(outcome);
        }
        text.clone_into(&mut lines.last);
    }

    /// Stores the result of the command, or why it failed, for the summary.
    pub(super) fn stopped(&self, why: &str) {
        why.lines().next().unwrap_or_default().clone_into(&mut self.lines().last);
    }

    /// Writes the last line; later events are dropped. Returns the exit code: a success whose output could not be
    /// written is a failure.
    pub(super) fn end(&self, exit: Exit) -> Exit {
        let mut lines = self.lines();
        let exit = match &lines.failed {
            Some(_) if exit == Exit::Done => Exit::Failed,
            _ => exit,
        };
        if let Some((began, mut summary)) = lines.run.take() {
            summary.finish(exit as u8, began.elapsed());
            let message = std::mem::take(&mut lines.last);
            lines.put(&message, &StreamEvent::RunSummary(summary));
        }
        (lines.stdout, lines.file) = (false, None);
        exit
    }
}

impl Lines {
    fn first(&mut self) {
        self.put(concat!("mainstay ", env!("CARGO_PKG_VERSION")), &StreamEvent::version());
    }

    fn put(&mut self, message: &str, event: &StreamEvent) {
        if !self.stdout && self.file.is_none() {
            return;
        }
        let line = event.line(message) + "\n";
        if let Some((path, file)) = &mut self.file
            && let Err(error) = file.write_all(line.as_bytes())
        {
            let path = path.display();
            let _ = writeln!(anstream::stderr(), "warning: cannot write to {path} any more: {error}");
            self.file = None;
        }
        if self.stdout {
            let mut out = std::io::stdout().lock();
            let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
            if let Err(error) = written {
                self.stdout = false;
                if error.kind() != std::io::ErrorKind::BrokenPipe {
                    let _ = writeln!(anstream::stderr(), "error: cannot write the output: {error}");
                    self.failed = Some(error);
                }
            }
        }
    }
}

/// How a line of events begins.
const BEGINNING: &[u8] = br#"{"@level":"#;

/// Opens a file for events, private and empty. A file that holds something else is not overwritten; a pipe or a terminal
/// is written to as it is.
fn open(path: &Path) -> Result<Sink, CliError> {
    let refused = |why: &dyn std::fmt::Display| {
        CliError::wrong(format!("cannot write events to {}: {why}", path.display()))
            .hint("nothing was done; name another file with --json-into")
    };
    let failed = |error: std::io::Error| refused(&error);
    // Not truncated: its content is checked first.
    let sink = Sink::open(path, false).map_err(failed)?;
    let file = sink.file();
    if !file.metadata().map_err(failed)?.is_file() {
        return Ok(sink);
    }
    let mut start = Vec::new();
    let read = input::open(path).and_then(|file| file.take(BEGINNING.len() as u64).read_to_end(&mut start));
    read.map_err(failed)?;
    if !start.is_empty() && start != BEGINNING {
        return Err(refused(&"the file already exists and contains no events; it is not overwritten"));
    }
    file.set_len(0).and_then(|()| file.set_permissions(Permissions::from_mode(0o600))).map_err(failed)?;
    Ok(sink)
}

/// Reports the progress of the refresh. Hosts are reported in the order of their names, so that two runs have the
/// same output.
#[derive(Debug)]
pub(super) struct Looking<'a> {
    stream: &'a Stream,
    /// Hosts that were not reported yet, with their answer if it is known.
    hosts: std::collections::BTreeMap<HostName, Option<Result<usize, String>>>,
}

impl<'a> Looking<'a> {
    pub(super) fn at<'b>(stream: &'a Stream, hosts: impl Iterator<Item = &'b HostName>) -> Self {
        let hosts: std::collections::BTreeMap<_, _> = hosts.map(|host| (host.clone(), None)).collect();
        let names = hosts.keys().cloned().collect();
        stream.event(&format!("refreshing {} hosts", hosts.len()), &StreamEvent::FactsStart { hosts: names });
        Self { stream, hosts }
    }

    /// A host answered with this many resources, or failed.
    pub(super) fn answered(&mut self, host: &HostName, answer: Result<usize, String>) {
        self.hosts.insert(host.clone(), Some(answer));
        while let Some(first) = self.hosts.first_entry()
            && first.get().is_some()
        {
            let (host, answer) = first.remove_entry();
            let (reached, resources, error) = match answer {
                Some(Ok(resources)) => (true, resources, None),
                Some(Err(error)) => (false, 0, Some(error)),
                None => return,
            };
            let said = error.clone().unwrap_or_else(|| format!("{resources} resources checked"));
            let event = StreamEvent::FactsProgress { host: host.clone(), reached, resources, error };
            self.stream.event(&format!("{host}: {said}"), &event);
        }
    }

    /// All hosts are done.
    pub(super) fn end(self, facts: &FactSet) {
        let reached: std::collections::BTreeSet<HostName> = facts.hosts.keys().cloned().collect();
        let unreached = facts.unreached.clone();
        let resources = facts.seen.values().filter(|look| look.is_ok()).count();
        let all = reached.len() + unreached.len();
        let message = format!("refreshed {resources} resources on {} of {all} hosts", reached.len());
        self.stream.event(&message, &StreamEvent::FactsComplete { reached, unreached, resources });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_events_are_overwritten_by_events() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cluster.yaml");
        for text in ["name: prod\n", "{", "{\"@lev"] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
            let refused = open(&path).unwrap_err();
            assert_eq!(refused.exit, Exit::Wrong);
            assert!(refused.text().contains("is not overwritten") && refused.text().contains("nothing was done"));
            assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), mode(&path)), (text, 0o644));
        }
        for text in [String::new(), StreamEvent::version().line("mainstay 1")] {
            std::fs::write(&path, text).unwrap();
            open(&path).unwrap();
            assert_eq!((std::fs::metadata(&path).unwrap().len(), mode(&path)), (0, 0o600));
        }
    }

    #[test]
    fn a_pipe_is_written_to_and_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").args(["-m", "644"]).arg(&path).status().unwrap().success());
        let reader = std::thread::spawn({
            let path = path.clone();
            move || std::fs::read_to_string(path).unwrap()
        });
        // Refused as long as nobody reads.
        let mut sink = loop {
            match open(&path) {
                Ok(sink) => break sink,
                Err(error) => assert!(error.text().contains("nobody reads from this pipe")),
            }
        };
        sink.write_all(b"a line\n").unwrap();
        drop(sink);
        assert_eq!((reader.join().unwrap().as_str(), mode(&path)), ("a line\n", 0o644));
    }
}
