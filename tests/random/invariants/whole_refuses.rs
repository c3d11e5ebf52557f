//! A partial plan never does what the whole plan of the same inputs refuses.

use std::collections::BTreeSet;

use mainstay::plan::{Change, Plan, Problem};
use mainstay::resource::{Action, Address};

fn is_refused(change: &Change) -> bool {
    matches!(change.problem, Some(Problem::Refused { .. }))
}

/// What a plan refuses, and what it blocks because of that. That several control planes leave is refused of the whole
/// alone: they may leave one by one.
fn stopped(whole: &Plan) -> BTreeSet<&Address> {
    let leaves = |change: &Change| {
        change.address.is_member() && matches!(change.refused, Some(Action::Destroy | Action::Replace))
    };
    let refused = whole.changes.iter().filter(|change| is_refused(change)).filter(|change| !leaves(change));
    let mut stopped: BTreeSet<&Address> = refused.map(|change| &change.address).collect();
    loop {
        let before = stopped.len();
        let blocked = whole.changes.iter().filter_map(|change| match &change.problem {
            Some(Problem::Blocked { by }) => stopped.contains(by).then_some(&change.address),
            _ => None,
        });
        let blocked: Vec<&Address> = blocked.collect();
        stopped.extend(blocked);
        if stopped.len() == before {
            return stopped;
        }
    }
}

fn does(change: &Change) -> bool {
    change.problem.is_none() && change.action.touches_host()
}

/// Compares a partial plan with the whole one. One that is refused itself is not carried out.
pub(crate) fn whole_refuses(whole: &Plan, part: &Plan) -> Result<(), String> {
    if part.changes.iter().any(is_refused) {
        return Ok(());
    }
    let stopped = stopped(whole);
    match part.changes.iter().filter(|change| does(change)).find(|change| stopped.contains(&change.address)) {
        None => Ok(()),
        Some(change) => {
            Err(format!("the whole plan refuses: {} is planned ({:?}) in a part of it", change.address, change.action))
        }
    }
}

/// What a partial plan is counted as: it shows something only where the whole plan refuses something.
pub(crate) fn part_name(whole: &Plan, part: &Plan) -> &'static str {
    if stopped(whole).is_empty() {
        "part: of a plan without refusals"
    } else if part.changes.iter().any(is_refused) {
        "part: of a refused plan, refused"
    } else if part.changes.iter().any(does) {
        "part: of a refused plan, acts"
    } else {
        "part: of a refused plan, does nothing"
    }
}
