//! Plan and drift agree.

use mainstay::plan::{Answer, Drift, Plan};
use mainstay::resource::Action;

/// Drift is clean if and only if the plan is empty, apart from `lifecycle.ignoreDrift`.
pub(crate) fn one_comparison(plan: &Plan, drift: &Drift) -> Result<(), String> {
    let answer = drift.answer();
    let nothing = plan.is_empty();
    let clean = answer == Answer::Clean;
    // Renamed state entries are not drift.
    if nothing == clean || (clean && plan.counts() == mainstay::plan::Counts::default()) {
        return Ok(());
    }
    let changes = plan.changes.iter().filter(|it| it.action != Action::NoOp || it.problem.is_some());
    let changes: Vec<String> =
        changes.map(|it| format!("{:?} {} {:?} {:?}", it.action, it.address, it.reasons, it.problem)).collect();
    let entries: Vec<String> = drift
        .entries
        .iter()
        .map(|it| format!("{:?} {} {:?} {:?}", it.label, it.address, it.fields, it.pending))
        .collect();
    Err(format!(
        "one comparison: drift says {answer:?} and the plan has {} changes\n  plan: {}\n  drift: {}",
        changes.len(),
        changes.join("\n        "),
        entries.join("\n         ")
    ))
}

/// There is no drift after a successful apply.
pub(crate) fn no_drift(drift: &Drift) -> Result<(), String> {
    if drift.answer() == Answer::Clean {
        return Ok(());
    }
    Err(format!("no drift after an apply that ended well: {:?}: {:?}", drift.answer(), drift.entries))
}
