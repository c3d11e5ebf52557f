//! The same change on many hosts once; under one heading what happens on the same hosts.

use std::collections::{HashMap, HashSet};

use crate::plan::{Change, Plan, Reason};
use crate::resource::{Action, HostName, Shown};

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

/// One change, or several that differ in nothing but the host.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// One of them.
    pub(super) change: &'a Change,
    /// Its reason in words.
    pub(super) reason: String,
    hosts: Vec<&'a HostName>,
    new: bool,
}

/// In what two changes must be equal to be shown as one.
#[derive(PartialEq, Eq, Hash)]
struct Shape<'a> {
    host: Option<&'a HostName>,
    component: &'a str,
    kind: &'a str,
    key: Option<&'a str>,
    action: Action,
    fields: Vec<(&'a str, &'a str, &'a str, bool, bool)>,
    reason: String,
    new: bool,
}

/// Groups everything that is planned. With `apart`, every host has headings of its own.
pub(super) fn groups<'a>(plan: &'a Plan, apart: bool, reason_of: impl Fn(&Change) -> String) -> Vec<Group<'a>> {
    let new = new_hosts(plan);
    let mut entries: Vec<Entry<'a>> = Vec::new();
    let mut places: HashMap<Shape<'a>, usize> = HashMap::new();
    for change in plan.changes.iter().filter(|change| change.problem.is_none() && change.action != Action::NoOp) {
        let (address, reason) = (&change.address, reason_of(change));
        let new = !apart && new.contains(address.host());
        let alone = apart || change.warning.is_some();
        let shape = Shape {
            host: alone.then_some(address.host()),
            component: address.component(),
            kind: address.kind(),
            key: address.key(),
            action: change.action,
            fields: change
                .fields
                .iter()
                .map(|f| (f.field.as_str(), f.before.as_str(), f.after.as_str(), f.replaces, f.shown == Shown::Text))
                .collect(),
            reason: reason.clone(),
            new,
        };
        let place = *places.entry(shape).or_insert_with(|| {
            entries.push(Entry { change, reason, hosts: Vec::new(), new });
            entries.len() - 1
        });
        entries[place].hosts.push(address.host());
    }
    under_headings(entries)
}

fn under_headings(entries: Vec<Entry<'_>>) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places: HashMap<(Vec<&HostName>, Option<&str>, bool), usize> = HashMap::new();
    for mut entry in entries {
        let component = entry.change.address.component();
        let mut hosts = std::mem::take(&mut entry.hosts);
        hosts.sort_unstable_by_key(|host| by_number(host));
        let in_order = hosts.clone();
        let key = (hosts, (!entry.new).then_some(component), entry.new);
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Group { hosts: in_order, components: Vec::new(), new: entry.new, entries: Vec::new() });
            groups.len() - 1
        });
        let group = &mut groups[place];
        if !group.components.contains(&component) {
            group.components.push(component);
        }
        group.entries.push(entry);
    }
    groups
}

/// A host's name without the number at its end, that number, and the name.
fn by_number(host: &HostName) -> (&str, u64, &str) {
    let name = host.as_str();
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem, name[stem.len()..].parse().unwrap_or(0), name)
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
