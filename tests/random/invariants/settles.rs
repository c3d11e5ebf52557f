//! With faults lifted, at most two applies reach an empty plan.

use mainstay::plan::Plan;

/// The plan after them has nothing to do and nothing unknown.
pub(crate) fn settled(plan: &Plan) -> Result<(), String> {
    if plan.is_empty() {
        return Ok(());
    }
    let left = plan.changes.iter().filter(|it| it.action != mainstay::resource::Action::NoOp || it.problem.is_some());
    let left = left.map(|it| {
        let fields: Vec<String> =
            it.fields.iter().map(|field| format!("{}: {} -> {}", field.field, field.before, field.after)).collect();
        format!("  {:?} {} {:?} {:?} {}", it.action, it.address, it.reasons, it.problem, fields.join(", "))
    });
    let left: Vec<String> = left.collect();
    Err(format!("two applies settle it: after two applies without faults this is left:\n{}", left.join("\n")))
}
