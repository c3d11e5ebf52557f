//! Never two disruptive steps in one lane at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay::resource::{Action, Address, Lane};
use mainstay::state::SimulatedProcess;

/// Which resource is being worked on in each lane, and by which process.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnePerLane {
    busy: BTreeMap<Lane, (Address, Arc<SimulatedProcess>)>,
}

impl OnePerLane {
    /// Work on a resource begins. Load balancers may be created together; whatever else has a lane is alone in it. A
    /// process that is dead works no more, although what it waited for may not have told it yet.
    pub(crate) fn begins(
        &mut self,
        lane: &Lane,
        address: &Address,
        action: Action,
        by: &Arc<SimulatedProcess>,
    ) -> Result<(), String> {
        if (lane, action) == (&Lane::LoadBalancer, Action::Create) {
            return Ok(());
        }
        match self.busy.insert(lane.clone(), (address.clone(), Arc::clone(by))) {
            Some((other, by)) if other != *address && !by.is_dead() => {
                Err(format!("one per lane: {address} was begun while {other} was being worked on; {lane}"))
            }
            _ => Ok(()),
        }
    }

    /// It ended.
    pub(crate) fn ends(&mut self, lane: &Lane, address: &Address) {
        if self.busy.get(lane).is_some_and(|(busy, _)| busy == address) {
            self.busy.remove(lane);
        }
    }

    /// Whoever worked is gone.
    pub(crate) fn clear(&mut self) {
        self.busy.clear();
    }
}
