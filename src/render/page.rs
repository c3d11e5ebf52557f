//! A text that keeps to the columns of a terminal.

use std::fmt::Write;

use super::style::{Style, columns, wrap};

/// How far details are indented.
pub(super) const INDENT: usize = 6;

/// Lines of text, at most `width` columns wide where words allow it.
pub(super) struct Page {
    pub(super) text: String,
    pub(super) width: usize,
    pub(super) style: Style,
}

impl Page {
    /// Wrapped at `indent`.
    pub(super) fn indented(&mut self, indent: usize, text: &str) {
        self.painted(indent, text, |_, line| line.to_owned());
    }

    /// Wrapped at `indent`, each line painted.
    pub(super) fn painted(&mut self, indent: usize, text: &str, paint: impl Fn(Style, &str) -> String) {
        for line in wrap(text, self.width.saturating_sub(indent).max(20)) {
            let _ = writeln!(self.text, "{:indent$}{}", "", paint(self.style, &line));
        }
    }

    /// One line as it is, at the indent of details: a line of a diff is never broken.
    pub(super) fn whole(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:INDENT$}{line}", "");
    }

    /// `left`, and `right` in a second column where both fit, below otherwise. `painted` is what is written for
    /// `left`.
    pub(super) fn two_columns(&mut self, left: &str, painted: &str, right: &str) {
        let column = self.width * 9 / 16;
        let (used, wanted) = (columns(left), columns(right));
        self.text.push_str(painted);
        if right.is_empty() {
            self.text.push('\n');
        } else if used + 2 <= column && column + wanted <= self.width {
            let _ = writeln!(self.text, "{:pad$}{right}", "", pad = column - used);
        } else if used + 2 + wanted <= self.width {
            let _ = writeln!(self.text, "  {right}");
        } else {
            self.text.push('\n');
            self.indented(INDENT, right);
        }
    }

    /// A heading, wrapped, with a note beside or below it.
    pub(super) fn heading(&mut self, heading: &str, note: &str) {
        let mut lines = wrap(heading, self.width.max(20));
        let last = lines.pop().unwrap_or_default();
        for line in lines {
            let _ = writeln!(self.text, "{}", self.style.bold(&line));
        }
        self.two_columns(&last, &self.style.bold(&last), note);
    }
}
