//! Compares a saved plan with the current one, and keeps what may still be applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use super::super::model::{Change, Plan, Problem, Reason, Warning};
use super::super::selection::{SelectionError, names_nothing};
use super::model::{Basis, Item, Saved};
use crate::resource::{Act, Action, Address, DigestKey, Observation, Pattern, Secret};
use crate::state::State;

/// Maximum number of addresses in a message.
const NAMED: usize = 10;
/// Values longer than this are not quoted.
const SHORT: usize = 40;

/// Why a saved plan is not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// The plan is for another cluster.
    #[error("the plan is for cluster `{then}`, but {file} describes cluster `{now}`")]
    OtherCluster {
        /// Its cluster.
        then: String,
        /// cluster.yaml's.
        now: String,
        /// The file name as given by the user.
        file: String,
    },
    /// Parts of the plan have problems.
    #[error("the plan cannot be applied: {}", problems(*unknown, *refused))]
    Problems {
        /// Number of unknown resources and their dependents.
        unknown: usize,
        /// Number of refused changes.
        refused: usize,
    },
    /// cluster.yaml has changed.
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
    /// The plan was made from a state that does not exist here.
    #[error("the plan was made from state serial {serial}, but there is no state here")]
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
    /// The hosts have changed since the plan was saved.
    #[error("the hosts have changed since the plan was saved{}", list(moved))]
    Hosts {
        /// The changed addresses, with old and new values.
        moved: Vec<(Address, String)>,
    },
    /// The declared resources have changed although the files are the same.
    #[error("the declared resources have changed since the plan was saved{}", list(moved))]
    Declared {
        /// The changed addresses, with details.
        moved: Vec<(Address, String)>,
    },
    /// The inputs are the same, but the planned actions differ: by another version, or because another run was
    /// active.
    #[error("the planned actions differ from the reviewed ones{}{}", version(by), list(moved))]
    Planned {
        /// The version that saved the plan.
        by: String,
        /// The changed addresses, with the planned actions.
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
            "the plan was saved before the first apply, and another plan has been applied since (lineage {then} in \
             the plan, {now} in the state)"
        );
    }
    format!("the plan was made from a different state (lineage {then} in the plan, {now} in the state)")
}

fn serial(then: u64, now: u64) -> String {
    match then {
        0 => format!("there was no state when this plan was saved, but there is one now (serial {now}); {APPLIED}"),
        then if now < then => {
            format!("the state was rolled back from serial {then} to {now} since this plan was saved")
        }
        _ => format!("the state has moved from serial {then} to {now} since this plan was saved; {APPLIED}"),
    }
}

const APPLIED: &str = "it may already have been applied";

fn version(by: &str) -> String {
    let this = env!("CARGO_PKG_VERSION");
    if by == this { String::new() } else { format!(" (planned by mainstay {by}, this is {this})") }
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

/// Compares a new plan with the saved one, and keeps only reviewed changes in it.
///
/// Drift at addresses that match `accept` is a warning instead of an error: such a change is kept if its action is
/// the reviewed one; otherwise it is skipped, together with its dependents. Addresses that match `ignored`
/// (`lifecycle.ignoreDrift`) may differ if nothing was and is planned for them. Returns the number of skipped
/// changes.
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
            planned.push((address, format!("was {}, now {}", then.action.verb(), item.action.verb())));
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

/// Whether it exists and nothing is planned for it.
fn is_idle(item: &Item) -> bool {
    item.action == Action::NoOp && matches!(item.seen, Some(Observation::Present(_)))
}

/// Keeps the reviewed actions of a plan with accepted drift.
fn leave_alone(plan: &mut Plan, then: &BTreeMap<&Address, &Item>, accepted: &BTreeMap<Address, String>) -> usize {
    let mut left: BTreeSet<Address> = BTreeSet::new();
    // Skipped creations and deletions; their dependents are skipped, too.
    let mut blocking: BTreeSet<Address> = BTreeSet::new();
    for change in &mut plan.changes {
        drop_reactions(change, &left);
        let reviewed = then.get(&change.address).map_or(Action::NoOp, |item| item.action);
        let cause = change.after.intersection(&blocking).next().cloned();
        let stays = change.action == reviewed && change.problem.is_none() && cause.is_none();
        let moved = accepted.get(&change.address);
        if let Some(told) = moved {
            let fate = if !stays {
                "skipped"
            } else if change.action == Action::NoOp {
                "nothing to do"
            } else {
                "applied as reviewed"
            };
            let text = format!("{}: {told}; {fate}", change.address);
            plan.warnings.push(Warning::notice("accepted-drift", text).about([&change.address]));
        } else if !stays {
            let because = cause.map_or_else(String::new, |it| format!(", because {it} is skipped"));
            let text = format!("{}: skipped, because it cannot be applied as reviewed{because}", change.address);
            plan.warnings.push(Warning::danger("skipped", text).about([&change.address]));
        }
        if stays {
            continue;
        }
        left.insert(change.address.clone());
        if matches!(change.action, Action::Create | Action::Replace | Action::Destroy) {
            blocking.insert(change.address.clone());
        }
        (change.action, change.problem, change.rerecord) = (Action::NoOp, None, false);
        (change.act, change.resumes, change.moved) = (None, false, None);
        change.reacts_to.clear();
        change.fields.clear();
        change.reasons.clear();
        change.warning = None;
    }
    left.len()
}

/// Nothing reacts to skipped changes.
fn drop_reactions(change: &mut Change, left: &BTreeSet<Address>) {
    if change.reacts_to.is_empty() {
        return;
    }
    change.reacts_to.retain(|cause| !left.contains(cause));
    change.reasons.retain(|reason| !matches!(reason, Reason::Reacts { to } if left.contains(to)));
    if change.act == Some(Act::React) && change.reacts_to.is_empty() {
        change.action = if change.moved.is_none() { Action::NoOp } else { Action::Adopt };
        change.act = None;
    }
}

fn redeclared(then: &Item, now: &Item) -> String {
    if then.attributes == now.attributes {
        return "one of its secrets has changed".to_owned();
    }
    match (&then.attributes, &now.attributes) {
        (Some(then), Some(now)) => differences(then, now),
        _ => "has changed".to_owned(),
    }
}

/// The old and new observation, without secrets.
fn told(then: &Item, now: &Item) -> String {
    match (&then.seen, &now.seen) {
        (_, None) => match &now.problem {
            Some(Problem::Unknown { text }) => format!("cannot be checked now: {text}"),
            _ => "cannot be checked now".to_owned(),
        },
        (None, Some(_)) => "could not be checked when the plan was saved".to_owned(),
        (Some(Observation::Absent), Some(_)) => "did not exist when the plan was saved, exists now".to_owned(),
        (Some(_), Some(Observation::Absent)) => "existed when the plan was saved, does not exist now".to_owned(),
        (Some(Observation::Present(then)), Some(Observation::Present(now))) if then == now => {
            "its (secret) content has changed".to_owned()
        }
        (Some(Observation::Present(then)), Some(Observation::Present(now))) => differences(then, now),
    }
}

/// The differences of two JSON values: `state was active, now inactive`.
fn differences(then: &Value, now: &Value) -> String {
    let mut found = Vec::new();
    leaves("", then, now, &mut found);
    found.sort();
    match found.as_slice() {
        [] => "has changed".to_owned(),
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
        (None, Some(now)) if then.is_null() => format!("{name} was not set, now {now}"),
        (Some(then), None) if now.is_null() => format!("{name} was {then}, now not set"),
        (Some(then), Some(now)) => format!("{name} was {then}, now {now}"),
        _ => format!("{name} has changed"),
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
