//! A service that is recorded as done runs with the files on disk.

use mainstay::fleet::World;
use mainstay::kinds;
use mainstay::state::{State, Status};

/// Once a case is settled; until then others may change files, and a service may be owed its reload.
pub(crate) fn runs_its_files(state: &State, world: &World) -> Result<(), String> {
    for (address, record) in state.resources.iter().filter(|(address, _)| address.kind() == "service") {
        let service = kinds::decode(address.kind(), &record.attributes).map_err(|error| error.to_string())?;
        let done = record.status == Status::Ready && !state.reactions.contains_key(address);
        if done && world.is_outdated(address, service.reads()) {
            return Err(format!("services run their files: {address} is recorded as done and runs with an older file"));
        }
    }
    Ok(())
}
