//! Which keys of cluster.yaml a change comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Reason;
use crate::graph::Graph;
use crate::resource::{Declared, HostName, Key, MadeFrom};
use crate::state::{Record, State};

/// Why declared differs from recorded, here or where it moved from: the keys that changed, or that none did.
pub(super) fn pending(wanted: &Declared, record: &Record, moved: bool) -> Vec<Reason> {
    // State entries of earlier versions do not have these keys.
    if record.made_from.is_unknown() || wanted.made_from.is_unknown() {
        return vec![Reason::Pending { source: wanted.source.clone() }];
    }
    let mut keys = whole_hosts(&record.made_from, &wanted.made_from);
    if moved {
        // What it was before is made from other keys; those that both have count.
        let has = |side: &MadeFrom, pointer: &str| side.keys().any(|key| key.pointer() == pointer);
        keys.retain(|pointer| has(&record.made_from, pointer) && has(&wanted.made_from, pointer));
    }
    if keys.is_empty() { vec![Reason::Recomputed] } else { reasons(keys) }
}

/// The keys that differ; one for a host that only one side knows.
fn whole_hosts(was: &MadeFrom, is: &MadeFrom) -> BTreeSet<String> {
    let known = |side: &MadeFrom, host: &str| side.keys().any(|key| key.pointer().starts_with(&format!("{host}/")));
    let whole = |pointer: &str| {
        let host = host_of(pointer).filter(|host| !(known(was, host) && known(is, host)));
        host.map_or_else(|| pointer.to_owned(), str::to_owned)
    };
    was.changed(is).into_iter().map(whole).collect()
}

/// `/hosts/w1` of `/hosts/w1/roles`.
fn host_of(pointer: &str) -> Option<&str> {
    let name = pointer.strip_prefix("/hosts/")?.split('/').next().filter(|name| *name != "*")?;
    Some(&pointer[.."/hosts/".len() + name.len()])
}

fn reasons(pointers: impl IntoIterator<Item = String>) -> Vec<Reason> {
    pointers.into_iter().map(|source| Reason::Pending { source }).collect()
}

/// What cluster.yaml says now, as far as anything that is declared is made from it.
#[derive(Debug)]
pub(super) struct Current<'a> {
    keys: BTreeMap<&'a str, &'a Key>,
    hosts: BTreeSet<&'a HostName>,
    /// Hosts whose roles differ from the recorded ones.
    roles: BTreeSet<&'a str>,
}

impl<'a> Current<'a> {
    pub(super) fn of(graph: &'a Graph, state: &'a State) -> Self {
        let keys = graph.keys().keys().map(|key| (key.pointer(), key)).collect();
        let mut current = Self { keys, hosts: BTreeSet::new(), roles: BTreeSet::new() };
        for item in graph.items() {
            current.hosts.insert(item.address.host());
            current.keys.extend(item.made_from.keys().map(|key| (key.pointer(), key)));
        }
        let recorded = state.resources.values().flat_map(|record| record.made_from.keys());
        let roles = recorded.filter(|key| key.pointer().ends_with("/roles"));
        let other = roles.filter(|key| current.keys.get(key.pointer()).is_some_and(|now| now != key));
        current.roles = other.filter_map(|key| host_of(key.pointer())).collect();
        current
    }

    /// The keys for which something recorded at a host is no longer declared. None where the whole host left, or where
    /// that is not known.
    pub(super) fn left(&self, host: &HostName, record: &Record) -> Vec<String> {
        if !host.is_cluster() && !self.hosts.contains(host) {
            return Vec::new();
        }
        let changed = record.made_from.keys().filter(|key| self.keys.get(key.pointer()) != Some(key));
        // What cluster.yaml does not have any more counts where nothing else changed: nobody knows the value of a key
        // from which nothing is made now.
        let (other, none): (Vec<&Key>, Vec<&Key>) = changed.partition(|key| self.keys.contains_key(key.pointer()));
        let changed = if other.is_empty() { none } else { other };
        let whole = |pointer: &str| match host_of(pointer) {
            Some(host) if !self.hosts.iter().any(|it| host == format!("/hosts/{it}")) => host.to_owned(),
            _ => pointer.to_owned(),
        };
        let mut left: BTreeSet<String> = changed.into_iter().map(|key| whole(key.pointer())).collect();
        let host = format!("/hosts/{host}");
        if left.is_empty() && self.roles.contains(host.as_str()) {
            left.insert(host + "/roles");
        }
        left.into_iter().collect()
    }
}

/// Adds the keys for which something left to the reasons of its change.
pub(super) fn name(reasons: &mut Vec<Reason>, pointers: Vec<String>) {
    reasons.extend(self::reasons(pointers));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(was: &[(&str, &str)], is: &[(&str, &str)]) -> Vec<String> {
        let keys = |all: &[(&str, &str)]| all.iter().map(|(pointer, value)| Key::new(*pointer, value)).collect();
        whole_hosts(&keys(was), &keys(is)).into_iter().collect()
    }

    #[test]
    fn a_host_that_comes_or_goes_is_one_key() {
        let two = [("/hosts/cp1/internalAddress", "1"), ("/hosts/cp1/nodeName", "a"), ("/x", "1")];
        assert_eq!(changed(&two, &two[2..]), ["/hosts/cp1"]);
        assert_eq!(changed(&two[2..], &two), ["/hosts/cp1"]);
        let other = [("/hosts/cp1/internalAddress", "2"), ("/hosts/cp1/nodeName", "a"), ("/x", "1")];
        assert_eq!(changed(&two, &other), ["/hosts/cp1/internalAddress"]);
        let all = [("/hosts/*/roles", "a")];
        assert_eq!(changed(&all, &[("/hosts/*/roles", "b")]), ["/hosts/*/roles"]);
    }
}
