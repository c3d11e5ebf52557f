//! Surgery on a state as a value: forgetting records, giving them other addresses, comparing.

use std::collections::{BTreeMap, BTreeSet};

use super::model::State;
use crate::resource::{Address, HostName, Lane, Pattern};

/// The only kind whose key is just a name; all other keys identify an object on the host.
const NAMED: &str = "manifest";

/// Why records cannot get another address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The two texts are not of one shape.
    #[error(
        "cannot move `{from}` to `{to}`: both must be a host (cp1), a component (cp1/haproxy) or an address \
         (cp1/haproxy/file[/etc/haproxy/haproxy.cfg])"
    )]
    Shape {
        /// Where the records are.
        from: String,
        /// Where they were to go.
        to: String,
    },
    /// Kind and key identify the object on the host.
    #[error("cannot move `{from}` to `{to}`: kind and key cannot change, because they identify the object on the host")]
    Thing {
        /// Where the record is.
        from: Address,
        /// Where it was to go.
        to: Address,
    },
    /// Nothing is recorded there.
    #[error("no state entry is named `{from}`")]
    Nothing {
        /// The requested name.
        from: String,
    },
    /// Something is recorded there already.
    #[error("a state entry named `{to}` already exists")]
    Taken {
        /// The address.
        to: Address,
    },
}

/// The difference between the resources of two states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Only in the later one.
    pub recorded: Vec<Address>,
    /// In both, not alike.
    pub changed: Vec<Address>,
    /// Only in the earlier one.
    pub forgotten: Vec<Address>,
}

impl Difference {
    /// From one state to another.
    pub fn between(before: &State, after: &State) -> Self {
        let mut all = Self::default();
        for (address, record) in &after.resources {
            match before.resources.get(address) {
                None => all.recorded.push(address.clone()),
                Some(old) if old != record => all.changed.push(address.clone()),
                Some(_) => {}
            }
        }
        let forgotten = before.resources.keys().filter(|address| !after.resources.contains_key(address));
        all.forgotten = forgotten.cloned().collect();
        all
    }
}

/// Removes these state entries. Their dependents inherit their dependencies, so that a later destroy keeps the right
/// order. Returns the remaining dependents with the removed dependencies.
///
/// Pod ranges stay taken: hosts that are forgotten go on using theirs.
pub fn forget(state: &mut State, gone: &BTreeSet<Address>) -> Vec<(Address, Address)> {
    let mut bereft = Vec::new();
    let mut instead: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    for (address, record) in &state.resources {
        if gone.contains(address) || record.needs.is_disjoint(gone) {
            continue;
        }
        bereft.extend(record.needs.intersection(gone).map(|needed| (address.clone(), needed.clone())));
        instead.insert(address.clone(), stand_ins(state, &record.needs, gone));
    }
    for (address, needs) in instead {
        if let Some(record) = state.resources.get_mut(&address) {
            record.needs = needs;
        }
    }
    state.resources.retain(|address, _| !gone.contains(address));
    state.reactions.retain(|address, _| !gone.contains(address));
    retain_hosts(state);
    bereft
}

/// These dependencies, with removed ones replaced by their own dependencies, recursively.
fn stand_ins(state: &State, needs: &BTreeSet<Address>, gone: &BTreeSet<Address>) -> BTreeSet<Address> {
    let mut kept = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Address> = needs.iter().collect();
    while let Some(address) = open.pop() {
        if !gone.contains(address) {
            kept.insert(address.clone());
        } else if seen.insert(address) {
            open.extend(state.resources.get(address).iter().flat_map(|record| &record.needs));
        }
    }
    kept
}

/// Gives the records at `from` (a host, a component or an address) the same place below `to`.
/// Whatever refers to them follows. Returns the addresses, old and new.
pub fn rename(state: &mut State, from: &str, to: &str) -> Result<Vec<(Address, Address)>, EditError> {
    let (old, new): (Vec<&str>, Vec<&str>) = (from.splitn(3, '/').collect(), to.splitn(3, '/').collect());
    let shape = || EditError::Shape { from: from.to_owned(), to: to.to_owned() };
    if old.len() != new.len() || !is_name(new[0]) || (new[0] == HostName::CLUSTER) != (old[0] == HostName::CLUSTER) {
        return Err(shape());
    }
    let mut moves = BTreeMap::new();
    for address in state.resources.keys() {
        let (host, component, short) = (address.host().as_str(), address.component(), address.short());
        let parts = [host, component, short];
        if !old.iter().zip(parts).all(|(wanted, part)| *wanted == part) {
            continue;
        }
        let part = |at: usize| new.get(at).copied().unwrap_or(parts[at]);
        let target: Address = format!("{}/{}/{}", part(0), part(1), part(2)).parse().map_err(|_| shape())?;
        if target.kind() != address.kind() || (target.key() != address.key() && target.kind() != NAMED) {
            return Err(EditError::Thing { from: address.clone(), to: target });
        }
        if state.resources.contains_key(&target) {
            return Err(EditError::Taken { to: target });
        }
        moves.insert(address.clone(), target);
    }
    if moves.is_empty() {
        return Err(EditError::Nothing { from: from.to_owned() });
    }
    carry_over(state, &moves);
    if let ([from], [to]) = (&old[..], &new[..]) {
        rename_keys(state, from, to);
    }
    state.guards = guards(&state.guards, from, to, &moves);
    Ok(moves.into_iter().collect())
}

/// A renamed host keeps the digests of its keys in every record made from them.
fn rename_keys(state: &mut State, from: &str, to: &str) {
    let (from, to) = (format!("/hosts/{from}/"), format!("/hosts/{to}/"));
    for record in state.resources.values_mut() {
        if record.made_from.keys().any(|key| key.pointer().starts_with(&from)) {
            record.made_from =
                record.made_from.renamed(|pointer| Some(format!("{to}{}", pointer.strip_prefix(from.as_str())?)));
        }
    }
}

fn carry_over(state: &mut State, moves: &BTreeMap<Address, Address>) {
    let renamed = |address: &Address| moves.get(address).unwrap_or(address).clone();
    let renamed_all = |all: &BTreeSet<Address>| all.iter().map(renamed).collect();
    for (old, new) in moves {
        // The same machine, unless the new name has a way of its own.
        let reach = state.hosts.get(old.host()).cloned();
        if let (Some(reach), false) = (reach, new.host().is_cluster()) {
            state.hosts.entry(new.host().clone()).or_insert(reach);
        }
        let range = state.pod_ranges.get(old.host()).copied();
        if let (Some(range), true) = (range, leaves(state, moves, old.host())) {
            state.pod_ranges.remove(old.host());
            state.pod_ranges.entry(new.host().clone()).or_insert(range);
        }
    }
    let resources = std::mem::take(&mut state.resources);
    for (address, mut record) in resources {
        record.needs = renamed_all(&record.needs);
        let new = renamed(&address);
        if let Some(Lane::Packages(host)) = &mut record.lane
            && host == address.host()
        {
            host.clone_from(new.host());
        }
        state.resources.insert(new, record);
    }
    let reactions = std::mem::take(&mut state.reactions);
    state.reactions = reactions.iter().map(|(owing, to)| (renamed(owing), renamed_all(to))).collect();
    retain_hosts(state);
}

/// The guards, so that what was guarded still is.
fn guards(before: &BTreeSet<String>, from: &str, to: &str, moves: &BTreeMap<Address, Address>) -> BTreeSet<String> {
    let follow = |guard: &String| match guard.strip_prefix(from) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{to}{rest}"),
        _ => guard.clone(),
    };
    let mut after: BTreeSet<String> = before.iter().map(follow).collect();
    let keeps = |guards: &BTreeSet<String>, it: &Address| guards.iter().any(|text| Pattern::new(text).matches(it));
    for (old, new) in moves {
        // A glob may have meant the old name only.
        if keeps(before, old) && !keeps(&after, new) {
            after.insert(new.to_string());
        }
    }
    after
}

/// Whether a host keeps no record.
fn leaves(state: &State, moves: &BTreeMap<Address, Address>, host: &HostName) -> bool {
    let stays = |address: &Address| moves.get(address).is_none_or(|to| to.host() == host);
    !state.resources.keys().any(|address| address.host() == host && stays(address))
}

/// Hosts without records need not be reached any more.
fn retain_hosts(state: &mut State) {
    let on_record: BTreeSet<HostName> = state.recorded_hosts().into_iter().cloned().collect();
    state.hosts.retain(|host, _| on_record.contains(host));
}

/// Whether a text can be the name of a host.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    !text.is_empty() && text.chars().all(plain)
}

#[cfg(test)]
mod tests;
