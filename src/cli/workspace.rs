//! The input of a command: cluster.yaml and the location of its state.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::CliError;
use super::location::Location;
use super::ui::Ui;
use crate::config::{self, Cluster, FleetKind, Loaded};
use crate::fleet::Reach;
use crate::flow::{self, FlowError};
use crate::hint::Hint;
use crate::input;
use crate::plan;
use crate::render::{Diagnosis, Range, Severity, StreamEvent};
use crate::resource::{HostName, sha256_hex};
use crate::state::State;

/// A cluster.yaml that was read and checked, with the location of its state.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) file: PathBuf,
    /// SHA-256 of cluster.yaml.
    pub(super) sha256: String,
    pub(super) loaded: Loaded,
    pub(super) location: Location,
    pub(super) simulate: bool,
    bytes: Vec<u8>,
    ui: Ui,
}

impl Workspace {
    /// Reads and checks cluster.yaml and prints its warnings.
    pub(super) fn open(file: &Path, simulate: bool, ui: Ui) -> Result<Self, CliError> {
        Self::of(read(file)?, file, simulate, ui, false)
    }

    /// Checks a cluster.yaml that was read already; `doubts` also shows the warnings that the state could refute.
    pub(super) fn of(bytes: Vec<u8>, file: &Path, simulate: bool, ui: Ui, doubts: bool) -> Result<Self, CliError> {
        let (name, base) = (file.display().to_string(), base_of(file));
        let mut loaded =
            config::load_bytes(&bytes, &name, &base).map_err(|errors| faults(&errors, &bytes, &name, ui))?;
        if doubts {
            loaded.warnings.append(&mut loaded.doubts);
        }
        for warning in &loaded.warnings {
            let diagnostic = diagnosis(warning, &name);
            ui.event(&warning.message, &StreamEvent::Diagnostic { diagnostic, exit_code: None });
        }
        if !loaded.warnings.is_empty() && !ui.json {
            let text = String::from_utf8_lossy(&bytes);
            ui.say(&config::render_diagnostics(&loaded.warnings, &text, &name, ui.color()));
        }
        let location = location(&base, loaded.cluster.state_path.as_deref(), &loaded.cluster.name, simulate);
        Ok(Self { file: file.to_owned(), sha256: sha256_hex(&bytes), loaded, location, simulate, bytes, ui })
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.loaded.cluster
    }

    /// How every host is reached: those of cluster.yaml, and those that left it but still have
    /// records.
    pub(super) fn reaches(&self, state: &State) -> Result<BTreeMap<HostName, Reach>, CliError> {
        flow::reaches(self.cluster(), self.simulate, state).map_err(|error| self.explain(error))
    }

    /// An error with the place of cluster.yaml that it is about, where it is about one.
    pub(super) fn explain(&self, error: FlowError) -> CliError {
        let Some(fault) = unfit(&error, &self.bytes) else { return error.into() };
        let (name, exit) = (self.file.display().to_string(), CliError::from(error).exit);
        let errors = config::ConfigErrors { file: name.clone(), diagnostics: vec![fault] };
        CliError { exit, ..faults(&errors, &self.bytes, &name, self.ui) }
    }

    /// The declared resources, under their current names.
    pub(super) fn wishes(&self, state: &State) -> Result<flow::Wishes, CliError> {
        let followed = plan::follow(state, &flow::renames(self.cluster()))?;
        flow::Wishes::gather(self.cluster(), &followed).map_err(|error| self.explain(error))
    }

    /// The state, or a fresh one where nothing was made yet. Takes no lock and writes nothing.
    pub(super) fn state(&self) -> Result<State, CliError> {
        self.location.of_cluster(&self.cluster().name)
    }

    pub(super) fn simulated(&self) -> bool {
        self.simulate || self.cluster().fleet == FleetKind::Simulated
    }
}

/// Where the state is.
fn location(base: &Path, declared: Option<&Path>, name: &str, simulate: bool) -> Location {
    let path = base.join(declared.map_or_else(|| PathBuf::from("state").join(format!("{name}.json")), Path::to_owned));
    let path = path.strip_prefix(".").map_or(path.clone(), Path::to_owned);
    Location::of_file(&if simulate { path.with_extension("simulated.json") } else { path })
}

fn base_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Reads a cluster.yaml.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    let read = if is_stream(file) {
        // Without a folder of its own its state would be missing, and a plan would make everything again.
        Err(Error::new(ErrorKind::InvalidInput, "this is a stream, but cluster.yaml must be a file in a directory"))
    } else {
        input::read(file, config::LARGEST as u64)
    };
    read.map_err(|error| {
        let wrong = CliError::wrong(format!("cannot read {}: {error}", file.display()));
        match error.kind() {
            ErrorKind::NotFound => {
                wrong.hint(Hint::from("create one with ").run("init", "").text(", or name another file with `-f FILE`"))
            }
            ErrorKind::InvalidInput => wrong
                .hint("save it to a file: the state and the paths in it are relative to its directory")
                .hint("to check standard input, run `mainstay validate -`"),
            _ => wrong,
        }
    })
}

/// Whether this is the name of an open stream, for example from `<(..)` in bash.
fn is_stream(file: &Path) -> bool {
    let folder = file.parent().unwrap_or(file);
    file == Path::new("/dev/stdin") || folder == Path::new("/dev/fd") || folder.starts_with("/proc")
}

/// A problem with something that cluster.yaml refers to, as a diagnostic of cluster.yaml.
pub(super) fn unfit(error: &FlowError, bytes: &[u8]) -> Option<config::Diagnostic> {
    let (key, message, help) = match error {
        FlowError::Unfit { key, reason } => (key.as_str(), reason.clone(), Vec::new()),
        FlowError::Secret { key, reference, reason } => {
            let unset = reason.ends_with("is not set");
            let help = unset.then(|| "export it and run the same command again".to_owned());
            (key.as_str(), format!("{reference} {reason}"), help.into_iter().collect())
        }
        _ => return None,
    };
    let pointer = config::pointer(key.split('.'));
    Some(config::fault_at(&String::from_utf8_lossy(bytes), &pointer, message, help))
}

/// All errors at once: a page for people, separate diagnostics for programs.
pub(super) fn faults(errors: &config::ConfigErrors, bytes: &[u8], name: &str, ui: Ui) -> CliError {
    let text = String::from_utf8_lossy(bytes);
    let faults = errors.diagnostics.iter().map(|fault| diagnosis(fault, name)).collect();
    let page = config::render_diagnostics(&errors.diagnostics, &text, name, ui.color());
    CliError { faults, ..CliError::wrong(page) }
}

/// A diagnostic of cluster.yaml in the format of events.
fn diagnosis(fault: &config::Diagnostic, name: &str) -> Diagnosis {
    let place =
        |label: &config::Label| Range { filename: name.to_owned(), line: label.span.line, column: label.span.column };
    Diagnosis {
        severity: match fault.severity {
            config::Severity::Error => Severity::Error,
            config::Severity::Warning => Severity::Warning,
        },
        summary: fault.message.clone(),
        address: None,
        range: fault.primary.as_ref().map(place),
        hints: fault.help.clone(),
    }
}
