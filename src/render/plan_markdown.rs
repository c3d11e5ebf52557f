//! A plan as a comment on a pull request: the answer in the heading, then what destroys and what cannot be planned, then
//! a table; the changes themselves folded away. It never grows beyond what such a comment may hold.
//!
//! What comes from hosts and files stands in fences and code spans only, so that it can neither end them nor call
//! anybody.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::diff_text::unified;
use super::grouping::{Entry, Group, destructive, groups};
use super::plan_text::{cannot_apply, keys, not_refused, note, plan_header, plan_summary, trouble_title};
use super::problems::{Sort, troubles, warnings};
use super::reason::{Source, reasons};
use super::style::{Style, plain, plain_lines, verb};
use crate::plan::{Mode, Plan};
use crate::resource::{Action, FieldChange, Shown};

/// GitHub and others take 65,536 characters.
const LIMIT: usize = 65_000;
/// How much of it each may take of what must be seen: what destroys, problems, warnings.
const LOUD: usize = 15_000;
/// How much of it the table may take, at most.
const TABLE: usize = 8_000;
/// Lines of one diff.
const DIFF_LINES: usize = 100;
/// Lines of what a problem says.
const PROBLEM_LINES: usize = 20;
/// Columns of a list of hosts.
const HOSTS: usize = 100;

/// How to write a plan as Markdown.
#[derive(Clone, Copy)]
pub struct PlanMarkdown<'a> {
    /// Nothing is grouped; what is too long is still left out.
    pub full: bool,
    /// Where cluster.yaml says what the plan names.
    pub source: Source<'a>,
}

impl PlanMarkdown<'_> {
    /// The whole comment, less than 65,536 bytes of it. It begins with `<!-- mainstay plan: NAME -->`, by which a
    /// pipeline finds the comment that it wrote before.
    pub fn render(&self, plan: &Plan) -> String {
        let groups = groups(plan, self.full, |change| reasons(change, self.source));
        let mut text = format!("<!-- mainstay plan: {} -->\n## {}\n\n", plan.cluster, heading(plan));
        if let Some(refused) = cannot_apply(plan) {
            let _ = writeln!(text, "**{refused}**\n");
        }
        let _ = writeln!(text, "{}.", plan_header(plan));
        let warnings = warnings(plan).iter().map(|warning| format!("\n**Warning:** {}\n", escaped(warning))).collect();
        for (pieces, what) in [(loud(&groups), "that destroy"), (problems(plan), "problems"), (warnings, "warnings")] {
            let room = text.len() + LOUD;
            put(&mut text, pieces, room, |left| format!("\n**{left} more {what} are not shown here.**\n"));
        }
        let room = LIMIT.min(text.len() + TABLE);
        put(&mut text, table(&groups), room, |left| format!("\n{left} more rows are not shown here.\n"));
        let last = last(plan);
        let mut left_out = 0;
        for group in &groups {
            let block = details(group);
            if text.len() + block.len() + last.len() <= LIMIT {
                text.push_str(&block);
            } else {
                left_out += group.count();
            }
        }
        if left_out > 0 {
            let _ = write!(
                text,
                "\n**{left_out} more changes are not shown here.** Use `mainstay show FILE` for a saved plan, or \
                 `mainstay plan --full` for a new one.\n"
            );
        }
        text + &last
    }
}

/// Pieces as long as they fit; where they do not, a note with how many are left out.
fn put(text: &mut String, pieces: Vec<String>, limit: usize, note: impl Fn(usize) -> String) {
    let mut left_out = 0;
    for piece in pieces {
        if left_out == 0 && text.len() + piece.len() <= limit {
            text.push_str(&piece);
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        text.push_str(&note(left_out));
    }
}

/// The last line of a plan with refused changes.
fn last(plan: &Plan) -> String {
    let rest = not_refused(plan);
    let rest = if rest.is_empty() { rest } else { format!("{rest} ") };
    cannot_apply(plan).map_or_else(String::new, |refused| format!("\n{rest}**{refused}**\n"))
}

/// The answer.
fn heading(plan: &Plan) -> String {
    let what = if plan.mode == Mode::Destroy { "destroy " } else { "" };
    let summary = plan_summary(plan);
    if plan.refusals() > 0 {
        let changes = if plan.refusals() == 1 { "change" } else { "changes" };
        return format!("{what}{}: cannot be applied, {} {changes} refused", plan.cluster, plan.refusals());
    }
    let answer = summary.strip_prefix("Plan: ").unwrap_or(&summary).trim_end_matches('.');
    let problems = match plan.counts().problems {
        0 => String::new(),
        1 => ", 1 problem".into(),
        many => format!(", {many} problems"),
    };
    format!("{what}{}: {answer}{problems}", plan.cluster)
}

/// What destroys something, or what people must know before they approve. Each piece is a line of its own.
fn loud(groups: &[Group<'_>]) -> Vec<String> {
    let tell = |(group, entries): (&Group<'_>, Vec<&Entry<'_>>)| {
        let keys = |entry: &Entry<'_>| {
            if entry.keys().is_empty() { String::new() } else { format!(" ({})", code(&keys(entry))) }
        };
        let name = |entry: &&Entry<'_>| format!("{}{}", code(&group.name(entry)), keys(entry));
        let names: Vec<String> = entries.iter().map(name).collect();
        let first = entries[0].first();
        let mut line = format!("- {}: {} {}", group.place(HOSTS), verb(first.action), names.join(", "));
        if let Some(warning) = &first.warning {
            let _ = write!(line, " - **{}**", escaped(warning));
            let more = entries[0].changes.len() - 1;
            let _ = if more > 0 { write!(line, " (and {more} more like it)") } else { Ok(()) };
        }
        line + "\n"
    };
    let mut pieces: Vec<String> = destructive(groups).into_iter().map(tell).collect();
    if let Some(first) = pieces.first_mut() {
        first.insert_str(0, "\n### What destroys\n\n");
    }
    pieces
}

fn problems(plan: &Plan) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for trouble in troubles(plan) {
        let mut lines = vec![plain(&trouble_title(&trouble, HOSTS))];
        if trouble.sort != Sort::Blocked {
            lines.extend(plain_lines(&trouble.text).lines().take(PROBLEM_LINES).map(|line| format!("    {line}")));
            lines.extend(trouble.refused().into_iter().map(|line| format!("    {line}")));
        }
        pieces.push(format!("\n{}", fenced("text", &lines)));
    }
    if let Some(first) = pieces.first_mut() {
        first.insert_str(0, "\n### Problems\n");
    }
    pieces
}

/// How many of each action where; only actions that there are.
fn table(groups: &[Group<'_>]) -> Vec<String> {
    let mut rows: Vec<(String, BTreeMap<Action, usize>)> = Vec::new();
    for group in groups {
        let mut counts = BTreeMap::new();
        for entry in &group.entries {
            *counts.entry(entry.action()).or_default() += entry.changes.len();
        }
        rows.push((group.place(HOSTS), counts));
    }
    let mut actions: Vec<Action> = rows.iter().flat_map(|(_, counts)| counts.keys().copied()).collect();
    actions.sort_unstable();
    actions.dedup();
    let Some((first, rest)) = rows.split_first() else { return Vec::new() };
    let row = |(place, counts): &(String, BTreeMap<Action, usize>)| {
        let cells = actions.iter().map(|action| counts.get(action).map(ToString::to_string).unwrap_or_default());
        format!("| {place} | {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let names: Vec<&str> = actions.iter().map(|action| verb(*action)).collect();
    let lines = "|---:".repeat(actions.len());
    let top = format!("\n| hosts and part | {} |\n|---{lines}|\n{}", names.join(" | "), row(first));
    [top].into_iter().chain(rest.iter().map(row)).collect()
}

/// One group, folded.
fn details(group: &Group<'_>) -> String {
    let mut lines = Vec::new();
    for entry in &group.entries {
        let reason = if entry.reason.is_empty() { String::new() } else { format!("   {}", entry.reason) };
        lines.push(format!("{} {}{reason}", entry.action().symbol(), plain(&group.name(entry))));
        if !entry.keys().is_empty() {
            lines.push(format!("      {}", keys(entry)));
        }
        let first = entry.first();
        for field in &first.fields {
            lines.extend(field_lines(field));
        }
        let more = entry.changes.len() - 1;
        if entry.differ && more > 0 && !first.fields.is_empty() {
            lines.push(format!("      as on {}; {more} more differ only in names and numbers", first.address.host()));
        } else if entry.changes.iter().any(|other| other.fields != first.fields) {
            lines.push(format!("      context lines from {}", first.address.host()));
        }
        if let Some(warning) = &first.warning {
            lines.push(format!("! {}", plain(warning)));
        }
    }
    let count = group.count();
    let note = match (group.new, note(group)) {
        (true, note) => note,
        (false, note) => {
            let changes = if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
            if note.is_empty() { changes } else { format!("{changes}, {note}") }
        }
    };
    let place = group.place(HOSTS);
    format!("\n<details><summary>{place}: {note}</summary>\n\n{}\n</details>\n", fenced("diff", &lines))
}

fn field_lines(field: &FieldChange) -> Vec<String> {
    let name = plain(&field.field);
    let replaces = Some(field.note()).filter(|it| !it.is_empty()).map_or_else(String::new, |it| format!(" ({it})"));
    match field.shown {
        Shown::Sensitive => vec![format!("      {name} changes (sensitive){replaces}")],
        Shown::Value => vec![
            format!("-     {name}{replaces}: {}", plain(&field.before)),
            format!("+     {name}{replaces}: {}", plain(&field.after)),
        ],
        Shown::Text => {
            let mut lines = vec![format!("      {name}{replaces}")];
            lines.extend(unified(&field.before, &field.after, DIFF_LINES, Style::default()));
            lines
        }
    }
}

/// The longest run of backticks, and one more; at least `least`.
fn ticks(text: &str, least: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(least.max(longest + 1))
}

/// A block that nothing in it can end.
fn fenced(language: &str, lines: &[String]) -> String {
    let body = lines.join("\n");
    let fence = ticks(&body, 3);
    format!("{fence}{language}\n{body}\n{fence}\n")
}

/// A code span that nothing in it can end, in a table neither.
fn code(text: &str) -> String {
    let text = plain(text);
    let ticks = ticks(&text, 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// A sentence of ours, in which names may stand: nothing in it is Markdown, and it calls nobody.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in plain(text).chars() {
        if "\\`*_{}[]()<>#+!|~&$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
        if c == '@' {
            // Invisible; no service takes what follows for a name then.
            escaped.push('\u{200b}');
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
