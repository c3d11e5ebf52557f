//! A drift report as Markdown for the body of an issue: never longer than GitHub takes.

use std::fmt::Write;

use super::diff_text::unified;
use super::drift_text::{groups, pending};
use super::drift_words::{DIFF_LINES, drift_summary, field, ignored, looked, traces, unseen, verdict};
use super::hosts_text::host_list;
use super::reason::Source;
use super::style::{Style, plain};
use crate::plan::Drift;
use crate::resource::Shown;

/// GitHub refuses a body of 65,536 characters, and whoever posts it may add a line; GitLab takes more.
const LIMIT: usize = 65_000;
/// What is kept free for what is said at the end of a cut report.
const RESERVE: usize = 300;

/// The report; what does not fit is counted.
pub(super) fn markdown(drift: &Drift, source: Source<'_>) -> String {
    let mut body = Body { text: String::new(), left_out: 0 };
    body.must(&format!("### {}: {}\n", escaped(&drift.cluster), escaped(&drift_summary(drift))));
    body.must(&format!("\n{} (state serial {}).\n", capital(&looked(drift)), drift.serial));
    let drifted = groups(drift.drifted(), false, source);
    if !drifted.is_empty() {
        body.must("\n| hosts | resource | difference | reported by the host |\n|---|---|---|---|\n");
    }
    for group in &drifted {
        let entry = group.entries[0];
        let fields: Vec<String> = entry.fields.iter().map(field).collect();
        let what = [vec![verdict(entry, source)], fields].concat().join("; ");
        let name = format!("{}/{}", entry.address.component(), entry.address.short());
        let hosts = host_list(&group.hosts(), 200);
        let told = traces(&group.entries).join("; ");
        let row = format!("| {} | {} | {} | {} |\n", escaped(&hosts), code(&name), escaped(&what), escaped(&told));
        body.may(&row);
    }
    body.list(
        "Pending, not drift",
        pending(drift, false, source).iter().map(|(what, why)| format!("{}: {}", escaped(what), escaped(why))),
    );
    body.list("Not checked", unseen(drift).iter().map(|(what, why)| format!("{}: {}", escaped(what), escaped(why))));
    body.list("Ignored", ignored(drift).iter().map(|line| escaped(line)));
    body.list("Warnings", drift.warnings.iter().map(|warning| escaped(&warning.text)));
    for group in &drifted {
        let entry = group.entries[0];
        for change in entry.fields.iter().filter(|change| change.shown == Shown::Text) {
            let diff = unified(&change.before, &change.after, DIFF_LINES, Style::default()).join("\n");
            let fence = fence(&diff);
            let name = html(&plain(entry.address.as_str()));
            let field = html(&change.field);
            body.may(&format!(
                "\n<details><summary><code>{name}</code> {field}: as applied (-), current (+)</summary>\n\n\
                 {fence}diff\n{diff}\n{fence}\n\n</details>\n"
            ));
        }
    }
    if body.left_out > 0 {
        let _ = write!(
            body.text,
            "\n**Truncated:** {} more sections did not fit; `mainstay drift --full` shows them.\n",
            body.left_out
        );
    }
    body.text
}

struct Body {
    text: String,
    left_out: usize,
}

impl Body {
    fn must(&mut self, part: &str) {
        self.text.push_str(part);
    }

    /// A part that is left out, and counted, when there is no room for it.
    fn may(&mut self, part: &str) {
        if self.text.chars().count() + part.chars().count() + RESERVE <= LIMIT {
            self.text.push_str(part);
        } else {
            self.left_out += 1;
        }
    }

    fn list(&mut self, title: &str, items: impl Iterator<Item = String>) {
        let mut items = items.peekable();
        if items.peek().is_some() {
            self.may(&format!("\n**{title}**\n\n"));
        }
        for item in items {
            self.may(&format!("- {item}\n"));
        }
    }
}

/// A text that Markdown shows as it is: no markup, no mention, no cell's end.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            // A mention would call somebody.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A name as code; a table's cell ends at `|` even there.
fn code(text: &str) -> String {
    format!("<code>{}</code>", html(&plain(text)).replace('|', "&#124;"))
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('*', "&#42;").replace('_', "&#95;").replace('@', "&#64;")
}

/// Longer than any run of backticks in the text.
fn fence(text: &str) -> String {
    let (mut longest, mut run) = (2, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(longest + 1)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escaped("a|b `c` <img> @team"), "a\\|b \\`c\\` &lt;img> &#64;team");
        assert_eq!(code("file[/a|<b>*]"), "<code>file[/a&#124;&lt;b>&#42;]</code>");
        assert_eq!(fence("a ```` b"), "`````");
    }
}
