//! A plan as text: the answer last, where a terminal stops; before it what changes, where and why.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::diff_text::unified;
use super::grouping::{Entry, Group, groups};
use super::reason::{Source, reasons};
use super::style::{Style, columns, plain, wrap};
use crate::plan::{Mode, Plan, Problem};
use crate::resource::{Action, FieldChange, HostName, Lane, Shown};

/// Lists of creations longer than this are cut.
const LONG_LIST: usize = 8;
/// How much of a long list is shown.
const SHOWN: usize = 5;
/// Adoptions beyond this many are only counted.
const ADOPTIONS: usize = 3;
/// Lines of a diff that are shown unless everything is wanted.
const DIFF_LINES: usize = 60;
/// How far details are indented.
const INDENT: usize = 6;

/// How to show a plan.
#[derive(Clone, Copy)]
pub struct PlanText<'a> {
    /// Write ANSI colours; only for a terminal that wants them.
    pub color: bool,
    /// Columns of the terminal; 80 where there is none.
    pub width: usize,
    /// Show everything: no grouping, nothing cut.
    pub full: bool,
    /// Name of cluster.yaml as the user gave it.
    pub file: &'a str,
    /// The line of a JSON pointer into it, if that is known.
    pub line_of: &'a dyn Fn(&str) -> Option<u32>,
}

impl PlanText<'_> {
    /// The whole plan as text, ending with [`plan_summary`].
    pub fn render(&self, plan: &Plan) -> String {
        let mut page = Page { text: String::new(), options: *self, style: Style { colour: self.color } };
        page.header(plan);
        let source = Source { file: self.file, line_of: self.line_of };
        for group in groups(plan, self.full, |change| reasons(change, source)) {
            page.group(&group);
        }
        page.problems(plan);
        page.warnings(plan);
        let summary = page.style.bold(&plan_summary(plan));
        let _ = writeln!(page.text, "\n{summary}");
        match plan.counts().problems {
            0 => {}
            1 => page.text.push_str("1 resource has a problem, see above; nothing is planned for it.\n"),
            n => _ = writeln!(page.text, "{n} resources have a problem, see above; nothing is planned for them."),
        }
        page.text
    }
}

/// The last line of a plan, on which scripts may rely.
pub fn plan_summary(plan: &Plan) -> String {
    let counts = plan.counts();
    if plan.is_empty() {
        return match plan.mode {
            // Word for word, whatever the file is called: scripts rely on it.
            Mode::Apply => "No changes. The hosts match cluster.yaml.".into(),
            Mode::Destroy => "No changes. Nothing is recorded, so there is nothing to destroy.".into(),
        };
    }
    let mut line = format!("Plan: {} to add, {} to change, {} to destroy", counts.add, counts.change, counts.destroy);
    for (count, what) in [(counts.adopt, "adopt"), (counts.forget, "forget")] {
        if count > 0 {
            let _ = write!(line, ", {count} to {what}");
        }
    }
    line + "."
}

struct Page<'a> {
    text: String,
    options: PlanText<'a>,
    style: Style,
}

impl Page<'_> {
    fn header(&mut self, plan: &Plan) {
        let (reached, unreached) = (plan.coverage.reached.len(), plan.coverage.unreached.len());
        let _ = writeln!(
            self.text,
            "{}: looked at {reached} of {} hosts, {} resources (state serial {})",
            self.style.bold(&plan.cluster),
            reached + unreached,
            plan.coverage.resources,
            plan.serial
        );
    }

    /// `left`, and `right` in a second column where both fit, below otherwise. `painted` is what is
    /// written for `left`.
    fn two_columns(&mut self, left: &str, painted: &str, right: &str) {
        let column = self.options.width * 9 / 16;
        let (used, wanted) = (columns(left), columns(right));
        self.text.push_str(painted);
        if right.is_empty() {
            self.text.push('\n');
        } else if used + 2 <= column && column + wanted <= self.options.width {
            let _ = writeln!(self.text, "{:pad$}{right}", "", pad = column - used);
        } else if used + 2 + wanted <= self.options.width {
            let _ = writeln!(self.text, "  {right}");
        } else {
            self.text.push('\n');
            self.indented(right);
        }
    }

    /// Details below a line, wrapped.
    fn indented(&mut self, text: &str) {
        for line in wrap(text, self.options.width.saturating_sub(INDENT).max(20)) {
            let _ = writeln!(self.text, "{:INDENT$}{line}", "");
        }
    }

    fn group(&mut self, group: &Group<'_>) {
        self.text.push('\n');
        let gone = group.entries.iter().all(|entry| entry.change.action == Action::Destroy);
        let reason = &group.entries[0].reason;
        let hoisted = gone && group.entries.len() > 1 && group.entries.iter().all(|entry| entry.reason == *reason);
        let note = if hoisted { reason.clone() } else { note(group) };
        let components = group.components.join(", ");
        let hosts = host_list(&group.hosts, self.options.width.saturating_sub(columns(&components) + 3));
        let heading = format!("{hosts} · {components}");
        self.two_columns(&heading, &self.style.bold(&heading), &note);
        let adoptions = group.entries.iter().filter(|entry| entry.change.action == Action::Adopt).count();
        let count_adoptions = !self.options.full && adoptions > ADOPTIONS;
        let shown = self.shown(group);
        for (entry, _) in group.entries.iter().zip(&shown).filter(|(_, shown)| **shown) {
            if !(count_adoptions && entry.change.action == Action::Adopt) {
                self.entry(entry, group.components.len() > 1, hoisted);
            }
        }
        let each = if group.hosts.len() > 1 { " on each" } else { "" };
        if count_adoptions {
            let symbol = self.style.symbol(Action::Adopt);
            let _ = writeln!(self.text, "  {symbol} {adoptions}{each} already right, only to be recorded");
        }
        let left_out = shown.iter().filter(|shown| !**shown).count();
        if left_out > 0 {
            let _ = writeln!(self.text, "  ... {left_out} more{each}, --full shows them");
        }
    }

    /// Which entries of a group to show: all, unless there are many plain creations. Then those
    /// that go one at a time come first, because they are what an operator looks for.
    fn shown(&self, group: &Group<'_>) -> Vec<bool> {
        let plain = |entry: &Entry<'_>| entry.change.action == Action::Create && entry.change.warning.is_none();
        let creations: Vec<usize> = (0..group.entries.len()).filter(|&i| plain(&group.entries[i])).collect();
        let mut shown = vec![true; group.entries.len()];
        if self.options.full || creations.len() <= LONG_LIST {
            return shown;
        }
        let mut by_weight = creations;
        by_weight.sort_by_key(|&i| group.entries[i].change.lane != Some(Lane::ControlPlane));
        for &i in &by_weight[SHOWN..] {
            shown[i] = false;
        }
        shown
    }

    fn entry(&mut self, entry: &Entry<'_>, name_component: bool, hoisted: bool) {
        let change = entry.change;
        let short = plain(&change.address.short());
        let name = if name_component { format!("{}/{short}", change.address.component()) } else { short };
        let left = format!("  {} {name}", change.action.symbol());
        let painted = format!("  {} {name}", self.style.symbol(change.action));
        self.two_columns(&left, &painted, if hoisted { "" } else { &entry.reason });
        for field in &change.fields {
            self.field(field);
        }
        if let Some(warning) = &change.warning {
            for line in wrap(&format!("! {}", plain(warning)), self.options.width.saturating_sub(INDENT).max(20)) {
                let _ = writeln!(self.text, "{:INDENT$}{}", "", self.style.alarm(&line));
            }
        }
    }

    fn field(&mut self, field: &FieldChange) {
        let style = self.style;
        let name = plain(&field.field);
        let replaces = if field.replaces { "  (cannot change in place)" } else { "" };
        match field.shown {
            Shown::Sensitive => _ = writeln!(self.text, "{:INDENT$}{name}  changes (sensitive){replaces}", ""),
            Shown::Value => {
                let (before, after) = (value(&field.before), value(&field.after));
                let line = format!("{name}  {before} → {after}{replaces}");
                let painted = format!("{name}  {} → {}{replaces}", style.removed(&before), style.added(&after));
                if INDENT + columns(&line) <= self.options.width {
                    let _ = writeln!(self.text, "{:INDENT$}{painted}", "");
                } else {
                    let _ = writeln!(self.text, "{:INDENT$}{name}{replaces}", "");
                    let _ = writeln!(self.text, "{:INDENT$}{}", "", style.removed(&format!("- {before}")));
                    let _ = writeln!(self.text, "{:INDENT$}{}", "", style.added(&format!("+ {after}")));
                }
            }
            Shown::Text => {
                if name != "content" || field.replaces {
                    let _ = writeln!(self.text, "{:INDENT$}{name}{replaces}", "");
                }
                let limit = if self.options.full { usize::MAX } else { DIFF_LINES };
                for line in unified(&field.before, &field.after, limit, style) {
                    let _ = writeln!(self.text, "{:INDENT$}{line}", "");
                }
            }
        }
    }

    /// What is unknown by host and cause, what is refused one by one, what is blocked by its cause.
    fn problems(&mut self, plan: &Plan) {
        let mut unknown: BTreeMap<(&HostName, &str), Vec<String>> = BTreeMap::new();
        let mut blocked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut refused: Vec<(String, &str)> = Vec::new();
        for change in &plan.changes {
            let address = plain(&change.address.to_string());
            match &change.problem {
                None => {}
                Some(Problem::Unknown { text }) => {
                    unknown.entry((change.address.host(), text)).or_default().push(address);
                }
                Some(Problem::Blocked { by }) => blocked.entry(plain(&by.to_string())).or_default().push(address),
                Some(Problem::Refused { text }) => refused.push((address, text)),
            }
        }
        if unknown.is_empty() && blocked.is_empty() && refused.is_empty() {
            return;
        }
        let _ = writeln!(self.text, "\n{}", self.style.alarm("Problems"));
        for (address, text) in refused {
            let _ = writeln!(self.text, "  {address}: refused");
            self.indented(&plain_lines(text));
        }
        for ((host, text), addresses) in unknown {
            let _ = match addresses.as_slice() {
                [one] => writeln!(self.text, "  {one}: unknown"),
                many => writeln!(self.text, "  {host}: {} resources unknown", many.len()),
            };
            self.indented(&plain_lines(text));
        }
        for (by, addresses) in blocked {
            let _ = writeln!(self.text, "  {}: blocked by {by}", self.some(&addresses));
        }
    }

    fn some(&self, addresses: &[String]) -> String {
        match addresses {
            [first, others @ ..] if !self.options.full && !others.is_empty() => {
                format!("{first} and {} more", others.len())
            }
            all => all.join(", "),
        }
    }

    fn warnings(&mut self, plan: &Plan) {
        for warning in &plan.warnings {
            let lines = wrap(&format!("Warning: {}", plain(warning)), self.options.width.max(20));
            let _ = writeln!(self.text, "\n{}", self.style.alarm(&lines.join("\n")));
        }
    }
}

fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    lines.join("\n")
}

fn value(text: &str) -> String {
    if text.is_empty() { "\"\"".into() } else { plain(text) }
}

/// What is said of a whole group.
fn note(group: &Group<'_>) -> String {
    let count = group.hosts.len();
    let mut notes = Vec::new();
    if group.new {
        let hosts = if count == 1 { "new host".to_owned() } else { format!("{count} new hosts") };
        notes.push(format!("{hosts}, {} to add", count * group.entries.len()));
    }
    let lane = |wanted: &Lane| {
        group.entries.iter().any(|entry| {
            let change = entry.change;
            // Load balancers are created together, only changed one by one.
            let counts = *wanted != Lane::LoadBalancer || change.action != Action::Create;
            change.lane.as_ref() == Some(wanted) && change.action.touches_host() && counts
        })
    };
    for wanted in [Lane::LoadBalancer, Lane::ControlPlane] {
        if count > 1 && lane(&wanted) {
            notes.push(wanted.to_string());
        }
    }
    notes.join(", ")
}

/// As many hosts as fit, and how many more.
fn host_list(hosts: &[&HostName], width: usize) -> String {
    let all: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
    let whole = all.join(" ");
    if columns(&whole) <= width {
        return whole;
    }
    let room = width.saturating_sub(" and 9999 more".len());
    let mut fitting = all[0].to_owned();
    let mut taken = 1;
    while taken < all.len() && columns(&fitting) + 1 + columns(all[taken]) <= room {
        fitting.push(' ');
        fitting.push_str(all[taken]);
        taken += 1;
    }
    match all.len() - taken {
        0 => fitting,
        more => format!("{fitting} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
