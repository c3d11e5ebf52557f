//! A read-only fleet, for commands such as `drift`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{Fleet, FleetError, HostReport, Look, Reach, SimulatedFleet, Trail};
use crate::resource::{Address, HostName, Trace};

/// Read-only access to hosts; it cannot change them.
#[derive(Clone, Debug)]
pub struct Looker(Arc<Fleet>);

impl Looker {
    /// Only the looking part of a fleet.
    pub fn of(fleet: &Arc<Fleet>) -> Self {
        Self(Arc::clone(fleet))
    }

    /// Takes the ways to real hosts; see [`Fleet::connect`].
    pub fn connect(reaches: BTreeMap<HostName, Reach>) -> Result<Self, FleetError> {
        Ok(Self(Arc::new(Fleet::connect(reaches)?)))
    }

    /// Simulated hosts as their file has them; nothing is written, not even when there is no file.
    pub fn simulated(path: &Path, addresses: BTreeMap<HostName, String>) -> Result<Self, FleetError> {
        Ok(Self(Arc::new(Fleet::Simulated(SimulatedFleet::read(path, addresses)?))))
    }

    /// See [`Fleet::look`].
    pub async fn look(&self, host: &HostName, looks: &[Look]) -> Result<HostReport, FleetError> {
        self.0.look(host, looks).await
    }

    /// See [`Fleet::trace`].
    pub async fn trace(&self, host: &HostName, trails: &[Trail]) -> Result<BTreeMap<Address, Trace>, FleetError> {
        self.0.trace(host, trails).await
    }

    /// See [`Fleet::close`].
    pub async fn close(&self) {
        self.0.close().await;
    }
}
