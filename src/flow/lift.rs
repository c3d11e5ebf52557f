//! Handling of a refused plan.

use super::survey::Survey;
use crate::plan::Plan;
use crate::state::{Lease, StateError, Store};

/// How many changes are refused; see [`Plan::refusals`].
pub fn refusals(plan: &Plan) -> usize {
    plan.refusals()
}

/// What is left of an apply that is refused: to record the guards of cluster.yaml, so that one that was removed there
/// does not hold up the next apply. Returns the guards that are lifted by it.
pub fn lift(refused: &Survey, store: &Store, lease: Lease) -> Result<Vec<String>, StateError> {
    let before = store.with(|state| state.guards.clone());
    let after = refused.guards.as_ref().unwrap_or(&before);
    if *after != before {
        store.begin(lease, |state| state.guards.clone_from(after))?;
        store.finish()?;
    }
    Ok(before.difference(after).cloned().collect())
}
