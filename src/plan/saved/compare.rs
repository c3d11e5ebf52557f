//! What has moved since a plan was saved, and what may still be carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use super::super::model::{Change, Plan, Problem, Reason};
use super::super::selection::{SelectionError, names_nothing};
use super::model::{Basis, Item, Saved};
use crate::resource::{Action, Address, DigestKey, Observation, Pattern, Secret};
use crate::state::State;

/// Addresses that a message names.
const NAMED: usize = 10;
/// Values longer than this are not quoted.
const SHORT: usize = 40;

/// Why a saved plan is not carried out. The text goes on after the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// The plan is for another cluster.
    #[error("is a plan for cluster `{then}`, and {file} describes `{now}`")]
    OtherCluster {
        /// Its cluster.
        then: String,
        /// cluster.yaml's.
        now: String,
        /// cluster.yaml as the user named it.
        file: String,
    },
    /// It could not be planned wholly.
    #[error("cannot be applied: {}", problems(*unknown, *refused))]
    Problems {
        /// Resources of which nothing is known, and those that depend on them.
        unknown: usize,
        /// Changes that a guard or a kind refuses.
        refused: usize,
    },
    /// cluster.yaml is not the one that was planned from.
    #[error("{file} has changed since the plan was saved")]
    ClusterYaml {
        /// cluster.yaml as the user named it.
        file: String,
    },
    /// A file that cluster.yaml names has changed.
    #[error("the file behind `{key}` has changed since the plan was saved")]
    File {
        /// The key that names it.
        key: String,
    },
    /// The plan was made from a state, and there is none.
    #[error("was made from serial {serial} of the state, and there is no state here")]
    NoState {
        /// The serial that it was made from.
        serial: u64,
    },
    /// The plan was made from the state of another cluster, or before another first plan was applied.
    #[error("{}", lineage(then, now, *first))]
    Lineage {
        /// Its lineage.
        then: String,
        /// The state's.
        now: String,
        /// It was made when there was no state yet.
        first: bool,
    },
    /// The state was written since.
    #[error("{}", serial(*then, *now))]
    Serial {
        /// Serial that the plan was made from.
        then: u64,
        /// Serial of the state.
        now: u64,
    },
    /// The hosts are not as the plan saw them.
    #[error("the hosts are not as the plan saw them{}", list(moved))]
    Hosts {
        /// Every address that moved, and what was seen then and now.
        moved: Vec<(Address, String)>,
    },
    /// What is declared is not what the plan was made from, although the files are.
    #[error("what is declared is not what the plan was made from{}", list(moved))]
    Declared {
        /// Every address, and what is known about it.
        moved: Vec<(Address, String)>,
    },
    /// What was seen and declared is the same, but it is planned differently: by another version, or
    /// because the plan was made while another run was at work.
    #[error("what would be done now is not what was reviewed{}{}", version(by), list(moved))]
    Planned {
        /// The version that saved the plan.
        by: String,
        /// Every address, and what is planned for it.
        moved: Vec<(Address, String)>,
    },
}

fn problems(unknown: usize, refused: usize) -> String {
    let things = |count: usize, what: &str, verb: &str| match count {
        0 => None,
        1 => Some(format!("1 {what} is {verb}")),
        n => Some(format!("{n} {what}s are {verb}")),
    };
    let all = [things(refused, "change", "refused"), things(unknown, "resource", "unknown or blocked")];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn lineage(then: &str, now: &str, first: bool) -> String {
    if first {
        return format!(
            "was made before there was a state, and another plan has been applied since (lineage {then} in the plan, \
             {now} in the state)"
        );
    }
    format!("was made from another state (lineage {then} in the plan, {now} in the state)")
}

fn serial(then: u64, now: u64) -> String {
    match then {
        0 => format!("there was no state when the plan was saved, and there is one now (serial {now}): {APPLIED}"),
        then if now < then => format!("the state went back from serial {then} to {now} since the plan was saved"),
        _ => format!("the state has gone on from serial {then} to {now} since the plan was saved: {APPLIED}"),
    }
}

const APPLIED: &str = "this plan has been applied already, or something else has";

fn version(by: &str) -> String {
    let this = env!("CARGO_PKG_VERSION");
    if by == this { String::new() } else { format!(" (mainstay {by} has planned it, this is {this})") }
}

fn list(moved: &[(Address, String)]) -> String {
    let mut text = String::new();
    for (address, what) in moved.iter().take(NAMED) {
        let _ = write!(text, "\n  {address}: {what}");
    }
    match moved.len().saturating_sub(NAMED) {
        0 => {}
        more => _ = write!(text, "\n  ... {more} more"),
    }
    text
}

impl Saved {
    /// Whether the plan may be applied at all, whatever has become of its inputs.
    ///
    /// # Errors
    /// [`Stale::Problems`].
    pub fn whole(&self) -> Result<(), Stale> {
        let problems = || self.changes.iter().filter_map(|item| item.problem.as_ref());
        let refused = problems().filter(|it| matches!(it, Problem::Refused { .. })).count();
        let unknown = problems().count() - refused;
        if unknown + refused == 0 { Ok(()) } else { Err(Stale::Problems { unknown, refused }) }
    }

    /// Whether each pattern of `--accept-drift` matches something in the plan.
    ///
    /// # Errors
    /// [`SelectionError::Nothing`].
    pub fn has(&self, accept: &[Pattern]) -> Result<(), SelectionError> {
        let all = self.changes.iter().map(|item| &item.address).collect();
        let unmatched = names_nothing("--accept-drift", accept, &all);
        if unmatched.is_empty() { Ok(()) } else { Err(SelectionError::Nothing(unmatched)) }
    }

    /// Whether it is a plan for the cluster of this cluster.yaml, as `file` names it and with this
    /// SHA-256.
    ///
    /// # Errors
    /// [`Stale::OtherCluster`], [`Stale::ClusterYaml`].
    pub fn fits_file(&self, cluster: &str, file: &str, sha256: &str) -> Result<(), Stale> {
        let file = file.to_owned();
        if self.cluster != cluster {
            return Err(Stale::OtherCluster { then: self.cluster.clone(), now: cluster.to_owned(), file });
        }
        if self.basis.cluster_yaml == sha256 { Ok(()) } else { Err(Stale::ClusterYaml { file }) }
    }

    /// Whether it was made from this state.
    ///
    /// # Errors
    /// [`Stale::NoState`], [`Stale::Lineage`], [`Stale::Serial`].
    pub fn fits_state(&self, state: &State) -> Result<(), Stale> {
        let now = state.version();
        if now.serial == 0 && self.serial > 0 {
            return Err(Stale::NoState { serial: self.serial });
        }
        if now.lineage != self.lineage {
            return Err(Stale::Lineage { then: self.lineage.clone(), now: now.lineage, first: self.serial == 0 });
        }
        if now.serial == self.serial { Ok(()) } else { Err(Stale::Serial { then: self.serial, now: now.serial }) }
    }

    /// Whether the files that cluster.yaml names are the same.
    ///
    /// # Errors
    /// [`Stale::File`].
    pub fn fits_files(&self, now: &Basis) -> Result<(), Stale> {
        let keys: BTreeSet<&String> = self.basis.files.keys().chain(now.files.keys()).collect();
        match keys.into_iter().find(|&key| self.basis.files.get(key) != now.files.get(key)) {
            Some(key) => Err(Stale::File { key: key.clone() }),
            None => Ok(()),
        }
    }
}

/// Compares a plan that was just made with the saved one, and leaves in it only what was reviewed.
///
/// Where what was observed has moved at an address that `accept` matches, there is a warning in the
/// plan instead of an error: such a change stays when its action is the reviewed one, and becomes
/// nothing to do otherwise, together with what stands on it. What `ignored` (`lifecycle.ignoreDrift`)
/// matches may differ where nothing was and nothing is to be done. Returns how many were left alone.
///
/// # Errors
/// [`Stale::Hosts`], [`Stale::Declared`], [`Stale::Planned`], in this order.
pub fn compare(
    saved: &Saved,
    plan: &mut Plan,
    key: &DigestKey,
    accept: &[Pattern],
    ignored: &[Pattern],
) -> Result<usize, Stale> {
    let now = plan.changes.iter().map(|change| Item::of(change, key)).collect::<Vec<_>>();
    let then: BTreeMap<&Address, &Item> = saved.changes.iter().map(|item| (&item.address, item)).collect();
    let (mut hosts, mut declared, mut planned) = (Vec::new(), Vec::new(), Vec::new());
    let mut accepted: BTreeMap<Address, String> = BTreeMap::new();
    for item in &now {
        let address = item.address.clone();
        let Some(then) = then.get(&address) else {
            planned.push((address, "is not in the saved plan".to_owned()));
            continue;
        };
        let matches = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(&address));
        if then.observed != item.observed && !(is_idle(then) && is_idle(item) && matches(ignored)) {
            let told = told(then, item);
            if matches(accept) {
                accepted.insert(address.clone(), told);
            } else {
                hosts.push((address.clone(), told));
            }
        }
        if then.declared != item.declared {
            declared.push((address, redeclared(then, item)));
        } else if then.observed == item.observed && *then != item {
            planned.push((address, format!("{} then, {} now", then.action.verb(), item.action.verb())));
        }
    }
    let known: BTreeSet<&Address> = now.iter().map(|item| &item.address).collect();
    let gone = saved.changes.iter().filter(|item| !known.contains(&item.address));
    planned.extend(gone.map(|item| (item.address.clone(), "is in the saved plan only".to_owned())));
    for moved in [&mut hosts, &mut declared, &mut planned] {
        moved.sort();
    }
    if !hosts.is_empty() {
        return Err(Stale::Hosts { moved: hosts });
    }
    if !declared.is_empty() {
        return Err(Stale::Declared { moved: declared });
    }
    if accepted.is_empty() {
        return if planned.is_empty() {
            Ok(0)
        } else {
            Err(Stale::Planned { by: saved.mainstay.clone(), moved: planned })
        };
    }
    Ok(leave_alone(plan, &then, &accepted))
}

/// Whether it is there and nothing is to be done.
fn is_idle(item: &Item) -> bool {
    item.action == Action::NoOp && matches!(item.seen, Some(Observation::Present(_)))
}

/// What drift that was accepted leaves of a plan: the actions that were reviewed.
fn leave_alone(plan: &mut Plan, then: &BTreeMap<&Address, &Item>, accepted: &BTreeMap<Address, String>) -> usize {
    let mut left: BTreeSet<Address> = BTreeSet::new();
    // Left alone, although something would be begun or taken away there: nothing can follow it.
    let mut blocking: BTreeSet<Address> = BTreeSet::new();
    for change in &mut plan.changes {
        drop_reactions(change, &left);
        let reviewed = then.get(&change.address).map_or(Action::NoOp, |item| item.action);
        let cause = change.after.intersection(&blocking).next().cloned();
        let stays = change.action == reviewed && change.problem.is_none() && cause.is_none();
        let moved = accepted.get(&change.address);
        if let Some(told) = moved {
            let fate = if !stays {
                "left alone"
            } else if change.action == Action::NoOp {
                "nothing is to be done there"
            } else {
                "carried out as reviewed"
            };
            plan.warnings.push(format!("{}: {told}; {fate}", change.address));
        } else if !stays {
            let because = cause.map_or_else(String::new, |it| format!(", because {it} is"));
            plan.warnings.push(format!("{}: not carried out as reviewed: left alone{because}", change.address));
        }
        if stays {
            continue;
        }
        left.insert(change.address.clone());
        if matches!(change.action, Action::Create | Action::Replace | Action::Destroy) {
            blocking.insert(change.address.clone());
        }
        (change.action, change.problem, change.rerecord) = (Action::NoOp, None, false);
        change.fields.clear();
        change.reasons.clear();
        change.warning = None;
    }
    left.len()
}

/// Nothing reacts to what is left alone.
fn drop_reactions(change: &mut Change, left: &BTreeSet<Address>) {
    let reacts = |reason: &Reason| matches!(reason, Reason::Reacts { .. });
    if !change.reasons.iter().any(reacts) {
        return;
    }
    change.reasons.retain(|reason| !matches!(reason, Reason::Reacts { to } if left.contains(to)));
    let alone = change.reasons.iter().all(|reason| matches!(reason, Reason::AlreadyRight | Reason::Moved { .. }));
    if change.action == Action::Update && change.fields.is_empty() && alone {
        change.action = if change.reasons.is_empty() { Action::NoOp } else { Action::Adopt };
    }
}

fn redeclared(then: &Item, now: &Item) -> String {
    if then.attributes == now.attributes {
        return "a secret of it is another one".to_owned();
    }
    match (&then.attributes, &now.attributes) {
        (Some(then), Some(now)) => differences(then, now),
        _ => "is another one".to_owned(),
    }
}

/// What was seen then and now, as far as it may be told.
fn told(then: &Item, now: &Item) -> String {
    match (&then.seen, &now.seen) {
        (_, None) => match &now.problem {
            Some(Problem::Unknown { text }) => format!("cannot be looked at now: {text}"),
            _ => "cannot be looked at now".to_owned(),
        },
        (None, Some(_)) => "could not be looked at then".to_owned(),
        (Some(Observation::Absent), Some(_)) => "was not there then, is there now".to_owned(),
        (Some(_), Some(Observation::Absent)) => "was there then, is gone now".to_owned(),
        (Some(Observation::Present(then)), Some(Observation::Present(now))) if then == now => {
            "its content, which holds a secret, is another one".to_owned()
        }
        (Some(Observation::Present(then)), Some(Observation::Present(now))) => differences(then, now),
    }
}

/// In what two JSON values differ: `state active then, inactive now`.
fn differences(then: &Value, now: &Value) -> String {
    let mut found = Vec::new();
    leaves("", then, now, &mut found);
    found.sort();
    match found.as_slice() {
        [] => "is another one".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one}; {two}"),
        [one, two, more @ ..] => format!("{one}; {two}; {} more", more.len()),
    }
}

fn leaves(path: &str, then: &Value, now: &Value, found: &mut Vec<String>) {
    if then == now {
        return;
    }
    if let (Value::Object(then), Value::Object(now)) = (then, now) {
        let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let value = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
            leaves(&path, &value(then), &value(now), found);
        }
        return;
    }
    let name = if path.is_empty() { "it" } else { path };
    found.push(match (quoted(then), quoted(now)) {
        (None, Some(now)) if then.is_null() => format!("{name} is {now} now"),
        (Some(then), None) if now.is_null() => format!("{name} was {then} then"),
        (Some(then), Some(now)) => format!("{name} {then} then, {now} now"),
        _ => format!("{name} is another one"),
    });
}

/// A value that is short enough to be named, on one line.
fn quoted(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let fits = text.chars().count() <= SHORT && !text.chars().any(char::is_control) && text != Secret::MASK;
    fits.then_some(text)
}

#[cfg(test)]
mod tests;
