//! Guards: rules that refuse changes which the truth table allows. Each one is a file, named after its rule.

mod balancers;
mod ports;
mod prevent_destroy;
mod quorum;
mod unfit;

use super::make::Inputs;
use super::nodes::Nodes;
use crate::resource::Action;

/// All guards, in this order. Each sees the refusals of earlier guards.
const GUARDS: &[fn(&mut Nodes<'_>, &Inputs<'_>)] =
    &[quorum::check, unfit::check, ports::check, balancers::check, prevent_destroy::check];

/// Runs all guards.
pub(super) fn check(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    for guard in GUARDS {
        guard(nodes, inputs);
    }
}

/// Whether something is removed from a host.
fn destroys(action: Action) -> bool {
    matches!(action, Action::Destroy | Action::Replace)
}
