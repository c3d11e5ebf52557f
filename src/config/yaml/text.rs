//! Before YAML: is it text at all, and of a size that a person could have written?

use crate::config::{Diagnostic, Label, Severity, Span};

/// The largest file that is read: 5,000 hosts with everything spelled out take less than half.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// Bytes to text.
pub(in crate::config) fn decode(bytes: &[u8]) -> Result<&str, Box<Diagnostic>> {
    check_size(bytes.len())?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Box::new(fault("the file is UTF-16", None, "save it as UTF-8 without a byte order mark")));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let line = bytes[..at].split(|byte| *byte == b'\n').count();
        let message = format!("the file is not text: line {line} is not UTF-8");
        Box::new(fault(&message, None, "save it as UTF-8, or check that this is the right file"))
    })
}

/// Refuses text that is too large, is empty, or contains control characters.
pub(in crate::config) fn check_text(text: &str) -> Result<(), Box<Diagnostic>> {
    check_size(text.len())?;
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let Some((at, found)) = text.char_indices().find(|(_, c)| control(*c)) else {
        return Ok(());
    };
    let span = span_at(text, at, at + found.len_utf8());
    let label = Label { span, text: String::new() };
    let message = format!("the file contains the control character U+{:04X}", u32::from(found));
    let help = "write it as an escape in double quotes, such as \"\\x1b\"";
    Err(Box::new(fault(&message, Some(label), help)))
}

/// The span of two byte offsets.
pub(super) fn span_at(text: &str, start: usize, end: usize) -> Span {
    let before = &text[..start];
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rfind('\n').map_or(before, |at| &before[at + 1..]).chars().count() + 1;
    Span { start, end, line: narrow(line), column: narrow(column) }
}

/// Lines and columns of a file of at most 4 MiB fit.
pub(super) fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn check_size(bytes: usize) -> Result<(), Box<Diagnostic>> {
    if bytes <= LARGEST {
        return Ok(());
    }
    let message = format!(
        "the file has {} MiB; at most {} MiB are allowed",
        bytes.div_ceil(1024 * 1024),
        LARGEST / (1024 * 1024)
    );
    Err(Box::new(fault(&message, None, "check that this is the right file; a cluster of 5,000 hosts needs 2 MiB")))
}

fn fault(message: &str, primary: Option<Label>, help: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        message: message.to_owned(),
        primary,
        labels: Vec::new(),
        help: vec![help.to_owned()],
        secret: false,
    }
}
