//! Unified diffs of texts.

use similar::{ChangeTag, TextDiff};

use super::style::{Style, plain};

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// A unified diff, a line each, at most `limit` lines and then how many were left out.
pub(super) fn unified(before: &str, after: &str, limit: usize, style: Style) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(style.dim(&hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let line = change.value();
            let text = shown(line.strip_suffix('\n').unwrap_or(line));
            lines.push(match change.tag() {
                ChangeTag::Equal => format!("  {text}").trim_end().to_owned(),
                ChangeTag::Delete => style.removed(format!("- {text}").trim_end()),
                ChangeTag::Insert => style.added(format!("+ {text}").trim_end()),
            });
            if change.missing_newline() {
                lines.push(style.dim("\\ no newline at the end of the file"));
            }
        }
    }
    if lines.len() > limit {
        let more = lines.len() - limit;
        lines.truncate(limit);
        lines.push(style.dim(&format!("... {more} more lines (--full shows them)")));
    }
    lines
}

/// The lines that change, without what is around them: in this two diffs are alike.
pub(super) fn changed_lines(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let changed = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
    changed.map(|change| format!("{}{}\n", change.tag(), change.value())).collect()
}

/// Tabs stay: they are content, and harmless.
fn shown(line: &str) -> String {
    let parts: Vec<String> = line.split('\t').map(plain).collect();
    parts.join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_lines_of_context_and_no_more() {
        let before = (1..=20).map(|i| format!("line {i}")).collect::<Vec<_>>().join("\n") + "\n";
        let after = before.replace("line 10\n", "line ten\n").replace("line 20\n", "line 20");
        insta::assert_snapshot!(unified(&before, &after, 100, Style::default()).join("\n"), @"
        @@ -7,7 +7,7 @@
          line 7
          line 8
          line 9
        - line 10
        + line ten
          line 11
          line 12
          line 13
        @@ -17,4 +17,4 @@
          line 17
          line 18
          line 19
        - line 20
        + line 20
        \\ no newline at the end of the file
        ");
        assert_eq!(unified(&before, &after, 2, Style::default())[2], "... 14 more lines (--full shows them)");
    }
}
