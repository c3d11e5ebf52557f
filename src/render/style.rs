//! Colour that only adds, columns, and texts that cannot drive a terminal.

use anstyle::{AnsiColor, Effects};

use crate::resource::Action;

/// Whether to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// Write ANSI colours; only for a terminal that wants them.
    pub(super) colour: bool,
}

impl Style {
    fn paint(self, style: anstyle::Style, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// A heading.
    pub(super) fn bold(self, text: &str) -> String {
        self.paint(anstyle::Style::new().effects(Effects::BOLD), text)
    }

    /// What may be skipped.
    pub(super) fn dim(self, text: &str) -> String {
        self.paint(anstyle::Style::new().effects(Effects::DIMMED), text)
    }

    /// What must not be missed.
    pub(super) fn alarm(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().effects(Effects::BOLD), text)
    }

    /// What is there now and will not be.
    pub(super) fn removed(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// What will be there.
    pub(super) fn added(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// The symbol of a plan line.
    pub(super) fn symbol(self, action: Action) -> String {
        let colour = match action {
            Action::NoOp => return action.symbol().to_owned(),
            Action::Create => AnsiColor::Green,
            Action::Update => AnsiColor::Yellow,
            Action::Replace => AnsiColor::Magenta,
            Action::Destroy => AnsiColor::Red,
            Action::Adopt => AnsiColor::Cyan,
            Action::Forget => AnsiColor::BrightBlack,
        };
        self.paint(colour.on_default(), action.symbol())
    }
}

/// The word for an action in tables and searches.
pub(super) fn verb(action: Action) -> &'static str {
    match action {
        Action::NoOp => "nothing",
        Action::Create => "add",
        Action::Update => "change",
        Action::Replace => "replace",
        Action::Destroy => "destroy",
        Action::Adopt => "adopt",
        Action::Forget => "forget",
    }
}

/// A text of a host or a file as one line that a terminal only shows: control characters, and those
/// that turn the direction of writing, as escapes.
pub(crate) fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(|c: char| c.is_control() || turns(c)) {
        return text.to_owned();
    }
    let escaped =
        text.chars().map(|c| if c.is_control() || turns(c) { c.escape_default().to_string() } else { c.into() });
    escaped.collect()
}

/// The same of a text of several lines.
pub(crate) fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    lines.join("\n")
}

/// Breaks a text at spaces into lines of at most `width` columns; longer words stay whole.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
                lines.push(std::mem::take(&mut line));
            } else if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// Columns that a text takes, a character each.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_only_when_asked_for() {
        assert_eq!(Style::default().symbol(Action::Create), "+");
        assert_eq!(Style { colour: true }.symbol(Action::Create), "\u{1b}[32m+\u{1b}[0m");
    }

    #[test]
    fn hostile_texts_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2J\n\u{202e}ü"), "a\\u{1b}[2J\\n\\u{202e}ü");
    }

    #[test]
    fn wrapping_keeps_long_words_whole() {
        assert_eq!(wrap("aa bb cccccc d", 5), ["aa bb", "cccccc", "d"]);
    }
}
