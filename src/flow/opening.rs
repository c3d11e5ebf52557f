//! Opening the fleet that hosts are of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::fleet::{Fleet, FleetError, Looker, Reach, SimulatedFleet, Transport};
use crate::resource::HostName;

/// Opens the fleet of these hosts. Simulated hosts are stored next to the state.
pub fn open_fleet(reaches: &BTreeMap<HostName, Reach>, state_path: &Path) -> Result<Fleet, FleetError> {
    if are_simulated(reaches) {
        return open_simulated(reaches, state_path).map(Fleet::Simulated);
    }
    Fleet::connect(reaches.clone())
}

/// The same fleet, read-only.
pub fn open_looker(reaches: BTreeMap<HostName, Reach>, state_path: &Path) -> Result<Looker, FleetError> {
    if are_simulated(&reaches) {
        return Looker::simulated(&simulated_path(state_path), addresses(&reaches));
    }
    Looker::connect(reaches)
}

/// Opens simulated hosts.
pub fn open_simulated(reaches: &BTreeMap<HostName, Reach>, state_path: &Path) -> Result<SimulatedFleet, FleetError> {
    SimulatedFleet::open(&simulated_path(state_path), addresses(reaches))
}

/// The path of the simulated hosts.
pub fn simulated_path(state_path: &Path) -> PathBuf {
    state_path.with_extension("hosts.jsonl")
}

fn are_simulated(reaches: &BTreeMap<HostName, Reach>) -> bool {
    reaches.values().any(|reach| reach.transport == Transport::Simulated)
}

fn addresses(reaches: &BTreeMap<HostName, Reach>) -> BTreeMap<HostName, String> {
    reaches.iter().map(|(host, reach)| (host.clone(), reach.address.clone())).collect()
}
