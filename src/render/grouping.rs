//! The same change on many hosts once; under one heading what happens on the same hosts.
//!
//! Changes that are equal but for the host are one entry. Entries that are alike but for names and numbers (an address
//! in a value, the key of a route) become one where there are many of them; renderers show a few and say how many more
//! there are.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::diff_text::changed_lines;
use super::hosts_text::{host_list, masked};
use crate::plan::{Change, Plan, Reason};
use crate::resource::{Action, FieldChange, HostName, Shown};

/// More entries than this that differ in values only are shown as one.
const VALUES: usize = 3;
/// More entries than this that differ in keys are shown as one.
const KEYS: usize = 8;
/// What people must know before they approve has a line of its own for each host, up to this many hosts.
const WARNINGS: usize = 10;

/// Changes under one heading.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Hosts by name, `w2` before `w10`.
    pub(super) hosts: Vec<&'a HostName>,
    /// Parts of the stack, in order of appearance; one, unless the hosts are new.
    pub(super) components: Vec<&'a str>,
    /// Whether nothing was recorded or right on these hosts before.
    pub(super) new: bool,
    /// What happens there.
    pub(super) entries: Vec<Entry<'a>>,
}

impl Group<'_> {
    /// An entry's name below the heading.
    pub(super) fn name(&self, entry: &Entry<'_>) -> String {
        let component = entry.first().address.component();
        if self.components.len() > 1 { format!("{component}/{}", entry.name()) } else { entry.name() }
    }

    /// The heading. Names of hosts and components hold nothing that Markdown or HTML would read.
    pub(super) fn place(&self, width: usize) -> String {
        format!("{} · {}", host_list(&self.hosts, width), self.components.join(", "))
    }

    /// How many changes.
    pub(super) fn count(&self) -> usize {
        self.entries.iter().map(|entry| entry.changes.len()).sum()
    }
}

/// One change, or several that are alike.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// By host, in order of appearance on each; never empty.
    pub(super) changes: Vec<&'a Change>,
    /// The reason in words.
    pub(super) reason: String,
    /// Whether they differ in more than the host.
    pub(super) differ: bool,
    new: bool,
}

impl<'a> Entry<'a> {
    /// The one that is shown for all.
    pub(super) fn first(&self) -> &'a Change {
        self.changes[0]
    }

    pub(super) fn action(&self) -> Action {
        self.first().action
    }

    /// Hosts by name.
    pub(super) fn hosts(&self) -> Vec<&'a HostName> {
        let mut hosts: Vec<_> = self.changes.iter().map(|change| change.address.host()).collect();
        hosts.dedup();
        hosts
    }

    /// Its keys, each once, when there are several.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        let mut seen = HashSet::new();
        let keys = self.changes.iter().filter_map(|change| change.address.key());
        let keys: Vec<_> = keys.filter(|key| seen.insert(*key)).collect();
        if keys.len() > 1 { keys } else { Vec::new() }
    }

    /// `kind[key]`; only the kind when there are several keys.
    pub(super) fn name(&self) -> String {
        let address = &self.first().address;
        if self.keys().is_empty() { address.short().to_owned() } else { format!("{}[..]", address.kind()) }
    }
}

/// What must be seen first of all: each entry that people are warned of, then by heading what destroys something.
pub(super) fn destructive<'b, 'a>(groups: &'b [Group<'a>]) -> Vec<(&'b Group<'a>, Vec<&'b Entry<'a>>)> {
    let (mut warned, mut others) = (Vec::new(), Vec::new());
    for group in groups {
        warned.extend(group.entries.iter().filter(|it| it.first().warning.is_some()).map(|it| (group, vec![it])));
        for action in [Action::Replace, Action::Destroy] {
            let destroys = |it: &&Entry<'_>| it.action() == action && it.first().warning.is_none();
            let entries: Vec<_> = group.entries.iter().filter(destroys).collect();
            others.extend((!entries.is_empty()).then_some((group, entries)));
        }
    }
    warned.extend(others);
    warned
}

/// In what two changes must be equal to be shown as one.
#[derive(PartialEq, Eq, Hash)]
struct Shape<'a> {
    host: Option<&'a HostName>,
    component: &'a str,
    kind: &'a str,
    key: Option<String>,
    action: Action,
    fields: Vec<(&'a str, String, bool, bool)>,
    reason: String,
    warning: Option<String>,
    new: bool,
}

impl<'a> Shape<'a> {
    /// `text` makes of a text what is compared.
    fn of(change: &'a Change, reason: &str, new: bool, text: impl Fn(&str) -> String) -> Self {
        let address = &change.address;
        let field = |field: &'a FieldChange| {
            let value = match field.shown {
                Shown::Text => changed_lines(&field.before, &field.after),
                Shown::Value | Shown::Sensitive => format!("{}\0{}", field.before, field.after),
            };
            (field.field.as_str(), text(&value), field.replaces, field.shown == Shown::Text)
        };
        Self {
            host: None,
            component: address.component(),
            kind: address.kind(),
            key: address.key().map(&text),
            action: change.action,
            fields: change.fields.iter().map(field).collect(),
            reason: text(reason),
            warning: change.warning.as_deref().map(&text),
            new,
        }
    }
}

/// Groups everything that is planned. With `apart`, every host has headings of its own.
pub(super) fn groups<'a>(plan: &'a Plan, apart: bool, reason_of: impl Fn(&Change) -> String) -> Vec<Group<'a>> {
    let new = new_hosts(plan);
    let mut entries: Vec<Entry<'a>> = Vec::new();
    // What is removed stands where the last host has come to it, so that nothing is listed before what must precede it.
    let mut turns: Vec<usize> = Vec::new();
    let mut places: HashMap<Shape<'a>, usize> = HashMap::new();
    let planned = plan.changes.iter().filter(|change| change.problem.is_none() && change.action != Action::NoOp);
    for (turn, change) in planned.enumerate() {
        let (host, reason) = (change.address.host(), reason_of(change));
        let new = !apart && new.contains(host);
        let mut shape = Shape::of(change, &reason, new, str::to_owned);
        shape.host = (apart || change.warning.is_some()).then_some(host);
        let place = *places.entry(shape).or_insert_with(|| {
            entries.push(Entry { changes: Vec::new(), reason, differ: false, new });
            turns.push(turn);
            entries.len() - 1
        });
        entries[place].changes.push(change);
        if matches!(change.action, Action::Destroy | Action::Forget) {
            turns[place] = turn;
        }
    }
    let mut entries: Vec<(usize, Entry<'a>)> = turns.into_iter().zip(entries).collect();
    entries.sort_by_key(|(turn, _)| *turn);
    let mut entries: Vec<Entry<'a>> = entries.into_iter().map(|(_, entry)| entry).collect();
    for entry in &mut entries {
        entry.changes.sort_by_key(|change| change.address.host().by_number());
    }
    under_headings(if apart { entries } else { joined(entries) })
}

/// Entries that are alike but for names and numbers as one, where there are many.
fn joined(entries: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    let mut alike: Vec<Vec<(usize, Entry<'_>)>> = Vec::new();
    let mut places: HashMap<Shape<'_>, usize> = HashMap::new();
    for (number, entry) in entries.into_iter().enumerate() {
        let first = entry.first();
        let shape = Shape::of(first, &entry.reason, entry.new, |text| masked(text, first.address.host()));
        let place = *places.entry(shape).or_insert_with(|| {
            alike.push(Vec::new());
            alike.len() - 1
        });
        alike[place].push((number, entry));
    }
    let mut joined = Vec::new();
    for mut entries in alike {
        if are_many(&entries) {
            entries = vec![(entries[0].0, one_of(entries.into_iter().map(|(_, entry)| entry).collect()))];
        }
        joined.extend(entries);
    }
    joined.sort_by_key(|(number, _)| *number);
    joined.into_iter().map(|(_, entry)| entry).collect()
}

fn are_many(entries: &[(usize, Entry<'_>)]) -> bool {
    let first = entries[0].1.first();
    if first.warning.is_some() {
        return entries.len() > WARNINGS;
    }
    if entries.iter().all(|(_, entry)| entry.first().address.key() == first.address.key()) {
        return entries.len() > VALUES;
    }
    // Without this, a route to each other host would be a heading for each host.
    let scattered = || entries.iter().map(|(_, entry)| entry.hosts()).collect::<BTreeSet<_>>().len() >= VALUES;
    entries.len() > KEYS || (first.fields.is_empty() && scattered())
}

fn one_of(entries: Vec<Entry<'_>>) -> Entry<'_> {
    let (mut reasons, new) = (Vec::new(), entries[0].new);
    let mut changes = Vec::new();
    for entry in entries {
        changes.extend(entry.changes);
        reasons.push(entry.reason);
    }
    changes.sort_by_key(|change| change.address.host().by_number());
    reasons.dedup();
    let reason = match reasons.as_slice() {
        [first, .., last] if first != last => format!("{first} ... {last}"),
        _ => reasons.swap_remove(0),
    };
    Entry { changes, reason, differ: true, new }
}

fn under_headings(entries: Vec<Entry<'_>>) -> Vec<Group<'_>> {
    let mut groups: Vec<(usize, bool, Group<'_>)> = Vec::new();
    let mut places: HashMap<(Vec<&HostName>, Option<&str>, bool), usize> = HashMap::new();
    for (turn, entry) in entries.into_iter().enumerate() {
        let (component, hosts) = (entry.first().address.component(), entry.hosts());
        let key = (hosts.clone(), (!entry.new).then_some(component), entry.new);
        let place = *places.entry(key).or_insert_with(|| {
            groups.push((turn, true, Group { hosts, components: Vec::new(), new: entry.new, entries: Vec::new() }));
            groups.len() - 1
        });
        let (place, only_removes, group) = &mut groups[place];
        if !group.components.contains(&component) {
            group.components.push(component);
        }
        // Where all is removed, as for entries.
        *only_removes &= matches!(entry.action(), Action::Destroy | Action::Forget);
        if *only_removes {
            *place = turn;
        }
        group.entries.push(entry);
    }
    groups.sort_by_key(|(turn, ..)| *turn);
    groups.into_iter().map(|(.., group)| group).collect()
}

/// Hosts on which everything is made for the first time.
fn new_hosts(plan: &Plan) -> HashSet<&HostName> {
    let (mut new, mut old) = (HashSet::new(), HashSet::new());
    for change in &plan.changes {
        let host = change.address.host();
        if change.reasons.first() == Some(&Reason::New) && !host.is_cluster() {
            new.insert(host);
        } else {
            old.insert(host);
        }
    }
    new.retain(|host| !old.contains(host));
    new
}
