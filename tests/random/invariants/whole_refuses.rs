//! A partial plan never does what the whole plan of the same inputs refuses.

use std::collections::BTreeSet;

use mainstay::plan::{Change, Plan, Problem};
use mainstay::resource::{Action, Address};

/// Compares a partial plan that is about to be carried out with the whole one. That several control planes leave is
/// refused of the whole alone: they may leave one by one.
pub(crate) fn whole_refuses(whole: &Plan, part: &Plan) -> Result<(), String> {
    let leaves = |change: &Change| {
        change.address.kind().starts_with("kubeadm_")
            && matches!(change.refused, Some(Action::Destroy | Action::Replace))
    };
    let refused = |change: &&Change| matches!(change.problem, Some(Problem::Refused { .. })) && !leaves(change);
    let refused: BTreeSet<&Address> = whole.changes.iter().filter(refused).map(|change| &change.address).collect();
    let stopped = |change: &&Change| match &change.problem {
        Some(Problem::Refused { .. }) => refused.contains(&change.address),
        Some(Problem::Blocked { by }) => refused.contains(by),
        _ => false,
    };
    let stopped: BTreeSet<&Address> = whole.changes.iter().filter(stopped).map(|change| &change.address).collect();
    let does = |change: &&Change| change.problem.is_none() && change.action.touches_host();
    match part.changes.iter().filter(does).find(|change| stopped.contains(&change.address)) {
        None => Ok(()),
        Some(change) => {
            Err(format!("the whole plan refuses: {} is planned ({:?}) in a part of it", change.address, change.action))
        }
    }
}
