//! A plan, and drift, as events for machines.

use std::collections::HashMap;

use super::events::{Diagnosis, Severity, StreamEvent};
use super::plan_document::{drifted, resource_change, resource_drift};
use super::plan_text::cannot_apply;
use crate::plan::{Change, Drift, Label, Plan, Problem, Reason};
use crate::resource::{Action, Address};

/// Events with their messages: `drift` and `planned_change` for each change, `diagnostic` for each problem and warning,
/// then one `change_summary`.
pub fn plan_events(plan: &Plan) -> Vec<(String, StreamEvent)> {
    let mut events = Vec::new();
    events.extend(cannot_apply(plan).map(|refused| diagnostic(Severity::Error, None, refused)));
    for change in &plan.changes {
        let address = &change.address;
        if let Some(drift) = resource_drift(change) {
            events.push((format!("{address}: drift"), StreamEvent::Drift { change: drift.into() }));
        }
        if change.action != Action::NoOp {
            events.push(planned(change));
        }
        if let Some(warning) = &change.warning {
            events.push(diagnostic(Severity::Warning, Some(address), warning.clone()));
        }
        if let Some(problem) = &change.problem {
            events.push(diagnostic(Severity::Error, Some(address), said(problem)));
        }
    }
    let warnings = plan.warnings.iter().chain(&plan.turns);
    events.extend(warnings.map(|warning| diagnostic(Severity::Warning, None, warning.text.clone())));
    let changes = plan.counts().into();
    events.push((super::plan_summary(plan), StreamEvent::ChangeSummary { changes }));
    events
}

/// Events of `mainstay drift` with their messages: `drift` for what somebody changed, `planned_change` for what of
/// cluster.yaml was not applied yet, `diagnostic` for what could not be seen and for warnings. `plan` is what the drift
/// was read off.
pub fn drift_events(drift: &Drift, plan: &Plan) -> Vec<(String, StreamEvent)> {
    let changes: HashMap<&Address, &Change> = plan.changes.iter().map(|change| (&change.address, change)).collect();
    let mut events = Vec::new();
    for entry in &drift.entries {
        let address = &entry.address;
        let Some(change) = changes.get(address) else { continue };
        if entry.label != Label::Pending {
            let reason = if entry.gone { Reason::Gone } else { Reason::Drift };
            let change = drifted(change, reason, entry.fields.clone()).into();
            events.push((format!("{address}: drift"), StreamEvent::Drift { change }));
        }
        if entry.label != Label::Drift {
            events.push(planned(change));
        }
    }
    let unseen = drift.coverage.unseen.iter();
    events.extend(
        unseen.map(|(address, why)| diagnostic(Severity::Warning, Some(address), format!("not checked: {why}"))),
    );
    events.extend(drift.warnings.iter().map(|warning| diagnostic(Severity::Warning, None, warning.text.clone())));
    events
}

fn planned(change: &Change) -> (String, StreamEvent) {
    let message = format!("{}: plan to {}", change.address, change.action.verb());
    (message, StreamEvent::PlannedChange { change: resource_change(change).into() })
}

fn diagnostic(severity: Severity, address: Option<&Address>, summary: String) -> (String, StreamEvent) {
    let message = address.map_or_else(|| summary.clone(), |address| format!("{address}: {summary}"));
    let diagnostic = Diagnosis { severity, summary, address: address.cloned(), range: None, hints: Vec::new() };
    (message, StreamEvent::Diagnostic { diagnostic, exit_code: None })
}

fn said(problem: &Problem) -> String {
    match problem {
        Problem::Unknown { text } => format!("unknown: {text}"),
        Problem::Blocked { by } => format!("blocked by {by}"),
        Problem::Refused { text } => format!("refused: {text}"),
    }
}
