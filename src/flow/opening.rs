//! Opening the fleet that hosts are of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::fleet::{Fleet, FleetError, Looker, Reach, SimulatedFleet, Transport};
use crate::resource::HostName;

/// Opens the fleet of these hosts; simulated hosts are in the file `simulated`.
pub fn open_fleet(reaches: &BTreeMap<HostName, Reach>, simulated: &Path) -> Result<Fleet, FleetError> {
    if are_simulated(reaches) {
        return open_simulated(reaches, simulated).map(Fleet::Simulated);
    }
    Fleet::connect(reaches.clone())
}

/// The same fleet, read-only.
pub fn open_looker(reaches: BTreeMap<HostName, Reach>, simulated: &Path) -> Result<Looker, FleetError> {
    if are_simulated(&reaches) {
        return Looker::simulated(simulated, addresses(&reaches));
    }
    Looker::connect(reaches)
}

/// Opens the simulated hosts in this file.
pub fn open_simulated(reaches: &BTreeMap<HostName, Reach>, simulated: &Path) -> Result<SimulatedFleet, FleetError> {
    SimulatedFleet::open(simulated, addresses(reaches))
}

/// The file of simulated hosts next to a state file.
pub fn simulated_path(state_path: &Path) -> PathBuf {
    state_path.with_extension("hosts.jsonl")
}

fn are_simulated(reaches: &BTreeMap<HostName, Reach>) -> bool {
    reaches.values().any(|reach| reach.transport == Transport::Simulated)
}

fn addresses(reaches: &BTreeMap<HostName, Reach>) -> BTreeMap<HostName, String> {
    reaches.iter().map(|(host, reach)| (host.clone(), reach.address.clone())).collect()
}
