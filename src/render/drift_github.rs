//! A drift report as GitHub annotations: drift is an error, pending a notice, an unchecked resource a warning. The
//! last one is the summary, because GitHub shows at most ten of each level.

use std::fmt::Write;

use super::drift_words::{differences, drift_summary, line, looked, unseen, verdict};
use super::reason::Source;
use crate::plan::{Answer, Drift, Entry, Label};

/// A workflow command a line.
pub(super) fn github(drift: &Drift, source: Source<'_>) -> String {
    let mut text = String::new();
    for entry in &drift.entries {
        let (level, title, told) = match entry.label {
            Label::Pending => ("notice", "pending", format!("pending: {}", verdict(entry, source))),
            Label::Drift | Label::Both => {
                ("error", "drift", format!("{}\n{}", verdict(entry, source), differences(entry)))
            }
        };
        let title = format!("{title} {}", entry.address);
        let _ = writeln!(
            text,
            "::{level} {}title={}::{}",
            place(entry, source),
            property(&title),
            message(told.trim_end())
        );
    }
    for (what, why) in unseen(drift) {
        let _ = writeln!(text, "::warning title=not checked::{}", message(&format!("{what}\n{why}")));
    }
    for warning in &drift.warnings {
        let _ = writeln!(text, "::warning title={}::{}", property(&drift.cluster), message(&warning.text));
    }
    let level = if drift.answer() == Answer::Drift { "error" } else { "notice" };
    let summary = format!("{}\n{}", drift_summary(drift), looked(drift));
    let _ =
        writeln!(text, "::{level} title={}::{}", property(&format!("drift of {}", drift.cluster)), message(&summary));
    text
}

/// The line of cluster.yaml, where a pull request shows the annotation.
fn place(entry: &Entry, source: Source<'_>) -> String {
    line(entry, source).map_or_else(String::new, |line| format!("file={},line={line},", property(source.file)))
}

/// A message may be any text; three characters would end it.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// In a property two more would.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_can_end_an_annotation_or_begin_another() {
        assert_eq!(message("50%\r\n::error::x"), "50%25%0D%0A::error::x");
        assert_eq!(property("a:b,c\n%"), "a%3Ab%2Cc%0A%25");
    }
}
