//! A plan as one HTML page: nothing is loaded, from nowhere. It reads as a plain page where scripts are off.
//!
//! What comes from hosts and files is escaped; should that ever fail, the page's own policy runs no script but ours.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::diff_text::unified;
use super::grouping::{Entry, Group, destructive, groups};
use super::picture::svg;
use super::plan_text::{cannot_apply, keys, not_refused, note, plan_header, plan_summary, trouble_title};
use super::problems::{Sort, troubles, warnings};
use super::reason::{Source, reasons};
use super::style::{Style, plain, plain_lines, verb};
use crate::plan::{Change, Mode, Plan};
use crate::resource::{Action, FieldChange, Shown};

const STYLE: &str = include_str!("plan_html/page.css");
const SCRIPT: &str = include_str!("plan_html/search.js");
/// SHA-256 of the script, the only one that may run; a test compares.
const SCRIPT_HASH: &str = "vpAxgl0tbL4fZH9DADmB4lxeIBfyRV6AJECazErbZIk=";
/// Lines of a diff that are shown at once; the others can be unfolded.
const DIFF_LINES: usize = 60;
/// Of changes that are alike, this many are shown one by one.
const EXAMPLES: usize = 100;
/// Columns of a list of hosts.
const HOSTS: usize = 80;

/// How to write a plan as HTML.
#[derive(Clone, Copy)]
pub struct PlanHtml<'a> {
    /// Nothing is grouped.
    pub full: bool,
    /// Where cluster.yaml says what the plan names.
    pub source: Source<'a>,
}

impl PlanHtml<'_> {
    /// The whole page.
    pub fn render(&self, plan: &Plan) -> String {
        let groups = groups(plan, self.full, |change| reasons(change, self.source));
        let mut page = head(plan);
        loud(&mut page, plan, &groups);
        let picture = plan.drawing().picture();
        if !picture.parts.is_empty() {
            let caption = "Execution order, left to right.";
            let _ = write!(
                page,
                "<h2 id=\"order\">Order</h2>\n<figure tabindex=\"0\" aria-labelledby=\"order\">\n{}</figure>\n\
                 <p class=\"soft\">{caption}</p>\n",
                svg(&picture)
            );
        }
        if !groups.is_empty() {
            page.push_str(
                "<h2 id=\"changes\">Changes</h2>\n<p class=\"search\" hidden><label>Search <input id=\"q\" \
                 type=\"search\" autocomplete=\"off\" spellcheck=\"false\" placeholder=\"host, address, reason, text\">\
                 </label> <span id=\"n\" role=\"status\"></span></p>\n",
            );
        }
        for group in &groups {
            section(&mut page, group);
        }
        if let Some(refused) = cannot_apply(plan) {
            let text = format!("{} {refused}", not_refused(plan));
            let _ = writeln!(page, "<p class=\"answer\">{}</p>", escaped(text.trim_start()));
        }
        let version = env!("CARGO_PKG_VERSION");
        let _ = write!(
            page,
            "</main>\n<footer class=\"soft\">mainstay {version}</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
        );
        page
    }
}

fn head(plan: &Plan) -> String {
    let what = if plan.mode == Mode::Destroy { "destroy" } else { "plan" };
    let (name, summary) = (escaped(&plan.cluster), escaped(&plan_summary(plan)));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'sha256-{SCRIPT_HASH}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{name}: {summary}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<p class=\"soft\">mainstay {what}</p>\n<h1>{name}</h1>\n<p class=\"answer\">{summary}</p>\n"
    );
    let mut counts: BTreeMap<Action, usize> = BTreeMap::new();
    for change in plan.changes.iter().filter(|change| change.action != Action::NoOp && change.problem.is_none()) {
        *counts.entry(change.action).or_default() += 1;
    }
    if !counts.is_empty() {
        page.push_str("<p class=\"chips\">");
        for (action, count) in counts {
            let (word, symbol) = (verb(action), action.symbol());
            let _ = write!(page, "<a class=\"chip {word}\" href=\"#q={word}\"><b>{symbol} {count}</b> {word}</a> ");
        }
        page.push_str("</p>\n");
    }
    let _ = write!(page, "<p class=\"soft\">{}.</p>\n</header>\n<main>\n", escaped(&plan_header(plan)));
    page
}

/// Destructive changes and warnings, at the top of the page.
fn loud(page: &mut String, plan: &Plan, groups: &[Group<'_>]) {
    let mut items = String::new();
    for (group, entries) in destructive(groups) {
        let names: Vec<String> =
            entries.iter().map(|entry| format!("<code>{}</code>", escaped(&group.name(entry)))).collect();
        let first = entries[0].first();
        let (place, word) = (escaped(&group.place(HOSTS)), verb(first.action));
        let _ = write!(items, "<li>{place}: {word} {}", names.join(", "));
        if let Some(warning) = &first.warning {
            let _ = write!(items, "<br><strong>{}</strong>", escaped(warning));
        }
        items.push_str("</li>\n");
    }
    if !items.is_empty() {
        let _ =
            write!(page, "<section class=\"loud\">\n<h2>Destructive changes</h2>\n<ul>\n{items}</ul>\n</section>\n");
    }
    let troubles = troubles(plan);
    if !troubles.is_empty() {
        page.push_str("<section class=\"loud\">\n<h2>Problems</h2>\n<dl>\n");
        for trouble in troubles {
            let _ = writeln!(page, "<dt>{}</dt>", escaped(&trouble_title(&trouble, HOSTS)));
            if trouble.sort != Sort::Blocked {
                let mut text = vec![trouble.text.clone()];
                text.extend(trouble.refused());
                let _ = writeln!(page, "<dd><pre>{}</pre></dd>", escaped_lines(&text.join("\n")));
            }
        }
        page.push_str("</dl>\n</section>\n");
    }
    for warning in warnings(plan) {
        let _ = writeln!(page, "<p class=\"loud\"><strong>Warning:</strong> {}</p>", escaped(&warning));
    }
}

fn section(page: &mut String, group: &Group<'_>) {
    let hosts: Vec<String> = group.hosts.iter().map(ToString::to_string).collect();
    let _ = writeln!(
        page,
        "<section class=\"group\" data-hosts=\"{}\">\n<h3>{} <span class=\"soft\">{}</span></h3>",
        escaped(&hosts.join(" ")),
        escaped(&group.place(HOSTS)),
        escaped(&note(group))
    );
    for found in &group.entries {
        entry(page, found, group);
    }
    page.push_str("</section>\n");
}

fn entry(page: &mut String, entry: &Entry<'_>, group: &Group<'_>) {
    let (first, word) = (entry.first(), verb(entry.action()));
    let component = first.address.component();
    let name = group.name(entry);
    let _ = writeln!(
        page,
        "<article class=\"entry\" data-words=\"{word} {component}\">\n<h4><b class=\"{word}\" title=\"{word}\">{}</b> \
         <code>{}</code> <span class=\"reason\">{}</span></h4>",
        entry.action().symbol(),
        escaped(&name),
        escaped(&entry.reason)
    );
    if let Some(warning) = &first.warning {
        let _ = writeln!(page, "<p class=\"loud\"><strong>{}</strong></p>", escaped(warning));
    }
    if !entry.keys().is_empty() {
        let _ = writeln!(page, "<p class=\"soft\">{}</p>", escaped(&keys(entry)));
    }
    if entry.differ && !first.fields.is_empty() {
        for change in entry.changes.iter().take(EXAMPLES) {
            let _ = writeln!(page, "<details><summary><code>{}</code></summary>", escaped(change.address.as_str()));
            fields(page, change);
            page.push_str("</details>\n");
        }
        let more = entry.changes.len().saturating_sub(EXAMPLES);
        if more > 0 {
            let _ = writeln!(
                page,
                "<p>{more} more that differ only in names and numbers (<code>--full</code> shows them)</p>"
            );
        }
    } else {
        fields(page, first);
        if entry.changes.iter().any(|other| other.fields != first.fields) {
            let _ = writeln!(page, "<p class=\"soft\">Context lines from {}.</p>", first.address.host());
        }
    }
    page.push_str("</article>\n");
}

fn fields(page: &mut String, change: &Change) {
    for field in &change.fields {
        let name = escaped(&field.field);
        let note = Some(field.note()).filter(|it| !it.is_empty());
        let replaces = note.map_or_else(String::new, |it| format!(" <em>({it})</em>"));
        let _ = match field.shown {
            Shown::Sensitive => writeln!(page, "<p class=\"field\">{name}{replaces} changes (sensitive)</p>"),
            Shown::Value => writeln!(
                page,
                "<p class=\"field\">{name}{replaces} <del>{}</del> <span aria-label=\"becomes\">→</span> \
                 <ins>{}</ins></p>",
                value(&field.before),
                value(&field.after)
            ),
            Shown::Text => writeln!(page, "<p class=\"field\">{name}{replaces}</p>\n{}", diff(field)),
        };
    }
}

/// A diff, long ones folded after their beginning.
fn diff(field: &FieldChange) -> String {
    let lines: Vec<String> = unified(&field.before, &field.after, usize::MAX, Style::default())
        .iter()
        .map(|line| match line.chars().next() {
            Some('+') => format!("<ins>{}</ins>", escaped_line(line)),
            Some('-') => format!("<del>{}</del>", escaped_line(line)),
            Some('@') => format!("<i>{}</i>", escaped_line(line)),
            _ => format!("<span>{}</span>", escaped_line(line)),
        })
        .collect();
    let (shown, rest) = lines.split_at(lines.len().min(DIFF_LINES));
    let mut text = format!("<pre class=\"diff\">{}</pre>", shown.concat());
    if !rest.is_empty() {
        let _ = write!(
            text,
            "<details><summary>{} more lines</summary><pre class=\"diff\">{}</pre></details>",
            rest.len(),
            rest.concat()
        );
    }
    text
}

fn value(text: &str) -> String {
    if text.is_empty() { "\"\"".into() } else { escaped(text) }
}

/// A text as HTML shows it, in elements and in quoted attributes.
pub(super) fn escaped(text: &str) -> String {
    entities(&plain(text))
}

fn escaped_lines(text: &str) -> String {
    entities(&plain_lines(text))
}

/// A line of a diff, in which control characters are escapes already and tabs are content.
fn escaped_line(line: &str) -> String {
    entities(line)
}

fn entities(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
