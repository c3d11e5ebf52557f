//! Collects diagnostics by JSON pointer, so that the checks need no positions.

use super::yaml::Index;
use super::{Diagnostic, Label, Severity, Span};
use std::collections::BTreeSet;

/// Maximum number of diagnostics: a file with more is probably not a cluster.yaml.
pub(super) const MOST: usize = 200;

/// An error or a warning, by JSON pointers.
#[derive(Debug)]
pub(super) struct Fault {
    at: String,
    on_key: bool,
    message: String,
    because: String,
    also: Vec<(String, String)>,
    help: Vec<String>,
    secret: bool,
}

impl Fault {
    /// A problem with the value at a pointer.
    pub(super) fn at(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            on_key: false,
            message: message.into(),
            because: String::new(),
            also: Vec::new(),
            help: Vec::new(),
            secret: false,
        }
    }

    /// A problem with the key at a pointer.
    pub(super) fn key(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { on_key: true, ..Self::at(at, message) }
    }

    /// The label of the underlined span.
    pub(super) fn because(mut self, text: impl Into<String>) -> Self {
        self.because = text.into();
        self
    }

    /// A related place.
    pub(super) fn also(mut self, at: impl Into<String>, text: impl Into<String>) -> Self {
        self.also.push((at.into(), text.into()));
        self
    }

    /// A hint.
    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// The value must not be shown.
    pub(super) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// All diagnostics so far, and the unusable parts of the file.
#[derive(Debug)]
pub(super) struct Faults<'a> {
    index: &'a Index,
    diagnostics: Vec<Diagnostic>,
    doubts: Vec<Diagnostic>,
    broken: BTreeSet<String>,
    torn: bool,
    errors: usize,
}

impl<'a> Faults<'a> {
    /// Starts with the diagnostics of parsing, which may have skipped parts of the file.
    pub(super) fn new(index: &'a Index, diagnostics: Vec<Diagnostic>) -> Self {
        let errors = diagnostics.len();
        Self { index, diagnostics, doubts: Vec::new(), broken: BTreeSet::new(), torn: errors > 0, errors }
    }

    /// Adds an error.
    pub(super) fn error(&mut self, fault: Fault) {
        self.errors += 1;
        self.push(Severity::Error, fault);
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, fault: Fault) {
        self.push(Severity::Warning, fault);
    }

    /// Adds a warning that the state can refute.
    pub(super) fn doubt(&mut self, fault: Fault) {
        let diagnostic = self.diagnostic(Severity::Warning, fault);
        self.doubts.push(diagnostic);
    }

    /// Returns the warnings that the state can refute.
    pub(super) fn take_doubts(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.doubts)
    }

    /// Adds an error and marks the value as unusable.
    pub(super) fn broken(&mut self, fault: Fault) {
        self.broken.insert(fault.at.clone());
        self.error(fault);
    }

    /// Marks the value as unusable; the error is reported elsewhere.
    pub(super) fn mark_broken(&mut self, at: String) {
        self.broken.insert(at);
    }

    /// Whether everything below the pointer could be read: only then something can be said to be
    /// missing, or to be too few.
    pub(super) fn is_complete(&self, at: &str) -> bool {
        !self.torn && !self.is_broken(at)
    }

    /// Whether something at or below the pointer could not be used, so that what depends on the
    /// whole of it is better not said.
    pub(super) fn is_broken(&self, at: &str) -> bool {
        self.broken
            .iter()
            .any(|broken| broken.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// Whether the file has the key at the pointer.
    pub(super) fn written(&self, at: &str) -> bool {
        self.index.has(at)
    }

    /// The position of the value at a pointer.
    pub(super) fn place(&self, at: &str) -> Span {
        self.index.value(at)
    }

    /// Whether no error was found.
    pub(super) fn is_clean(&self) -> bool {
        self.errors == 0
    }

    /// Whether the maximum is reached.
    pub(super) fn is_full(&self) -> bool {
        self.diagnostics.len() >= MOST
    }

    /// All diagnostics in the order of the file.
    pub(super) fn into_diagnostics(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|d| d.primary.as_ref().map_or(0, |label| label.span.start));
        if self.is_full() {
            self.diagnostics.push(too_many());
        }
        self.diagnostics
    }

    fn push(&mut self, severity: Severity, fault: Fault) {
        if !self.is_full() {
            let diagnostic = self.diagnostic(severity, fault);
            self.diagnostics.push(diagnostic);
        }
    }

    fn diagnostic(&self, severity: Severity, fault: Fault) -> Diagnostic {
        let span = if fault.on_key { self.index.key(&fault.at) } else { self.index.value(&fault.at) };
        let label = |(at, text): (String, String)| Label { span: self.index.value(&at), text };
        let labels = fault.also.into_iter().map(label).filter(|l| l.span != span).collect();
        Diagnostic {
            severity,
            message: fault.message,
            primary: Some(Label { span, text: fault.because }),
            labels,
            help: fault.help,
            secret: fault.secret,
        }
    }
}

/// The diagnostic that says that the list is incomplete.
pub(super) fn too_many() -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        message: format!("stopped after {MOST} errors"),
        primary: None,
        labels: Vec::new(),
        help: vec!["check that this is the right file".to_owned()],
        secret: false,
    }
}
