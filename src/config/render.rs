//! Diagnostics as text: the line, the problem and the hints.

use super::masking::presentable;
use super::{Diagnostic, Label, Severity, Span};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};
use std::fmt::Write;

/// Maximum number of diagnostics to show; all are counted.
const SHOWN: usize = 50;

/// Labels further apart than this many lines are shown apart.
const APART: u32 = 500;

/// Most bytes of the file that one diagnostic shows.
const LONGEST: usize = 64 * 1024;

/// Shows diagnostics of a file, with their lines, and how many there are. `text` is the file's,
/// and empty when there is none to show.
pub fn render_diagnostics(diagnostics: &[Diagnostic], text: &str, file: &str, color: bool) -> String {
    let secret = diagnostics.iter().filter(|d| d.secret).filter_map(|d| d.primary.as_ref());
    let hidden: Vec<Span> = secret.map(|label| label.span).collect();
    let base = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = base.decor_style(DecorStyle::Ascii).term_width(100);
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        out.push_str(&one(diagnostic, text, &hidden, file, &renderer));
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

fn one(diagnostic: &Diagnostic, text: &str, hidden: &[Span], file: &str, renderer: &Renderer) -> String {
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
        group = group.element(excerpt(&first, text, hidden, file));
        for label in far {
            group = group.element(excerpt(&[(label, AnnotationKind::Context)], text, hidden, file));
        }
    } else {
        group = group.element(Origin::path(file));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// The lines from the first to the last label, with the labels under them. Of what no person wrote,
/// such as lines of megabytes, only the place is told.
fn excerpt<'a>(labels: &[(&'a Label, AnnotationKind)], text: &str, hidden: &[Span], file: &'a str) -> Element<'a> {
    let first = labels.iter().map(|(label, _)| label.span).min_by_key(|span| span.start);
    let first = first.unwrap_or(Span { start: 0, end: 0, line: 1, column: 1 });
    let last = labels.iter().map(|(label, _)| label.span.start).max().unwrap_or(first.start);
    let start = text[..first.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    // A line of Windows ends before its carriage return.
    let end = if text[start..end].ends_with('\r') { end - 1 } else { end };
    let line = usize::try_from(first.line).unwrap_or(1);
    if end - start > LONGEST {
        let column = usize::try_from(first.column).unwrap_or(1);
        return Origin::path(file).line(line).char_column(column).into();
    }
    let annotation = |(label, kind): &(&'a Label, AnnotationKind)| {
        let from = label.span.start.min(end);
        let line_end = text[from..].find(['\n', '\r']).map_or(text.len(), |at| from + at);
        let to = label.span.end.clamp(from, line_end.max(from));
        kind.span(from - start..to - start).label(Some(label.text.as_str()).filter(|text| !text.is_empty()))
    };
    let within = |span: &Span| {
        (span.start < end && span.end > start).then(|| span.start.max(start) - start..span.end.min(end) - start)
    };
    Snippet::source(presentable(&text[start..end], hidden.iter().filter_map(within)))
        .line_start(line)
        .path(file)
        .annotations(labels.iter().map(annotation))
        .into()
}
