//! The forms of a drift report.

use serde_json::Value;

use super::reason::Source;
use super::{drift_document, drift_github, drift_junit, drift_markdown, drift_text, drift_words};
use crate::plan::Drift;

pub use super::drift_text::DriftText;

/// A drift result with the locations in cluster.yaml.
#[derive(Clone, Copy)]
pub struct DriftReport<'a> {
    /// The drift.
    pub drift: &'a Drift,
    /// Where cluster.yaml says what it names.
    pub source: Source<'a>,
}

impl DriftReport<'_> {
    /// The summary in one line.
    pub fn summary(&self) -> String {
        drift_words::drift_summary(self.drift)
    }

    /// For people.
    pub fn text(&self, how: DriftText) -> String {
        drift_text::text(self.drift, self.source, how)
    }

    /// One JSON document.
    pub fn json(&self) -> Value {
        drift_document::document(self.drift, self.source)
    }

    /// `JUnit` XML, for test reports.
    pub fn junit(&self) -> String {
        drift_junit::junit(self.drift, self.source)
    }

    /// Annotations of GitHub Actions.
    pub fn github(&self) -> String {
        drift_github::github(self.drift, self.source)
    }

    /// Markdown for the body of an issue, under 65,536 characters.
    pub fn markdown(&self) -> String {
        drift_markdown::markdown(self.drift, self.source)
    }
}
