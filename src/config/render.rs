//! Diagnostics as people read them: the line, what is wrong in it, what to do.

use super::{Diagnostic, Label, Severity, Span};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Level, Renderer, Snippet};
use std::borrow::Cow;
use std::fmt::Write;

/// Most diagnostics that are shown; their number is told all the same.
const SHOWN: usize = 50;

/// Labels further apart than this many lines are shown apart.
const APART: u32 = 500;

/// Shows diagnostics of a file, with their lines, and how many there are. `text` is the file's,
/// and empty when there is none to show.
pub fn render_diagnostics(diagnostics: &[Diagnostic], text: &str, file: &str, color: bool) -> String {
    let text = without_secrets(diagnostics, text);
    let base = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = base.decor_style(DecorStyle::Ascii).term_width(100);
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        out.push_str(&one(diagnostic, &text, file, &renderer));
        out.push_str("\n\n");
    }
    if let Some(hidden) = diagnostics.len().checked_sub(SHOWN).filter(|hidden| *hidden > 0) {
        let _ = writeln!(out, "... and {hidden} more.\n");
    }
    out.push_str(&summary(diagnostics, file));
    out
}

/// How many errors and warnings there are: `2 errors in cluster.yaml.`
fn summary(diagnostics: &[Diagnostic], file: &str) -> String {
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let many = |count, word| match count {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let counted = match (errors, warnings) {
        (errors, 0) => many(errors, "error"),
        (0, warnings) => many(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", many(errors, "error"), many(warnings, "warning")),
    };
    format!("{counted} in {file}.\n")
}

fn one(diagnostic: &Diagnostic, text: &str, file: &str, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level.primary_title(diagnostic.message.as_str()).elements(Vec::<Element<'_>>::new());
    if let Some(primary) = &diagnostic.primary {
        let (near, far): (Vec<&Label>, Vec<&Label>) =
            diagnostic.labels.iter().partition(|label| label.span.line.abs_diff(primary.span.line) <= APART);
        let mut first = vec![(primary, AnnotationKind::Primary)];
        first.extend(near.into_iter().map(|label| (label, AnnotationKind::Context)));
        group = group.element(snippet(&first, text, file));
        for label in far {
            group = group.element(snippet(&[(label, AnnotationKind::Context)], text, file));
        }
    } else {
        let origin = annotate_snippets::Origin::path(file);
        group = group.element(origin);
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// The lines from the first to the last label, with the labels under them.
fn snippet<'a>(labels: &[(&'a Label, AnnotationKind)], text: &'a str, file: &'a str) -> Snippet<'a, Annotation<'a>> {
    let first = labels.iter().map(|(label, _)| label.span).min_by_key(|span| span.start);
    let first = first.unwrap_or(Span { start: 0, end: 0, line: 1, column: 1 });
    let last = labels.iter().map(|(label, _)| label.span.start).max().unwrap_or(first.start);
    let start = text[..first.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    let annotation = |(label, kind): &(&'a Label, AnnotationKind)| {
        let from = label.span.start;
        let line_end = text[from..].find(['\n', '\r']).map_or(text.len(), |at| from + at);
        let to = label.span.end.clamp(from, line_end.max(from));
        kind.span(from - start..to - start).label(Some(label.text.as_str()).filter(|text| !text.is_empty()))
    };
    Snippet::source(&text[start..end])
        .line_start(usize::try_from(first.line).unwrap_or(1))
        .path(file)
        .annotations(labels.iter().map(annotation))
}

/// The text with stars where a diagnostic says that a secret stands.
fn without_secrets<'a>(diagnostics: &[Diagnostic], text: &'a str) -> Cow<'a, str> {
    let spans = diagnostics.iter().filter(|d| d.secret).filter_map(|d| d.primary.as_ref());
    let mut masked: Option<Vec<u8>> = None;
    for Span { start, end, .. } in spans.map(|label| label.span) {
        let bytes = masked.get_or_insert_with(|| text.as_bytes().to_vec());
        for byte in bytes.iter_mut().take(end).skip(start).filter(|byte| **byte != b'\n') {
            *byte = b'*';
        }
    }
    match masked.map(String::from_utf8) {
        Some(Ok(masked)) => Cow::Owned(masked),
        Some(Err(_)) => Cow::Borrowed(""),
        None => Cow::Borrowed(text),
    }
}
