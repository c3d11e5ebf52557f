//! A plan as JSON Lines for machines.

use serde_json::{Value, json};

use super::event_line;
use crate::plan::{Change, Mode, Plan, Problem, Reason};
use crate::resource::Action;

/// `version`, then an event each: `drift` and `planned_change` for each change, `diagnostic` for each problem and
/// warning, then one `change_summary`. Secrets are masked already, because no plan holds one in a
/// field.
pub fn plan_json(plan: &Plan) -> Vec<Value> {
    let mut lines = Vec::new();
    let mut put = |level: &str, message: &str, kind: &str, rest: Value| {
        lines.push(event_line(level, kind, message, rest));
    };
    let version = env!("CARGO_PKG_VERSION");
    put("info", &format!("mainstay {version}"), "version", json!({"mainstay": version, "ui": "1.0"}));
    for change in &plan.changes {
        let address = change.address.to_string();
        if change.reasons.iter().any(|reason| matches!(reason, Reason::Drift | Reason::Gone)) {
            put("info", &format!("{address}: drift"), "drift", json!({"change": planned(change)}));
        }
        if change.action != Action::NoOp {
            let message = format!("{address}: plan to {}", change.action.verb());
            put("info", &message, "planned_change", json!({"change": planned(change)}));
        }
        let warning = change.warning.as_ref().map(|text| ("warn", text.clone()));
        for (level, summary) in warning.into_iter().chain(change.problem.as_ref().map(|p| ("error", said(p)))) {
            let diagnostic = json!({"severity": level, "address": address, "summary": summary});
            put(level, &format!("{address}: {summary}"), "diagnostic", json!({"diagnostic": diagnostic}));
        }
    }
    for warning in &plan.warnings {
        let diagnostic = json!({"severity": "warn", "summary": warning});
        put("warn", warning, "diagnostic", json!({"diagnostic": diagnostic}));
    }
    let counts = plan.counts();
    let summary = json!({
        "add": counts.add, "change": counts.change, "remove": counts.destroy,
        "adopt": counts.adopt, "forget": counts.forget, "problems": counts.problems,
        "operation": match plan.mode { Mode::Apply => "plan", Mode::Destroy => "destroy", Mode::Refresh => "refresh" },
    });
    let message = super::plan_summary(plan);
    put("info", &message, "change_summary", json!({"changes": summary}));
    lines
}

fn planned(change: &Change) -> Value {
    let mut value = json!({
        "address": change.address,
        "host": change.address.host(),
        "component": change.address.component(),
        "resource_type": change.address.kind(),
        "resource_key": change.address.key(),
        "action": change.action,
        "reasons": change.reasons.iter().map(reason).collect::<Vec<_>>(),
        "fields": change.fields,
    });
    if let Some(warning) = &change.warning {
        value["warning"] = json!(warning);
    }
    value
}

fn said(problem: &Problem) -> String {
    match problem {
        Problem::Unknown { text } => format!("unknown: {text}"),
        Problem::Blocked { by } => format!("blocked by {by}"),
        Problem::Refused { text } => format!("refused: {text}"),
    }
}

fn reason(reason: &Reason) -> Value {
    match reason {
        Reason::New => json!({"reason": "new"}),
        Reason::Drift => json!({"reason": "drift"}),
        Reason::Gone => json!({"reason": "gone"}),
        Reason::Pending { source } => json!({"reason": "pending", "source": source}),
        Reason::NotMadeByMainstay => json!({"reason": "not_made_by_mainstay"}),
        Reason::AlreadyRight => json!({"reason": "already_right"}),
        Reason::Reacts { to } => json!({"reason": "reacts", "to": to}),
        Reason::Requested => json!({"reason": "requested"}),
        Reason::Interrupted => json!({"reason": "interrupted"}),
        Reason::Removed => json!({"reason": "removed"}),
        Reason::Destroyed => json!({"reason": "destroyed"}),
        Reason::Moved { other } => json!({"reason": "moved", "other": other}),
    }
}
