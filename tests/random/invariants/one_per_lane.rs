//! Never two disruptive steps in one lane at a time.

use std::collections::BTreeMap;

use mainstay::resource::{Action, Address, Lane};

/// Which resource is being worked on in each lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnePerLane {
    busy: BTreeMap<Lane, Address>,
}

impl OnePerLane {
    /// Work on a resource begins. Load balancers may be created together; whatever else has a lane is alone in it.
    pub(crate) fn begins(&mut self, lane: &Lane, address: &Address, action: Action) -> Result<(), String> {
        if (lane, action) == (&Lane::LoadBalancer, Action::Create) {
            return Ok(());
        }
        match self.busy.insert(lane.clone(), address.clone()) {
            Some(other) if other != *address => {
                Err(format!("one per lane: {address} was begun while {other} was being worked on; {lane}"))
            }
            _ => Ok(()),
        }
    }

    /// It ended.
    pub(crate) fn ends(&mut self, lane: &Lane, address: &Address) {
        if self.busy.get(lane) == Some(address) {
            self.busy.remove(lane);
        }
    }

    /// Whoever worked is gone.
    pub(crate) fn clear(&mut self) {
        self.busy.clear();
    }
}
