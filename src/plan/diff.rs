//! The truth table: what is planned for one resource, from what is declared, recorded and observed.
//!
//! | declared | recorded | observed | action |
//! |---|---|---|---|
//! | yes | no | absent | create |
//! | yes | no | present, equal | adopt |
//! | yes | no | present, differs | update, marked "not made by mainstay" |
//! | yes | yes | equal | no-op, or update when something in `reacts_to` changes (reason names it) |
//! | yes | yes | differs | update or replace, labelled drift, pending or both |
//! | yes | yes | absent | create, labelled drift |
//! | yes | interrupted | present | apply again, never no-op on trust |
//! | no | yes | present / absent | destroy / forget |
//! | handed over | yes | present / absent | forget; the host is left as it is |
//! | any | any | unknown (host unreachable, odd output) | nothing is guessed: error on it and its dependents; unknown never plans create or forget |
//!
//! *Drift* is observed ≠ recorded, *pending* is declared ≠ recorded. What depends on other
//! resources (reactions, blocked dependents) is in [`super::react`], guards are in
//! [`super::guards`].

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::resource::{
    Act, Action, Address, AnyKind, Declared, DecodeError, DigestKey, FieldChange, Observation, Seen, Setting,
};
use crate::state::{Record, Status};

use super::keys;
use super::model::{Drifted, Problem, Reason};

/// What the table says of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) action: Action,
    pub(super) fields: Vec<FieldChange>,
    pub(super) reasons: Vec<Reason>,
    pub(super) problem: Option<Problem>,
    /// What would have been done, where that is refused.
    pub(super) refused: Option<Action>,
    /// How the host differs from the applied resource.
    pub(super) drift: Option<Drifted>,
    /// Whether the change corrects drift and does nothing else.
    pub(super) only_drift: bool,
    /// Whether an earlier run did not finish the change.
    pub(super) resumes: bool,
    /// Changes that it reacts to.
    pub(super) reacts_to: BTreeSet<Address>,
    /// The other address of a resource that moved: the previous one, or on a forgotten resource the new one.
    pub(super) moved: Option<Address>,
    /// Whether somebody else manages it from now on.
    pub(super) handed_over: bool,
    /// Whether it creates the cluster.
    pub(super) founds: bool,
    pub(super) rerecord: bool,
}

impl Verdict {
    pub(super) fn of(action: Action, reasons: Vec<Reason>) -> Self {
        Self {
            action,
            fields: Vec::new(),
            reasons,
            problem: None,
            refused: None,
            drift: None,
            only_drift: false,
            resumes: false,
            reacts_to: BTreeSet::new(),
            moved: None,
            handed_over: false,
            founds: false,
            rerecord: false,
        }
    }

    /// The state entry is dropped because the same object continues at another address.
    pub(super) fn moved_to(heir: &Address) -> Self {
        let reason = Reason::Moved { other: heir.clone() };
        Self { moved: Some(heir.clone()), ..Self::of(Action::Forget, vec![reason]) }
    }

    /// Adds reactions to the changes of other resources.
    pub(super) fn react(&mut self, causes: BTreeSet<&Address>, at: usize) {
        self.reasons.splice(at..at, causes.iter().map(|&to| Reason::Reacts { to: to.clone() }));
        self.reacts_to.extend(causes.into_iter().cloned());
    }

    /// What the kind is asked for.
    pub(super) fn act(&self) -> Option<Act> {
        match self.action {
            Action::Create | Action::Update | Action::Replace if self.founds => Some(Act::Found),
            Action::Create | Action::Update if self.resumes => Some(Act::Resume),
            Action::Create | Action::Replace => Some(Act::Create),
            Action::Update if !self.reacts_to.is_empty() && self.fields.is_empty() => Some(Act::React),
            Action::Update => Some(Act::Update),
            Action::NoOp | Action::Adopt | Action::Destroy | Action::Forget => None,
        }
    }

    /// Nothing can be planned.
    pub(super) fn problem(problem: Problem) -> Self {
        Self { problem: Some(problem), ..Self::of(Action::NoOp, Vec::new()) }
    }

    /// Nothing is known.
    pub(super) fn unknown(why: impl std::fmt::Display) -> Self {
        Self::problem(Problem::Unknown { text: why.to_string() })
    }

    /// It is replaced because the user asked for that, unless it is made anew anyway.
    pub(super) fn replace(&mut self) {
        if self.problem.is_none() && matches!(self.action, Action::NoOp | Action::Adopt | Action::Update) {
            self.action = Action::Replace;
            self.rerecord = false;
        }
        if self.action == Action::Replace {
            self.reasons.insert(0, Reason::Requested);
        }
    }

    /// What was planned cannot be; what it would have been stays for people to read.
    pub(super) fn stop(&mut self, problem: Problem) {
        if let (Problem::Refused { .. }, None) = (&problem, &self.problem) {
            self.refused = Some(self.action);
        }
        self.action = Action::NoOp;
        (self.founds, self.rerecord) = (false, false);
        self.problem = Some(problem);
    }
}

/// A record, and the address that it was written for when that is another one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded<'a> {
    pub(super) record: &'a Record,
    pub(super) moved_from: Option<&'a Address>,
    /// An earlier run changed it and did not get as far as the resource that reacts to it, or the other way round.
    pub(super) unfinished: bool,
    /// Whether the last probe found drift.
    pub(super) drift: bool,
}

/// The rows of what is declared.
pub(super) fn declared(wanted: &Declared, recorded: Option<Recorded<'_>>, seen: &Seen, key: &DigestKey) -> Verdict {
    let judged = match recorded {
        None => never_recorded(wanted, seen),
        Some(recorded) => once_recorded(wanted, recorded, seen, key),
    };
    judged.and_then(|verdict| possible(wanted, seen, verdict)).unwrap_or_else(Verdict::unknown)
}

/// Stops what the host, as it is, can never become.
fn possible(wanted: &Declared, seen: &Seen, mut verdict: Verdict) -> Result<Verdict, DecodeError> {
    if let (Observation::Present(found), true) = (&seen.observation, verdict.action.touches_host())
        && let Some(text) = wanted.resource.impossible(found)?
    {
        verdict.stop(Problem::Refused { text });
    }
    Ok(verdict)
}

fn never_recorded(wanted: &Declared, seen: &Seen) -> Result<Verdict, DecodeError> {
    let Observation::Present(found) = &seen.observation else {
        return Ok(Verdict::of(Action::Create, vec![Reason::New]));
    };
    let fields = wanted.resource.diff(found)?;
    Ok(match in_place_or_not(&fields) {
        Action::NoOp => Verdict::of(Action::Adopt, vec![Reason::AlreadyRight]),
        action => Verdict { fields, ..Verdict::of(action, vec![Reason::NotMadeByMainstay]) },
    })
}

fn once_recorded(
    wanted: &Declared,
    Recorded { record, moved_from, unfinished, drift }: Recorded<'_>,
    seen: &Seen,
    key: &DigestKey,
) -> Result<Verdict, DecodeError> {
    let resource = wanted.resource.as_ref();
    let pending = resource.digest(key) != record.digest;
    let keys = || keys::pending(wanted, record, moved_from.is_some());
    let moved = moved_from.map(|from| Reason::Moved { other: from.clone() });
    let interrupted = record.status == Status::Interrupted;
    let Observation::Present(found) = &seen.observation else {
        let main = if interrupted { Reason::Interrupted } else { Reason::Gone };
        let reasons = [main].into_iter().chain(pending.then(keys).into_iter().flatten()).chain(moved);
        let verdict = Verdict::of(Action::Create, reasons.collect());
        return Ok(Verdict { resumes: interrupted, moved: moved_from.cloned(), ..verdict });
    };
    let fields = resource.diff(found)?;
    let mut reasons = Vec::new();
    let action = match in_place_or_not(&fields) {
        Action::NoOp if interrupted => Action::Update,
        action => action,
    };
    let drifts = action != Action::NoOp && drift && !interrupted;
    let resumes = interrupted || (drifts && unfinished);
    if resumes {
        reasons.push(Reason::Interrupted);
    } else if drifts {
        reasons.push(Reason::Drift);
    }
    if action != Action::NoOp && pending {
        reasons.extend(keys());
    } else if action != Action::NoOp && reasons.is_empty() {
        // This version of the kind observes more than the version that wrote the record.
        reasons.push(Reason::Recomputed);
    }
    reasons.extend(moved);
    let only_drift = drifts && !resumes && !pending && moved_from.is_none();
    let moved = moved_from.cloned();
    let mut verdict = Verdict { fields, only_drift, resumes, moved, ..Verdict::of(action, reasons) };
    if action == Action::NoOp && moved_from.is_some() {
        verdict.action = Action::Adopt;
    } else if action == Action::NoOp {
        let stale = record.version != resource.version() || record.needs != wanted.needs || record.lane != wanted.lane;
        verdict.rerecord = drift || pending || stale || record.made_from != wanted.made_from;
    }
    // The host is correct; the plan shows the change of cluster.yaml that it will record.
    if action == Action::NoOp && pending && moved_from.is_none() {
        let keys = keys();
        if keys != [Reason::Recomputed] {
            let settings = resource.settings(&record.attributes, Some(found))?;
            let fields = settings.into_iter().filter_map(Setting::at_creation).collect();
            verdict = Verdict { fields, ..Verdict::of(Action::Adopt, keys) };
        }
    }
    Ok(verdict)
}

/// How the host differs from the applied resource. `same` is the declared resource if it equals the applied one: it
/// contains secrets, the state entry does not. An interrupted change is no drift.
pub(super) fn drifted(
    same: Option<&dyn AnyKind>,
    record: &Record,
    seen: &Seen,
    decode: impl FnOnce(&Value) -> Result<Arc<dyn AnyKind>, DecodeError>,
) -> Result<Option<Drifted>, DecodeError> {
    let Observation::Present(is) = &seen.observation else { return Ok(Some(Drifted::Gone)) };
    let fields = if let Some(applied) = same {
        applied.diff(is)?
    } else {
        let applied = decode(&record.attributes)?;
        // The entry of another version of the kind cannot be compared; its update is pending.
        if applied.version() != record.version {
            return Ok(None);
        }
        applied.diff(is)?
    };
    let turned = |it: FieldChange| FieldChange { before: it.after, after: it.before, replaces: false, ..it };
    Ok((!fields.is_empty()).then(|| Drifted::Differs(fields.into_iter().map(turned).collect())))
}

fn in_place_or_not(fields: &[FieldChange]) -> Action {
    match fields {
        [] => Action::NoOp,
        fields if fields.iter().any(|field| field.replaces) => Action::Replace,
        _ => Action::Update,
    }
}

/// The rows of what is recorded and no longer declared. What is already as it was before mainstay
/// took it over (it was adopted, or put back by hand) is forgotten: there is nothing left to do.
pub(super) fn removed(resource: &dyn AnyKind, record: &Record, seen: &Seen, reason: Reason) -> Verdict {
    if let Err(error) = resource.restored(&seen.observation, &record.prior) {
        return Verdict::unknown(error);
    }
    let action = match &seen.observation {
        Observation::Absent => Action::Forget,
        present if *present == record.prior.before => Action::Forget,
        // Not `restored`: that is lenient about what destroy could not take back.
        Observation::Present(_) => match resource.destroy(&record.prior) {
            Ok(steps) if steps.is_empty() => Action::Forget,
            Ok(_) => Action::Destroy,
            Err(error) => return Verdict::unknown(error),
        },
    };
    Verdict::of(action, vec![reason])
}

/// What is recorded, in a plan that only brings records up to date: what was seen is noted, what is
/// gone is forgotten. What was declared stays on record, so that the next plan offers to put it
/// back; and what an apply left half-way stays unfinished.
pub(super) fn refreshed(resource: &dyn AnyKind, record: &Record, seen: &Seen) -> Verdict {
    let same = seen.observation.digest() == record.observed;
    let fields = match &seen.observation {
        _ if same || record.status == Status::Interrupted => return Verdict::of(Action::NoOp, Vec::new()),
        Observation::Absent => return Verdict::of(Action::Forget, vec![Reason::Gone]),
        Observation::Present(found) => match resource.diff(found) {
            Ok(fields) => fields,
            Err(error) => return Verdict::unknown(error),
        },
    };
    if fields.is_empty() {
        return Verdict { rerecord: true, ..Verdict::of(Action::NoOp, Vec::new()) };
    }
    // From what is on record to what will be.
    let noted = |field: FieldChange| FieldChange { before: field.after, after: field.before, replaces: false, ..field };
    let fields = fields.into_iter().map(noted).collect();
    Verdict { fields, ..Verdict::of(Action::Adopt, vec![Reason::Drift]) }
}

#[cfg(test)]
mod tests;
