//! What happens to a plan that is refused.

use super::survey::Survey;
use crate::plan::{Change, Plan, Problem};
use crate::state::{Lease, StateError, Store};

/// How many changes a guard or a kind refuses. Such a plan is not carried out at all: the rest of it is made for a
/// cluster in which those changes have happened, too; a load balancer on a new port, say, that the hosts were never
/// told of.
pub fn refusals(plan: &Plan) -> usize {
    let refused = |change: &&Change| matches!(change.problem, Some(Problem::Refused { .. }));
    plan.changes.iter().filter(refused).count()
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
