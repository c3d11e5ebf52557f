//! A plan as text: the changes with their reasons, and the summary at the end.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::diff_text::unified;
use super::grouping::{Entry, Group, groups};
use super::hosts_text::host_list;
use super::page::{INDENT, Page};
use super::problems::{Sort, Trouble, troubles, warnings};
use super::reason::{Source, reasons};
use super::style::{Style, columns, plain, plain_lines};
use crate::plan::{Mode, Plan, Reason};
use crate::resource::{Action, FieldChange, HostName, Lane, Shown};

/// Lists of creations longer than this are cut.
const LONG_LIST: usize = 8;
/// How much of a long list is shown.
const SHOWN: usize = 5;
/// Adoptions beyond this many are only counted.
const ADOPTIONS: usize = 3;
/// Changes that are shown of many that are alike.
const EXAMPLES: usize = 3;
/// Lines of a diff that are shown unless everything is wanted.
const DIFF_LINES: usize = 60;

/// How to show a plan.
#[derive(Clone, Copy)]
pub struct PlanText<'a> {
    /// Write ANSI colours; only for a terminal that wants them.
    pub color: bool,
    /// Columns of the terminal; 80 where there is none.
    pub width: usize,
    /// Show everything: no grouping, nothing cut.
    pub full: bool,
    /// Where cluster.yaml says what the plan names.
    pub source: Source<'a>,
}

impl PlanText<'_> {
    /// The whole plan as text, ending with [`plan_summary`].
    pub fn render(&self, plan: &Plan) -> String {
        let page = Page { text: String::new(), width: self.width, style: Style { colour: self.color } };
        let mut writer = Writer { page, full: self.full };
        if let Some(refused) = cannot_apply(plan) {
            let _ = writeln!(writer.page.text, "{}", writer.page.style.alarm(&refused));
        }
        let header = plan_header(plan);
        let painted = header.replacen(&plan.cluster, &writer.page.style.bold(&plan.cluster), 1);
        if columns(&header) <= self.width {
            writer.page.text.push_str(&(painted + "\n"));
        } else {
            writer.page.indented(0, &header);
        }
        let with_refused = with_refused(plan);
        for group in groups(with_refused.as_ref().unwrap_or(plan), self.full, |change| reasons(change, self.source)) {
            writer.group(&group);
        }
        writer.problems(plan);
        for warning in warnings(plan) {
            writer.page.text.push('\n');
            writer.page.painted(0, &format!("Warning: {}", plain(&warning)), Style::alarm);
        }
        let mut page = writer.page;
        // In one piece on any terminal: scripts rely on it.
        page.text.push('\n');
        page.indented(0, &not_refused(plan));
        let _ = writeln!(page.text, "{}", page.style.bold(&plan_summary(plan)));
        page.indented(0, &problem_count(plan));
        page.text
    }
}

/// The same plan with refused changes at their places.
fn with_refused(plan: &Plan) -> Option<Plan> {
    plan.changes.iter().any(|change| change.refused.is_some()).then(|| {
        let mut plan = plan.clone();
        for change in &mut plan.changes {
            if let Some(action) = change.refused {
                (change.action, change.problem) = (action, None);
            }
        }
        plan
    })
}

/// What was checked.
pub(super) fn plan_header(plan: &Plan) -> String {
    let (reached, unreached) = (plan.coverage.reached.len(), plan.coverage.unreached.len());
    format!(
        "{}: refreshed {} resources on {reached} of {} hosts (state serial {})",
        plan.cluster,
        plan.coverage.resources,
        reached + unreached,
        plan.serial
    )
}

/// First and last line of a plan with refused changes.
pub(super) fn cannot_apply(plan: &Plan) -> Option<String> {
    let refused = match plan.refusals() {
        0 => return None,
        1 => "1 change is".to_owned(),
        many => format!("{many} changes are"),
    };
    Some(format!("This plan cannot be applied: {refused} refused. Nothing will be changed."))
}

/// The other changes of a plan with refused changes.
pub(super) fn not_refused(plan: &Plan) -> String {
    let counts = plan.counts();
    let rest = crate::plan::Counts { problems: 0, ..counts } != crate::plan::Counts::default();
    if plan.refusals() > 0 && rest { format!("Not refused: {}.", counted_changes(plan)) } else { String::new() }
}

/// How many problems there are; nothing without any, and nothing where some are refusals.
pub(super) fn problem_count(plan: &Plan) -> String {
    match plan.counts().problems {
        _ if plan.refusals() > 0 => String::new(),
        0 => String::new(),
        1 => "1 resource has a problem, see above; nothing is planned for it.".into(),
        n => format!("{n} resources have a problem, see above; nothing is planned for them."),
    }
}

/// The last line of a plan, on which scripts may rely.
pub fn plan_summary(plan: &Plan) -> String {
    let counts = plan.counts();
    if let Some(refused) = cannot_apply(plan) {
        return refused;
    }
    if plan.is_empty() {
        return match plan.mode {
            Mode::Apply if plan.left_out > 0 => "No changes. The selected resources match cluster.yaml.".into(),
            // Word for word, whatever the file is called: scripts rely on it.
            Mode::Apply => "No changes. The hosts match cluster.yaml.".into(),
            Mode::Refresh => "No changes. The state matches the hosts.".into(),
            Mode::Destroy if plan.left_out > 0 => "No changes. The state has none of the selected resources.".into(),
            Mode::Destroy => "No changes. The state is empty; there is nothing to destroy.".into(),
        };
    }
    if plan.mode == Mode::Refresh {
        return format!("Plan: {} to record, {} to forget. No host is changed.", counts.adopt, counts.forget);
    }
    format!("Plan: {}.", counted_changes(plan))
}

fn counted_changes(plan: &Plan) -> String {
    let counts = plan.counts();
    let mut line = format!("{} to add, {} to change, {} to destroy", counts.add, counts.change, counts.destroy);
    for (count, what) in [(counts.adopt, "adopt"), (counts.forget, "forget"), (plan.moved, "move")] {
        if count > 0 {
            let _ = write!(line, ", {count} to {what}");
        }
    }
    line
}

struct Writer {
    page: Page,
    full: bool,
}

impl Writer {
    fn group(&mut self, group: &Group<'_>) {
        self.page.text.push('\n');
        let gone = group.entries.iter().all(|it| matches!(it.action(), Action::Destroy | Action::Forget));
        let reason = &group.entries[0].reason;
        let hoisted = gone && group.entries.len() > 1 && group.entries.iter().all(|entry| entry.reason == *reason);
        let note = if hoisted { reason.clone() } else { note(group) };
        // A list of hosts takes three lines at most.
        let hosts = host_list(&group.hosts, self.page.width * 3);
        self.page.heading(&format!("{hosts} · {}", group.components.join(", ")), &note);
        let (adoptions, rest): (Vec<_>, Vec<_>) =
            group.entries.iter().partition(|it| it.first().reasons.first() == Some(&Reason::AlreadyRight));
        let count_adoptions = !self.full && adoptions.len() > ADOPTIONS;
        let entries = if count_adoptions { rest } else { group.entries.iter().collect() };
        let (shown, left_out) = if self.full { (entries, Vec::new()) } else { cut(entries) };
        for entry in shown {
            self.entry(entry, group.components.len() > 1, hoisted);
        }
        if count_adoptions {
            let symbol = self.page.style.symbol(Action::Adopt);
            let (count, each) = counted(&adoptions, group);
            let _ = writeln!(self.page.text, "  {symbol} {count}{each} already correct; only added to the state");
        }
        if !left_out.is_empty() {
            let (count, each) = counted(&left_out, group);
            self.page.indented(2, &format!("... {count} more{each} (--full shows them)"));
        }
    }

    fn entry(&mut self, entry: &Entry<'_>, name_component: bool, hoisted: bool) {
        let change = entry.first();
        let short = plain(&entry.name());
        let name = if name_component { format!("{}/{short}", change.address.component()) } else { short };
        let style = self.page.style;
        let (symbol, painted) = match change.refused {
            Some(_) => ("x", style.alarm("x")),
            None => (change.action.symbol(), style.symbol(change.action)),
        };
        let (left, painted) = (format!("  {symbol} {name}"), format!("  {painted} {name}"));
        self.page.two_columns(&left, &painted, if hoisted { "" } else { &entry.reason });
        if !entry.keys().is_empty() {
            self.page.indented(INDENT, &keys(entry));
        }
        let texts = change.fields.iter().any(|field| field.shown == Shown::Text);
        let examples = if entry.differ && !texts && !change.fields.is_empty() { EXAMPLES } else { 1 };
        for example in entry.changes.iter().take(examples) {
            for field in &example.fields {
                let address = &example.address;
                let of = match address.key().filter(|_| !entry.keys().is_empty()) {
                    _ if !entry.differ => String::new(),
                    Some(key) => format!("{} {} ", address.host(), plain(key)),
                    None => format!("{} ", address.host()),
                };
                self.field(field, &of);
            }
        }
        let shows_one = change.fields.iter().any(|field| field.shown == Shown::Text) && !entry.differ;
        if shows_one && entry.changes.iter().any(|other| other.fields != change.fields) {
            let note = format!("(context lines from {})", change.address.host());
            self.page.painted(INDENT, &note, Style::dim);
        }
        if let Some(warning) = &change.warning {
            self.page.painted(INDENT, &format!("! {}", plain(warning)), Style::alarm);
        }
        let more = entry.changes.len().saturating_sub(examples);
        if entry.differ && more > 0 && (change.warning.is_some() || !change.fields.is_empty()) {
            self.page.indented(
                INDENT,
                &format!("... {more} more that differ only in names and numbers (--full shows them)"),
            );
        }
    }

    /// One field; `of` is the host and a space where it must be named.
    fn field(&mut self, field: &FieldChange, of: &str) {
        let style = self.page.style;
        let name = format!("{of}{}", plain(&field.field));
        let replaces =
            Some(field.note()).filter(|it| !it.is_empty()).map_or_else(String::new, |it| format!("  ({it})"));
        match field.shown {
            Shown::Sensitive => self.page.indented(INDENT, &format!("{name}  changes (sensitive){replaces}")),
            Shown::Value => {
                let (before, after) = (value(&field.before), value(&field.after));
                if INDENT + columns(&format!("{name}  {before} → {after}{replaces}")) <= self.page.width {
                    let (before, after) = (style.removed(&before), style.added(&after));
                    self.page.whole(&format!("{name}  {before} → {after}{replaces}"));
                } else {
                    self.page.indented(INDENT, &format!("{name}{replaces}"));
                    self.page.whole(&style.removed(&format!("- {before}")));
                    self.page.whole(&style.added(&format!("+ {after}")));
                }
            }
            Shown::Text => {
                if name != "content" || !replaces.is_empty() {
                    self.page.indented(INDENT, &format!("{name}{replaces}"));
                }
                let limit = if self.full { usize::MAX } else { DIFF_LINES };
                for line in unified(&field.before, &field.after, limit, style) {
                    self.page.whole(&line);
                }
            }
        }
    }

    fn problems(&mut self, plan: &Plan) {
        let troubles = troubles(plan);
        if !troubles.is_empty() {
            let _ = writeln!(self.page.text, "\n{}", self.page.style.alarm("Problems"));
        }
        for trouble in troubles {
            self.page.indented(2, &plain(&trouble_title(&trouble, self.page.width)));
            if trouble.sort != Sort::Blocked {
                self.page.indented(INDENT, &plain_lines(&trouble.text));
            }
            for change in trouble.changes.iter().filter(|_| self.full && trouble.changes.len() > 1) {
                self.page.indented(INDENT, &plain(change.address.as_str()));
            }
        }
    }
}

/// The title of a problem: the stopped resources and how they are stopped.
pub(super) fn trouble_title(trouble: &Trouble<'_>, width: usize) -> String {
    let first = &trouble.changes[0].address;
    let (hosts, count) = (trouble.hosts(), trouble.changes.len());
    let what = match (count, trouble.sort) {
        (1, _) => first.to_string(),
        (_, Sort::Blocked) if trouble.causes.is_empty() => format!("{first} and {} more", count - 1),
        _ => format!("{}: {count} resources", host_list(&hosts, width * 2)),
    };
    let word = if count == 1 || trouble.sort == Sort::Blocked { ": " } else { " " };
    let by = match trouble.sort {
        Sort::Blocked if trouble.causes.is_empty() => format!(" by {}", trouble.text),
        Sort::Blocked => format!(" by {} on {}", trouble.text, host_list(&trouble.causes, width * 2)),
        _ => String::new(),
    };
    format!("{what}{word}{}{by}", trouble.sort.word())
}

/// The entries to show, and those that are only counted: none, unless there are many plain creations. Then those that
/// go one at a time are shown first, because they are what an operator looks for.
fn cut<'b, 'a>(entries: Vec<&'b Entry<'a>>) -> (Vec<&'b Entry<'a>>, Vec<&'b Entry<'a>>) {
    let plain = |entry: &Entry<'_>| entry.action() == Action::Create && entry.first().warning.is_none();
    let mut by_weight: Vec<usize> = (0..entries.len()).filter(|&i| plain(entries[i])).collect();
    if by_weight.len() <= LONG_LIST {
        return (entries, Vec::new());
    }
    by_weight.sort_by_key(|&i| entries[i].first().lane != Some(Lane::ControlPlane));
    let left_out = &by_weight[SHOWN..];
    let (left_out, shown): (Vec<_>, Vec<_>) = entries.into_iter().enumerate().partition(|(i, _)| left_out.contains(i));
    (shown.into_iter().map(|it| it.1).collect(), left_out.into_iter().map(|it| it.1).collect())
}

/// How many changes these are: on each host where it is the same number on several, otherwise in all.
fn counted(entries: &[&Entry<'_>], group: &Group<'_>) -> (usize, &'static str) {
    let mut of_host: BTreeMap<&HostName, usize> = group.hosts.iter().map(|host| (*host, 0)).collect();
    for change in entries.iter().flat_map(|entry| &entry.changes) {
        *of_host.entry(change.address.host()).or_default() += 1;
    }
    let same = of_host.values().min() == of_host.values().max();
    match of_host.values().next() {
        Some(&each) if same && group.hosts.len() > 1 => (each, " per host"),
        _ => (of_host.values().sum(), ""),
    }
}

/// The keys of an entry that has several.
pub(super) fn keys(entry: &Entry<'_>) -> String {
    let keys = entry.keys();
    let named: Vec<String> = keys.iter().take(SHOWN).map(|key| plain(key)).collect();
    let more = keys.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} in total: {}{more}", entry.changes.len(), named.join(", "))
}

fn value(text: &str) -> String {
    if text.is_empty() { "\"\"".into() } else { plain(text) }
}

/// The note of a group.
pub(super) fn note(group: &Group<'_>) -> String {
    let count = group.hosts.len();
    let mut notes = Vec::new();
    if group.new {
        let hosts = if count == 1 { "new host".to_owned() } else { format!("{count} new hosts") };
        notes.push(format!("{hosts}, {} to add", group.count()));
    }
    let lane = |wanted: &Lane| {
        group.entries.iter().any(|entry| {
            let change = entry.first();
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

#[cfg(test)]
mod tests;
