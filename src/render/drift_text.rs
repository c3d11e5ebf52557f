//! A drift report as text: the coverage first, the summary last.

use std::collections::HashMap;

use super::diff_text::unified;
use super::drift_words::{counted, drift_summary, field, ignored, looked, traces, unseen, verdict};
use super::hosts_text::host_list;
use super::page::{INDENT, Page};
use super::reason::Source;
use super::style::{Style, columns, plain};
use crate::plan::{Drift, Entry, Label, Reason};
use crate::resource::{FieldChange, HostName, Shown};

/// Pending resources beyond this many are only counted.
const PENDING: usize = 8;
/// Lines of a diff that are shown unless everything is wanted.
const DIFF_LINES: usize = 60;

/// How to show a drift report on a terminal.
#[derive(Clone, Copy, Debug)]
pub struct DriftText {
    /// Write ANSI colours; only for a terminal that wants them.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Show everything: no grouping, nothing cut.
    pub full: bool,
}

/// Entries that differ in nothing but the host; never empty.
pub(super) struct Group<'a> {
    pub(super) entries: Vec<&'a Entry>,
}

impl<'a> Group<'a> {
    pub(super) fn hosts(&self) -> Vec<&'a HostName> {
        let mut hosts: Vec<&HostName> = self.entries.iter().map(|entry| entry.address.host()).collect();
        hosts.sort_by_key(|host| host.by_number());
        hosts
    }
}

/// In what two entries must be equal to be shown as one.
#[derive(PartialEq, Eq, Hash)]
struct Shape<'a> {
    host: Option<&'a HostName>,
    place: (&'a str, &'a str, Option<&'a str>),
    verdict: String,
    fields: Vec<(&'a str, &'a str, &'a str)>,
}

/// The same drift on many hosts as one, in the order of the entries; with `full` each one alone.
pub(super) fn groups<'a>(entries: impl Iterator<Item = &'a Entry>, full: bool, source: Source<'_>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut known: HashMap<Shape<'a>, usize> = HashMap::new();
    for entry in entries {
        let address = &entry.address;
        let field = |it: &'a FieldChange| (it.field.as_str(), it.before.as_str(), it.after.as_str());
        let shape = Shape {
            host: full.then(|| address.host()),
            place: (address.component(), address.kind(), address.key()),
            verdict: verdict(entry, source),
            fields: entry.fields.iter().map(field).collect(),
        };
        let number = *known.entry(shape).or_insert_with(|| {
            groups.push(Group { entries: Vec::new() });
            groups.len() - 1
        });
        groups[number].entries.push(entry);
    }
    groups
}

/// The whole report, ending with [`drift_summary`].
pub(super) fn text(drift: &Drift, source: Source<'_>, how: DriftText) -> String {
    let page = Page { text: String::new(), width: how.width, style: Style { colour: how.color } };
    let mut sheet = Sheet { page, source, full: how.full };
    sheet.all(drift);
    sheet.page.text
}

struct Sheet<'a> {
    page: Page,
    source: Source<'a>,
    full: bool,
}

impl Sheet<'_> {
    fn all(&mut self, drift: &Drift) {
        let (name, serial) = (&drift.cluster, drift.serial);
        self.page.indented(0, &format!("{name}: {} (state serial {serial})", looked(drift)));
        self.drifted(drift);
        self.pending(drift);
        let unseen = unseen(drift).into_iter().flat_map(|(what, why)| [(2, what), (INDENT, why)]);
        self.section("Not checked", unseen);
        self.section("Ignored", ignored(drift).into_iter().map(|line| (2, line)));
        for warning in &drift.warnings {
            self.page.text.push('\n');
            self.page.painted(0, &format!("Warning: {}", plain(&warning.text)), Style::alarm);
        }
        self.page.text.push('\n');
        self.page.painted(0, &drift_summary(drift), Style::bold);
    }

    fn title(&mut self, title: &str) {
        self.page.text.push('\n');
        self.page.heading(title, "");
    }

    fn section(&mut self, title: &str, lines: impl Iterator<Item = (usize, String)>) {
        let mut lines = lines.peekable();
        if lines.peek().is_some() {
            self.title(title);
        }
        for (indent, line) in lines {
            self.page.indented(indent, &line);
        }
    }

    fn drifted(&mut self, drift: &Drift) {
        let mut last = String::new();
        for group in groups(drift.drifted(), self.full, self.source) {
            let entry = group.entries[0];
            let component = entry.address.component();
            let hosts = host_list(&group.hosts(), self.page.width.saturating_sub(columns(component) + 3));
            let heading = format!("{hosts} · {component}");
            if heading != last {
                self.title(&heading);
                last = heading;
            }
            let left = format!("  {}", plain(entry.address.short()));
            self.page.two_columns(&left, &left, &verdict(entry, self.source));
            for trace in traces(&group.entries) {
                self.page.indented(INDENT, &trace);
            }
            for change in &entry.fields {
                self.field(change);
            }
        }
    }

    fn field(&mut self, change: &FieldChange) {
        if change.shown != Shown::Text {
            return self.page.indented(INDENT, &field(change));
        }
        let limit = if self.full { usize::MAX } else { DIFF_LINES };
        for line in unified(&change.before, &change.after, limit, self.page.style) {
            self.page.whole(&line);
        }
    }

    fn pending(&mut self, drift: &Drift) {
        let lines = pending(drift, self.full, self.source);
        if lines.is_empty() {
            return;
        }
        self.title("Pending, not drift");
        let limit = if self.full { usize::MAX } else { PENDING };
        for (left, right) in lines.iter().take(limit) {
            let left = format!("  {left}");
            self.page.two_columns(&left, &left, right);
        }
        if lines.len() > limit {
            self.page.indented(2, &format!("... {} more (--full shows them)", lines.len() - limit));
        }
    }
}

/// What is only pending, and why; what a host gets newly is only counted.
pub(super) fn pending(drift: &Drift, full: bool, source: Source<'_>) -> Vec<(String, String)> {
    let pending = || drift.entries.iter().filter(|entry| entry.label == Label::Pending);
    let new = |entry: &&Entry| entry.pending == [Reason::New] && !full;
    let mut counts: Vec<(&HostName, usize)> = Vec::new();
    for host in pending().filter(new).map(|entry| entry.address.host()) {
        match counts.iter_mut().find(|(known, _)| *known == host) {
            Some((_, count)) => *count += 1,
            None => counts.push((host, 1)),
        }
    }
    let counts = counts
        .into_iter()
        .map(|(host, count)| (format!("{host}: {}", counted(count, "resource")), "not applied yet".to_owned()));
    let rest = groups(pending().filter(|entry| !new(entry)), full, source);
    let rest = rest.iter().map(|group| {
        let others = group.entries.len() - 1;
        let more = if others > 0 { format!(" and on {others} more") } else { String::new() };
        let entry = group.entries[0];
        (format!("{}{more}", plain(entry.address.as_str())), verdict(entry, source))
    });
    counts.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Seeing;
    use crate::resource::Trace;

    fn entry(address: &str, at: u64) -> Entry {
        Entry {
            address: address.parse().unwrap(),
            label: Label::Drift,
            gone: false,
            fields: FieldChange::compare("live value", "1", "0").into_iter().collect(),
            pending: Vec::new(),
            at_creation: false,
            source: Some("/x".into()),
            trace: Some(Trace { what: "changed".into(), at: Some(at), by: Some("owner root:root".into()) }),
        }
    }

    fn drift(entries: Vec<Entry>) -> Drift {
        let coverage = Seeing {
            reached: entries.iter().map(|entry| entry.address.host().clone()).collect(),
            resources: entries.iter().map(|entry| entry.address.clone()).collect(),
            ..Seeing::default()
        };
        let (cluster, lineage) = ("prod".to_owned(), "lineage".to_owned());
        Drift { cluster, lineage, serial: 7, entries, coverage, warnings: Vec::new() }
    }

    fn shown(drift: &Drift, width: usize) -> String {
        let source = Source { file: "cluster.yaml", line_of: &|_| Some(31) };
        text(drift, source, DriftText { color: false, width, full: false })
    }

    #[test]
    fn forty_columns_hold() {
        let mut both = entry("cp2/host/sysctl[net.ipv4.ip_forward]", 0);
        (both.label, both.pending) = (Label::Both, vec![Reason::Pending { source: "/x".into() }]);
        let mut unseen = drift(vec![entry("cp1/host/sysctl[net.ipv4.ip_forward]", 1_795_126_259), both]);
        let lost: crate::resource::Address = "w1/host/swap".parse().unwrap();
        unseen.coverage.resources.insert(lost.clone());
        unseen.coverage.unseen.insert(lost, "w1 (10.0.0.21:22): cannot connect: no route to host".into());
        insta::assert_snapshot!(shown(&unseen, 40), @"
        prod: checked 2 of 3 resources on 2 of 2
        hosts (state serial 7)

        cp1 · host
          sysctl[net.ipv4.ip_forward]  drift
              changed 2026-11-19 22:10 UTC,
              owner root:root
              live value  1 → 0

        cp2 · host
          sysctl[net.ipv4.ip_forward]
              drift; pending: cluster.yaml:31 x
              changed 1970-01-01 00:00 UTC,
              owner root:root
              live value  1 → 0

        Not checked
          w1/host/swap
              w1 (10.0.0.21:22): cannot connect:
              no route to host

        Drift: 2 resources on 2 hosts. Some
        resources could not be checked.
        ");
    }

    #[test]
    fn a_thousand_hosts_with_the_same_drift_are_one_entry() {
        let all = |at: fn(u64) -> u64| (1..=1000).map(|n| entry(&format!("w{n}/host/swap"), at(n))).collect();
        let same = shown(&drift(all(|_| 60)), 100);
        assert!(same.contains("w1..w1000 · host") && same.lines().count() < 10, "{same}");
        let apart = shown(&drift(all(|n| n * 60)), 100);
        assert!(apart.contains("w1: changed") && apart.lines().count() < 20, "{apart}");
    }
}
