//! Texts shared by all formats of a drift report.

use std::collections::{BTreeMap, BTreeSet};

use super::diff_text::unified;
use super::reason::{RECOMPUTED, Source, handed_over};
use super::style::{Style, plain};
use crate::plan::{Answer, Drift, Entry, Label, Reason};
use crate::resource::{FieldChange, HostName, Shown};

/// Lines of a diff in forms that are read elsewhere than on a terminal.
pub(super) const DIFF_LINES: usize = 200;

/// Of so many hosts it is shown what they tell, when they tell different things.
const TELLING: usize = 5;

/// The last line: the summary.
pub(super) fn drift_summary(drift: &Drift) -> String {
    let drifted = drift.drifted().count();
    let pending = drift.entries.len() - drifted;
    let hosts: BTreeSet<&HostName> = drift.drifted().map(|entry| entry.address.host()).collect();
    let more = if pending > 0 { format!(" {pending} more pending.") } else { String::new() };
    let unseen = drift.coverage.unseen.len();
    let blind = if unseen > 0 { " Some resources could not be checked." } else { "" };
    match drift.answer() {
        Answer::Clean if !drift.coverage.ignored.is_empty() => "No drift except what is ignored.".to_owned(),
        Answer::Clean => "No drift. The hosts match what was applied.".to_owned(),
        Answer::Pending => {
            let differ = if pending == 1 { "resource is" } else { "resources are" };
            format!("No drift. cluster.yaml differs from what was applied: {pending} {differ} pending.")
        }
        Answer::Unseen => format!(
            "No drift in what was checked, but {unseen} of {} could not be checked.{more}",
            counted(drift.coverage.resources.len(), "resource"),
        ),
        Answer::Drift => {
            format!("Drift: {} on {}.{more}{blind}", counted(drifted, "resource"), counted(hosts.len(), "host"))
        }
    }
}

/// `1 host`, `2 hosts`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The coverage, for the first line.
pub(super) fn looked(drift: &Drift) -> String {
    let seen = &drift.coverage;
    let (reached, hosts) = (seen.reached.len(), seen.reached.len() + seen.unreached.len());
    let looked = seen.resources.len() - seen.unseen.len();
    format!("checked {looked} of {} resources on {reached} of {hosts} hosts", seen.resources.len())
}

/// Unseen resources by what hides them: a host that does not answer, or the resource's own look.
pub(super) fn unseen(drift: &Drift) -> Vec<(String, String)> {
    let mut groups: BTreeMap<(&HostName, &str), Vec<String>> = BTreeMap::new();
    for (address, why) in &drift.coverage.unseen {
        groups.entry((address.host(), why)).or_default().push(plain(address.as_str()));
    }
    let told = groups.into_iter().map(|((host, why), addresses)| {
        let what = match addresses.as_slice() {
            [one] => one.clone(),
            many => format!("{host}: {}", counted(many.len(), "resource")),
        };
        (what, why.to_owned())
    });
    told.collect()
}

/// What `lifecycle.ignoreDrift` covers, a line a pattern.
pub(super) fn ignored(drift: &Drift) -> Vec<String> {
    let line = |(pattern, addresses): (&String, &Vec<_>)| {
        format!("{} by lifecycle.ignoreDrift `{}`", addresses.len(), plain(pattern))
    };
    drift.coverage.ignored.iter().map(line).collect()
}

/// The kind of difference of an entry.
pub(super) fn verdict(entry: &Entry, source: Source<'_>) -> String {
    let gone = if entry.gone { ": deleted" } else { "" };
    match entry.label {
        Label::Drift => format!("drift{gone}"),
        Label::Pending => wishes(entry, source),
        Label::Both => format!("drift{gone}; pending: {}", wishes(entry, source)),
    }
}

/// The pending part of an entry.
pub(super) fn wishes(entry: &Entry, source: Source<'_>) -> String {
    let word = |reason: &Reason| match reason {
        Reason::New => "not applied yet".to_owned(),
        Reason::NotMadeByMainstay => "not applied yet; exists, but was not created by mainstay".to_owned(),
        Reason::AlreadyRight => "already correct; not in the state yet".to_owned(),
        Reason::Recomputed => RECOMPUTED.to_owned(),
        Reason::Interrupted => "not finished by an earlier run".to_owned(),
        Reason::EndsWith { whole } => format!("deleted with {}", plain(whole.as_str())),
        Reason::HandedOver { source: pointer, value } => handed_over(pointer, value, source),
        Reason::Moved { other } => format!("moved to {}", plain(other.as_str())),
        Reason::Reacts { to } => format!("has not reacted yet to the change of {}", plain(to.as_str())),
        Reason::Pending { .. }
        | Reason::Founds
        | Reason::Removed
        | Reason::Drift
        | Reason::Gone
        | Reason::Destroyed
        | Reason::Requested => String::new(),
    };
    let words = entry.pending.iter().map(word).filter(|word| !word.is_empty());
    let note = entry.at_creation.then(|| "counts only at creation".to_owned());
    source.keys(&entry.pending).into_iter().chain(words).chain(note).collect::<Vec<_>>().join("; ")
}

/// The line of cluster.yaml behind an entry: of the key that changed, else of what declares it.
pub(super) fn line(entry: &Entry, source: Source<'_>) -> Option<u32> {
    let changed = entry.pending.iter().find_map(|reason| match reason {
        Reason::Pending { source } => Some(source.as_str()),
        _ => None,
    });
    source.place(changed.or(entry.source.as_deref())?)
}

/// A field's change in one line; of a text only that it differs.
pub(super) fn field(field: &FieldChange) -> String {
    let name = plain(&field.field);
    let value = |text: &str| if text.is_empty() { "\"\"".to_owned() } else { plain(text) };
    match field.shown {
        Shown::Value => format!("{name}  {} → {}", value(&field.before), value(&field.after)),
        Shown::Text => format!("{name} differs"),
        Shown::Sensitive => format!("{name} differs (sensitive)"),
    }
}

/// What the hosts can tell of the same drift; once, where they tell the same, and of a few hosts where they do not.
pub(super) fn traces(entries: &[&Entry]) -> Vec<String> {
    let told = |entry: &&Entry| Some((entry.address.host().clone(), plain(&entry.trace.as_ref()?.to_string())));
    let told: Vec<(HostName, String)> = entries.iter().filter_map(told).collect();
    match told.as_slice() {
        [(_, first), rest @ ..] if told.len() == entries.len() && rest.iter().all(|(_, it)| it == first) => {
            vec![first.clone()]
        }
        all => {
            let more = all.len().saturating_sub(TELLING);
            let mut lines: Vec<String> = all.iter().take(TELLING).map(|(host, it)| format!("{host}: {it}")).collect();
            lines.extend((more > 0).then(|| format!("... and {more} more")));
            lines
        }
    }
}

/// An entry's drift as lines: what the host can tell, then each field, texts as diffs.
pub(super) fn differences(entry: &Entry) -> String {
    let mut lines = traces(&[entry]);
    for change in &entry.fields {
        if change.shown == Shown::Text {
            lines.push(format!("{}: as applied (-), current (+)", plain(&change.field)));
            lines.extend(unified(&change.before, &change.after, DIFF_LINES, Style::default()));
        } else {
            lines.push(field(change));
        }
    }
    lines.join("\n")
}
