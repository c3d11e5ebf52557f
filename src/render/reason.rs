//! Why a change is planned, in words.

use super::style::plain;
use crate::plan::{Change, Reason};
use crate::resource::{Action, Address, Observation};

/// Where cluster.yaml says something.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Name of cluster.yaml as the user gave it.
    pub file: &'a str,
    /// The line of a JSON pointer into it, if that is known.
    pub line_of: &'a dyn Fn(&str) -> Option<u32>,
}

impl Source<'_> {
    pub(super) fn of(&self, pointer: &str) -> String {
        match (self.line_of)(pointer) {
            Some(line) => format!("{}:{line}", self.file),
            None if pointer.is_empty() => self.file.to_owned(),
            None => format!("{} {pointer}", self.file),
        }
    }
}

/// All reasons of a change as one text; empty when the action says it all.
pub(super) fn reasons(change: &Change, source: Source<'_>) -> String {
    let mut texts: Vec<String> = Vec::new();
    if let Some(action) = change.refused {
        let done = match action {
            Action::Destroy => "destroyed",
            Action::Replace => "replaced",
            Action::Create => "made",
            _ => "changed",
        };
        texts.push(format!("would be {done}, refused"));
    }
    let mut causes: Vec<&Address> = Vec::new();
    for reason in &change.reasons {
        texts.push(match reason {
            Reason::New | Reason::Destroyed => continue,
            Reason::Drift => "drift: changed outside mainstay".into(),
            Reason::Gone => "drift: gone, removed outside mainstay".into(),
            Reason::Pending { source: pointer } => source.of(pointer),
            Reason::NotMadeByMainstay => "not made by mainstay".into(),
            Reason::AlreadyRight => "already right".into(),
            Reason::Requested => "asked for with --replace".into(),
            Reason::Interrupted => "an earlier run did not finish it".into(),
            Reason::Removed => format!("removed from {}", source.file),
            Reason::EndsWith { whole } => format!("ends with {}", beside(whole, &change.address)),
            Reason::HandedOver { source: pointer, value } => handed_over(pointer, value, source),
            Reason::Moved { other } if change.action == Action::Forget => {
                format!("is {} now", beside(other, &change.address))
            }
            Reason::Moved { other } => format!("was {}", beside(other, &change.address)),
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
    format!("no longer managed: {key} is {value} ({})", source.of(pointer))
}

fn happens(change: &Change, changes: &'static str, is: &'static str) -> String {
    if change.action == Action::Destroy { format!("{is} put back") } else { changes.to_owned() }
}

/// What becomes of what was there before mainstay.
fn what_was_there(change: &Change) -> Option<&'static str> {
    if change.reasons.iter().any(|reason| matches!(reason, Reason::HandedOver { .. })) {
        return None;
    }
    let present = |observation: &Observation| *observation != Observation::Absent;
    let was_there = change.prior.as_ref().is_some_and(|prior| present(&prior.before));
    let reacts = change.reasons.iter().any(|reason| matches!(reason, Reason::Reacts { .. }));
    let is_there = change.before.as_ref().is_some_and(|seen| present(&seen.observation));
    match change.action {
        Action::Destroy if was_there && !reacts => Some("put back as it was before"),
        Action::Forget if was_there && is_there => Some("not made by mainstay, stays"),
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
        address.short()
    })
}
