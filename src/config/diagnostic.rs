//! An error or a warning about cluster.yaml, as data. [`crate::config::render_diagnostics`] shows them to people;
//! programs read them as JSON.

use serde::Serialize;

/// The severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file is valid, but this may be a mistake.
    Warning,
}

/// A stretch of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: u32,
    /// Column of the first byte in characters, from 1.
    pub column: u32,
}

/// A span of the file with a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Where.
    #[serde(flatten)]
    pub span: Span,
    /// The label, possibly empty.
    pub text: String,
}

/// An error or a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The severity.
    pub severity: Severity,
    /// The problem in one line.
    pub message: String,
    /// Where; `None` when it concerns no place in particular, such as an empty file.
    pub primary: Option<Label>,
    /// Other places that have to do with it.
    pub labels: Vec<Label>,
    /// The hints.
    pub help: Vec<String>,
    /// Whether the primary span contains a secret, such as a literal password.
    #[serde(skip)]
    pub secret: bool,
}
