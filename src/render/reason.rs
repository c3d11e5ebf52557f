//! Why a change is planned, in words.

use super::drift_words::counted;
use super::style::plain;
use crate::plan::{Change, Reason};
use crate::resource::{Action, Address, Observation, dotted, stands_in};

/// Locations in cluster.yaml.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Name of cluster.yaml as the user gave it.
    pub file: &'a str,
    /// The line of the key at a JSON pointer, where the file has that key.
    pub line_of: &'a dyn Fn(&str) -> Option<u32>,
}

/// Keys beyond this many are only counted.
const KEYS: usize = 3;

impl Source<'_> {
    /// A key of cluster.yaml with its line. A key that the file does not have may take its value from another key.
    fn key(&self, pointer: &str) -> Option<String> {
        let written = |pointer: &str| {
            let line = (self.line_of)(pointer)?;
            Some(format!("{}:{line} {}", self.file, plain(&dotted(pointer))))
        };
        written(pointer).or_else(|| written(&stands_in(pointer)?))
    }

    /// The line where a key is, or would be: that of the nearest map that the file has.
    pub(super) fn place(&self, pointer: &str) -> Option<u32> {
        let mut rest = pointer;
        while !rest.is_empty() {
            if let Some(line) = (self.line_of)(rest) {
                return Some(line);
            }
            rest = &rest[..rest.rfind('/')?];
        }
        None
    }

    /// The file and the line of a pointer.
    fn at(&self, pointer: &str) -> String {
        self.place(pointer).map_or_else(|| self.file.to_owned(), |line| format!("{}:{line}", self.file))
    }

    /// The keys among these reasons; nothing where there are none.
    pub(super) fn keys(&self, reasons: &[Reason]) -> Option<String> {
        let left = reasons.contains(&Reason::Removed);
        let named = reasons.iter().filter_map(|reason| match reason {
            Reason::Pending { source } => Some(source.as_str()),
            _ => None,
        });
        let named: Vec<&str> = named.collect();
        // Where the file does not have it, it follows from who else is a load balancer.
        let follows = |pointer: &str| named.len() > 1 && pointer.ends_with("/priority") && self.key(pointer).is_none();
        let mut texts: Vec<String> = named
            .iter()
            .filter(|pointer| !follows(pointer))
            .map(|pointer| match (self.key(pointer), plain(&dotted(pointer))) {
                (Some(key), _) => key,
                (None, key) if key.is_empty() => self.file.to_owned(),
                // Every host has it.
                (None, key) if pointer.contains("/*/") => format!("{} {key}", self.file),
                (None, key) if left || is_a_host(pointer) => format!("removed from {}: {key}", self.file),
                (None, key) => format!("{} {key} (not set)", self.file),
            })
            .collect();
        texts.dedup();
        if texts.is_empty() && left {
            return Some(format!("removed from {}", self.file));
        }
        let more = texts.len().saturating_sub(KEYS);
        texts.truncate(KEYS);
        let more = if more > 0 { format!(" and {}", counted(more, "more key")) } else { String::new() };
        (!texts.is_empty()).then(|| texts.join("; ") + &more)
    }
}

fn is_a_host(pointer: &str) -> bool {
    pointer.strip_prefix("/hosts/").is_some_and(|name| !name.contains('/'))
}

/// The text of [`Reason::Recomputed`].
pub(super) const RECOMPUTED: &str = "no key of cluster.yaml changed";

/// All reasons of a change as one text; empty if the action is enough.
pub(super) fn reasons(change: &Change, source: Source<'_>) -> String {
    let mut texts: Vec<String> = Vec::new();
    if let Some(action) = change.refused {
        let done = match action {
            Action::Destroy => "destruction",
            Action::Replace => "replacement",
            Action::Create => "creation",
            _ => "change",
        };
        texts.push(format!("{done} refused"));
    }
    let mut causes: Vec<&Address> = Vec::new();
    let mut keys = source.keys(&change.reasons);
    for reason in &change.reasons {
        texts.push(match reason {
            Reason::New | Reason::Destroyed => continue,
            Reason::Drift => "drift: changed outside mainstay".into(),
            Reason::Gone => "drift: deleted outside mainstay".into(),
            Reason::Pending { .. } | Reason::Removed => match keys.take() {
                Some(keys) => keys,
                None => continue,
            },
            Reason::Recomputed => RECOMPUTED.into(),
            Reason::NotMadeByMainstay => "not created by mainstay".into(),
            Reason::AlreadyRight => "already correct".into(),
            Reason::Founds => "creates the cluster (kubeadm init)".into(),
            Reason::Requested => "requested with --replace".into(),
            Reason::Interrupted => "not finished by an earlier run".into(),
            Reason::EndsWith { whole } => format!("deleted with {}", beside(whole, &change.address)),
            Reason::HandedOver { source: pointer, value } => handed_over(pointer, value, source),
            Reason::Moved { other } if change.action == Action::Forget => {
                format!("moved to {}", beside(other, &change.address))
            }
            Reason::Moved { other } => format!("moved from {}", beside(other, &change.address)),
            Reason::Reacts { to } => {
                causes.push(to);
                continue;
            }
        });
    }
    match causes.as_slice() {
        [] => {}
        [cause] => {
            texts.insert(0, format!("because {} {}", beside(cause, &change.address), happens(change, "changes", "is")));
        }
        [cause, others @ ..] => {
            let (cause, happens) = (beside(cause, &change.address), happens(change, "change", "are"));
            texts.insert(0, format!("because {cause} and {} more {happens}", others.len()));
        }
    }
    texts.extend(what_was_there(change).map(Into::into));
    texts.join("; ")
}

/// Why mainstay no longer manages something that stays.
pub(super) fn handed_over(pointer: &str, value: &str, source: Source<'_>) -> String {
    let key = pointer.trim_start_matches('/').replace('/', ".");
    format!("no longer managed: {key} is {value} ({})", source.at(pointer))
}

fn happens(change: &Change, changes: &'static str, is: &'static str) -> String {
    if change.action == Action::Destroy { format!("{is} restored") } else { changes.to_owned() }
}

/// What happens to the state of the host from before mainstay.
fn what_was_there(change: &Change) -> Option<&'static str> {
    if change.reasons.iter().any(|reason| matches!(reason, Reason::HandedOver { .. })) {
        return None;
    }
    let present = |observation: &Observation| *observation != Observation::Absent;
    let was_there = change.prior.as_ref().is_some_and(|prior| present(&prior.before));
    let reacts = change.reasons.iter().any(|reason| matches!(reason, Reason::Reacts { .. }));
    let is_there = change.before.as_ref().is_some_and(|seen| present(&seen.observation));
    match change.action {
        Action::Destroy if was_there && !reacts => Some("restored to what it was before mainstay"),
        Action::Forget if was_there && is_there => Some("not created by mainstay; left in place"),
        _ => None,
    }
}

/// An address as short as it can be next to another one. The host is left out where it is the same,
/// which is also what makes the same change on many hosts the same text.
fn beside(address: &Address, other: &Address) -> String {
    plain(&if address.host() != other.host() {
        address.to_string()
    } else if address.component() != other.component() {
        format!("{}/{}", address.component(), address.short())
    } else {
        address.short().to_owned()
    })
}
