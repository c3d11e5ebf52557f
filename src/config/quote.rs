//! Names and values of the file inside messages: quoted, one line, no control characters, not
//! longer than a person reads.

/// Longest text that is shown in full.
const LONGEST: usize = 60;

/// The text in backticks.
pub(in crate::config) fn quoted(text: &str) -> String {
    if text.is_empty() {
        return "\"\"".to_owned();
    }
    let mut shown = String::from("`");
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        if invisible(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.push('`');
    shown
}

/// A list of names in backticks: "`a`, `b` and `c`".
pub(in crate::config) fn all_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    joined(names, "and")
}

/// A list of names in backticks: "`a`, `b` or `c`".
pub(in crate::config) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    joined(names, "or")
}

fn joined<'a>(names: impl IntoIterator<Item = &'a str>, word: &str) -> String {
    let mut names: Vec<String> = names.into_iter().map(quoted).collect();
    match (names.pop(), names.is_empty()) {
        (None, _) => String::new(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} {word} {last}", names.join(", ")),
    }
}

/// Control characters, and those that turn the direction of text or have no width: a message must
/// not look different from what it says.
pub(in crate::config) fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{all_of, one_of, quoted};

    #[test]
    fn what_is_shown_is_one_short_visible_line() {
        assert_eq!(quoted("a\nb\u{1b}[31m\u{202e}"), "`a\\nb\\u{1b}[31m\\u{202e}`");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 63);
        assert_eq!(all_of(["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(one_of(["a"]), "`a`");
        assert_eq!(quoted(""), "\"\"");
    }
}
