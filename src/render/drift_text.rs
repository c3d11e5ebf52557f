//! A drift report for people: what was looked at first, the answer last, where a terminal stops.

use std::fmt::Write;

use super::diff_text::unified;
use super::drift_words::{counted, drift_summary, field, ignored, looked, unseen, verdict, wishes};
use super::reason::Source;
use super::style::{Style, columns, plain, wrap};
use crate::plan::{Drift, Entry, Label, Reason};
use crate::resource::{FieldChange, HostName, Shown};

/// Pending resources beyond this many are only counted.
const PENDING: usize = 8;
/// Lines of a diff that are shown unless everything is wanted.
const DIFF_LINES: usize = 60;
/// How far details are indented.
const INDENT: usize = 6;

/// How to show a drift report.
#[derive(Clone, Copy)]
pub struct DriftText<'a> {
    /// Write ANSI colours; only for a terminal that wants them.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Show everything: no grouping, nothing cut.
    pub full: bool,
    /// Name of cluster.yaml as the user gave it.
    pub file: &'a str,
    /// The line of a JSON pointer into it, if that is known.
    pub line_of: &'a dyn Fn(&str) -> Option<u32>,
}

/// The same drift on some hosts.
struct Group<'a> {
    hosts: Vec<&'a HostName>,
    entry: &'a Entry,
}

impl DriftText<'_> {
    /// The whole report, ending with [`drift_summary`].
    pub fn render(&self, drift: &Drift) -> String {
        let mut page = Page { text: String::new(), options: *self, style: Style { colour: self.color } };
        page.line(&format!("{}: {} (state serial {})", page.style.bold(&drift.cluster), looked(drift), drift.serial));
        page.drifted(drift);
        page.pending(drift);
        page.section("Not seen", unseen(drift).into_iter().flat_map(|(what, why)| [(2, what), (INDENT, why)]));
        page.section("Ignored", ignored(drift).into_iter().map(|line| (2, line)));
        for warning in &drift.warnings {
            page.section("Warning", [(2, warning.clone())]);
        }
        let summary = page.style.bold(&drift_summary(drift));
        page.line(&format!("\n{summary}"));
        page.text
    }

    fn source(&self) -> Source<'_> {
        Source { file: self.file, line_of: self.line_of }
    }

    /// Entries that differ in nothing but the host, as one.
    fn groups<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> Vec<Group<'a>> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        for entry in entries {
            let same = |group: &&mut Group<'_>| {
                let (a, b) = (&group.entry.address, &entry.address);
                let place = a.component() == b.component() && a.kind() == b.kind() && a.key() == b.key();
                let said = wishes(group.entry, self.source()) == wishes(entry, self.source());
                place
                    && said
                    && group.entry.label == entry.label
                    && group.entry.gone == entry.gone
                    && group.entry.fields == entry.fields
            };
            match groups.iter_mut().find(same).filter(|_| !self.full) {
                Some(group) => group.hosts.push(entry.address.host()),
                None => groups.push(Group { hosts: vec![entry.address.host()], entry }),
            }
        }
        groups
    }
}

struct Page<'a> {
    text: String,
    options: DriftText<'a>,
    style: Style,
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}");
    }

    fn section(&mut self, title: &str, lines: impl IntoIterator<Item = (usize, String)>) {
        let mut lines = lines.into_iter().peekable();
        if lines.peek().is_some() {
            let title = self.style.bold(title);
            self.line(&format!("\n{title}"));
        }
        for (indent, text) in lines {
            for line in wrap(&plain_lines(&text), self.options.width.saturating_sub(indent).max(20)) {
                self.line(&format!("{:indent$}{line}", ""));
            }
        }
    }

    fn drifted(&mut self, drift: &Drift) {
        let groups = self.options.groups(drift.drifted());
        let mut heading = String::new();
        for group in groups {
            let hosts: Vec<&str> = group.hosts.iter().map(|host| host.as_str()).collect();
            let here = format!("{} · {}", hosts.join(" "), group.entry.address.component());
            if here != heading {
                let bold = self.style.bold(&here);
                self.line(&format!("\n{bold}"));
                heading = here;
            }
            self.entry(group.entry);
        }
    }

    fn entry(&mut self, entry: &Entry) {
        let left = format!("  {}", plain(&entry.address.short()));
        self.two_columns(&left, &verdict(entry, self.options.source()));
        for field in &entry.fields {
            self.field(field);
        }
    }

    /// `right` in a second column where both fit, below otherwise.
    fn two_columns(&mut self, left: &str, right: &str) {
        let column = self.options.width * 9 / 16;
        let pad = column.saturating_sub(columns(left)).max(2);
        if columns(left) + pad + columns(right) <= self.options.width {
            self.line(&format!("{left}{:pad$}{right}", ""));
        } else {
            self.line(left);
            for line in wrap(right, self.options.width.saturating_sub(INDENT).max(20)) {
                self.line(&format!("{:INDENT$}{line}", ""));
            }
        }
    }

    fn field(&mut self, change: &FieldChange) {
        if change.shown != Shown::Text {
            return self.line(&format!("{:INDENT$}{}", "", field(change)));
        }
        let limit = if self.options.full { usize::MAX } else { DIFF_LINES };
        for line in unified(&change.before, &change.after, limit, self.style) {
            self.line(&format!("{:INDENT$}{line}", ""));
        }
    }

    fn pending(&mut self, drift: &Drift) {
        let pending = || drift.entries.iter().filter(|entry| entry.label == Label::Pending);
        if pending().next().is_none() {
            return;
        }
        let title = self.style.bold("Pending, not drift");
        self.line(&format!("\n{title}"));
        let new = |entry: &&Entry| entry.pending == [Reason::New];
        let mut lines: Vec<(String, String)> = Vec::new();
        for (host, count) in per_host(pending().filter(new)) {
            lines.push((format!("  {host}: {}", counted(count, "resource")), "not applied yet".to_owned()));
        }
        for group in self.options.groups(pending().filter(|entry| !new(entry))) {
            let (hosts, address) = (&group.hosts, &group.entry.address);
            let more = if hosts.len() > 1 { format!(" and on {} more", hosts.len() - 1) } else { String::new() };
            let left = format!("  {}{more}", plain(&address.to_string()));
            lines.push((left, verdict(group.entry, self.options.source())));
        }
        let limit = if self.options.full { usize::MAX } else { PENDING };
        for (left, right) in lines.iter().take(limit) {
            self.two_columns(left, right);
        }
        if let Some(more) = lines.len().checked_sub(limit).filter(|more| *more > 0) {
            self.line(&format!("  ... {more} more, --full shows them"));
        }
    }
}

/// How many entries there are of each host, in their order.
fn per_host<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<(&'a HostName, usize)> {
    let mut counts: Vec<(&HostName, usize)> = Vec::new();
    for entry in entries {
        match counts.iter_mut().find(|(host, _)| *host == entry.address.host()) {
            Some((_, count)) => *count += 1,
            None => counts.push((entry.address.host(), 1)),
        }
    }
    counts
}

fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    lines.join("\n")
}
