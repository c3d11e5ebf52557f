//! The YAML parser's errors, in the words of someone who has the file open.

use super::text::span_at;
use crate::config::{Diagnostic, Label, Severity};
use serde_yaml::granit_parser::{ErrorKind, ScanError};

/// Most lines with tabs that one message points at.
const TAB_LINES: usize = 8;

pub(super) fn explain(text: &str, error: &ScanError) -> Diagnostic {
    let at = floor(text, error.marker().byte_offset().unwrap_or(0));
    let end = text[at..].chars().next().filter(|c| *c != '\n').map_or(at, |c| at + c.len_utf8());
    let (message, help) = words(error.kind());
    let mut diagnostic = Diagnostic {
        severity: Severity::Error,
        message,
        primary: Some(Label { span: span_at(text, at, end), text: String::new() }),
        labels: Vec::new(),
        help: vec![help.to_owned()],
        secret: false,
    };
    if is_tab(error.kind()) || text[..at].lines().last().is_some_and(|line| line.starts_with('\t')) {
        point_at_tabs(text, &mut diagnostic);
    }
    diagnostic
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation)
}

/// Underlines every indentation with a tab, so that all are mended at once.
fn point_at_tabs(text: &str, diagnostic: &mut Diagnostic) {
    let mut offset = 0;
    let mut places = Vec::new();
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t') {
            places.push((offset + tab, offset + indent));
        }
        offset += line.len();
    }
    let Some(((start, end), rest)) = places.split_first() else {
        return;
    };
    "this line is indented with a tab".clone_into(&mut diagnostic.message);
    diagnostic.help = vec!["indent with spaces; let the editor replace tabs".into()];
    let label = |(start, end): &(usize, usize)| Label { span: span_at(text, *start, *end), text: String::new() };
    diagnostic.primary = Some(label(&(*start, *end)));
    diagnostic.labels = rest.iter().take(TAB_LINES).map(label).collect();
    if places.len() > 1 {
        diagnostic.message = format!("{} lines are indented with tabs", places.len());
    }
}

fn words(kind: &ErrorKind) -> (String, &'static str) {
    let (message, help) = match kind {
        ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::UnclosedFlowCollection { open: '[' } => {
            ("a list in brackets is not closed", "end it with `]` and separate its values with commas")
        }
        ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::UnclosedFlowCollection { .. } => {
            ("a map in braces is not closed", "end it with `}` and separate its keys with commas")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry => (
            "the indentation of this line does not match the lines above it",
            "start all keys of a map in the same column, and all dashes of a list",
        ),
        ErrorKind::InvalidIndentation => {
            ("the indentation is wrong here", "start all keys of a map in the same column")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a key and its colon are expected here", "write `key: value`, with a space after the colon")
        }
        ErrorKind::UnknownAnchor => {
            ("an alias without an anchor", "define it before with `&name`, or quote the text: \"*\"")
        }
        ErrorKind::UnexpectedCharacter { .. } => ("a character that cannot begin a value", "put the value in quotes"),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            ("a quotation mark is not closed", "add the closing quotation mark")
        }
        ErrorKind::InvalidQuotedScalarIndent => (
            "a quotation mark above this line is not closed",
            "close quoted text with the same quotation mark, on the same line",
        ),
        ErrorKind::MismatchedFlowCollectionEnd { open: '[', .. } => {
            ("this list in brackets ends with a brace", "end it with `]`")
        }
        ErrorKind::MismatchedFlowCollectionEnd { .. } => ("this map in braces ends with a bracket", "end it with `}`"),
        ErrorKind::UnknownQuotedScalarEscape => (
            "an unknown escape in double quotes",
            "write a backslash as `\\\\`, or use single quotes, which have no escapes",
        ),
        ErrorKind::RecursionLimitExceeded => {
            ("values are nested too deeply", "cluster.yaml has only a few levels; check that this is the right file")
        }
        _ => {
            return (format!("invalid YAML: {kind}"), "check the text before this position");
        }
    };
    (message.to_owned(), help)
}

/// The character boundary at or before an offset.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
