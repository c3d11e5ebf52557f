//! Problems of a plan: each cause once, for all resources and hosts that it stops.

use std::collections::BTreeMap;

use super::hosts_text::without_host;
use super::style::plain;
use crate::plan::{Change, Plan, Problem};
use crate::resource::{Action, Address, HostName};

/// More causes than this that differ in the host only are shown as one.
const CAUSES: usize = 3;

/// How many names of refused resources are shown for each part of the stack.
const NAMES: usize = 8;

/// One cause.
#[derive(Debug)]
pub(super) struct Trouble<'a> {
    pub(super) sort: Sort,
    /// The stopped changes, by host; never empty.
    pub(super) changes: Vec<&'a Change>,
    /// Why it is refused or unknown, or the blocking resource.
    pub(super) text: String,
    /// On which hosts it is, when it is one cause on several.
    pub(super) causes: Vec<&'a HostName>,
}

/// In the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Refused,
    Unknown,
    Blocked,
}

impl Sort {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Blocked => "blocked",
        }
    }
}

impl<'a> Trouble<'a> {
    /// Hosts by name.
    pub(super) fn hosts(&self) -> Vec<&'a HostName> {
        let mut hosts: Vec<_> = self.changes.iter().map(|change| change.address.host()).collect();
        hosts.dedup();
        hosts
    }

    /// The refused changes, one line per component; empty if the title names them.
    pub(super) fn refused(&self) -> Vec<String> {
        let mut parts: Vec<(Action, &str, Vec<String>)> = Vec::new();
        for change in self.changes.iter().filter(|_| self.changes.len() > 1) {
            let (Some(action), component) = (change.refused, change.address.component()) else { continue };
            let short = plain(change.address.short());
            match parts.iter_mut().find(|(known, part, _)| (*known, *part) == (action, component)) {
                Some((_, _, names)) if names.contains(&short) => {}
                Some((_, _, names)) => names.push(short),
                None => parts.push((action, component, vec![short])),
            }
        }
        let line = |(action, component, names): (Action, &str, Vec<String>)| {
            let more = names.len().saturating_sub(NAMES);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named: Vec<String> = names.into_iter().take(NAMES).collect();
            format!("{} {component}: {}{more}", action.symbol(), named.join(", "))
        };
        parts.into_iter().map(line).collect()
    }
}

/// What is stopped, and by what other resource.
type Stopped<'a> = (&'a Change, Option<&'a Address>);

/// All problems of a plan by their cause.
pub(super) fn troubles(plan: &Plan) -> Vec<Trouble<'_>> {
    let mut causes: BTreeMap<(Sort, String), Vec<Stopped<'_>>> = BTreeMap::new();
    for change in &plan.changes {
        let (host, Some(problem)) = (change.address.host(), &change.problem) else { continue };
        let (key, by) = match problem {
            Problem::Refused { text } => ((Sort::Refused, without_host(text, host)), None),
            Problem::Unknown { text } => ((Sort::Unknown, without_place(text, host)), None),
            Problem::Blocked { by } => ((Sort::Blocked, format!("{}/{}", by.component(), by.short())), Some(by)),
        };
        causes.entry(key).or_default().push((change, by));
    }
    causes.into_iter().flat_map(|((sort, _), stopped)| told(sort, stopped)).collect()
}

/// `w1 (10.0.0.21:22): no route to host` without what tells the host.
fn without_place(text: &str, host: &HostName) -> String {
    let place = text.strip_prefix(host.as_str()).filter(|rest| rest.starts_with(" ("));
    place.and_then(|rest| rest.split_once("): ")).map_or_else(|| without_host(text, host), |(_, rest)| rest.to_owned())
}

fn told(sort: Sort, mut stopped: Vec<Stopped<'_>>) -> Vec<Trouble<'_>> {
    stopped.sort_by_key(|(change, by)| (by.map(|by| by.host().by_number()), change.address.host().by_number()));
    let mut by_cause: Vec<(Option<&Address>, Vec<&Change>)> = Vec::new();
    for (change, by) in stopped {
        match by_cause.last_mut().filter(|(last, _)| *last == by) {
            Some((_, changes)) => changes.push(change),
            None => by_cause.push((by, vec![change])),
        }
    }
    if by_cause.len() > CAUSES {
        let causes = by_cause.iter().filter_map(|(by, _)| by.map(Address::host)).collect();
        let text = by_cause[0].0.map(|by| format!("{}/{}", by.component(), by.short())).unwrap_or_default();
        let mut changes: Vec<&Change> = by_cause.into_iter().flat_map(|(_, changes)| changes).collect();
        changes.sort_by_key(|change| change.address.host().by_number());
        return vec![Trouble { sort, changes, text, causes }];
    }
    let each = by_cause.into_iter().map(|(by, changes)| {
        let text = by.map_or_else(|| said(&changes), ToString::to_string);
        Trouble { sort, changes, text, causes: Vec::new() }
    });
    each.collect()
}

/// What a cause says; of several hosts what it says of all of them.
fn said(changes: &[&Change]) -> String {
    let (first, last) = (&changes[0].address, &changes[changes.len() - 1].address);
    match &changes[0].problem {
        Some(Problem::Unknown { text }) if first.host() != last.host() => {
            without_place(text, first.host()).replace('\0', "the host")
        }
        Some(Problem::Refused { text }) if first.host() != last.host() => {
            without_host(text, first.host()).replace('\0', "the host")
        }
        Some(Problem::Unknown { text } | Problem::Refused { text }) => text.clone(),
        _ => String::new(),
    }
}

/// Warnings that differ in nothing but the host as one, each with the hosts that it names.
pub(super) fn warnings(plan: &Plan) -> Vec<String> {
    let hosts: BTreeMap<&str, &HostName> =
        plan.changes.iter().map(|it| it.address.host()).map(|h| (h.as_str(), h)).collect();
    let mut kept: Vec<(String, Vec<&HostName>, &String)> = Vec::new();
    for warning in plan.warnings.iter().chain(&plan.turns).map(|warning| &warning.text) {
        let host = warning.split([' ', ':']).next().and_then(|word| hosts.get(word)).copied();
        let text = host.map_or_else(|| warning.clone(), |host| without_host(warning, host));
        match kept.iter_mut().find(|(known, named, _)| *known == text && !named.is_empty()) {
            Some((_, named, _)) => named.extend(host),
            None => kept.push((text, host.into_iter().collect(), warning)),
        }
    }
    let tell = |(text, mut named, warning): (String, Vec<&HostName>, &String)| {
        if named.len() < 2 {
            return warning.clone();
        }
        named.sort_by_key(|host| host.by_number());
        text.replacen('\0', &super::hosts_text::host_list(&named, 60), 1).replace('\0', "the host")
    };
    kept.into_iter().map(tell).collect()
}
