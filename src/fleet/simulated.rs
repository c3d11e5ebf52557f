//! The simulated fleet: hosts that answer at the level of resources.
//!
//! A look returns what was last applied, an act stores what the resource says a look would see.
//! It is what a newcomer's first command runs on, what `--simulate` rehearses a real file on and
//! what the randomized tests drive. No shell is involved.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::FleetError;
use super::report::{ActOutcome, ActRequest, HostReport, Look, LookResult, Purpose, Trail};
use super::world::{World, WorldFile};
use crate::resource::{
    Address, HostFacts, HostName, Interface, Observation, Output, Pattern, ProbeError, Seen, Trace, sha256_hex,
};

/// An in-memory fleet, optionally kept in a file.
#[derive(Debug)]
pub struct SimulatedFleet {
    world: Mutex<World>,
    file: Option<WorldFile>,
    addresses: BTreeMap<HostName, String>,
    #[cfg(test)]
    pub(crate) on_act: OnAct,
}

/// What tests put in the way of acts: sees each one, and may answer in the fleet's place.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct OnAct(pub(crate) Option<Box<Answering>>);

#[cfg(test)]
type Answering = dyn Fn(&HostName, &ActRequest<'_>) -> Option<ActOutcome> + Send + Sync;

#[cfg(test)]
impl std::fmt::Debug for OnAct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnAct")
    }
}

impl SimulatedFleet {
    /// A fleet that lives in memory only. `addresses` are the hosts' IPv4 addresses.
    pub fn in_memory(addresses: BTreeMap<HostName, String>) -> Self {
        Self::of(World::default(), None, addresses)
    }

    /// A fleet kept in a file, which is made when it does not exist.
    pub fn open(path: &Path, addresses: BTreeMap<HostName, String>) -> Result<Self, FleetError> {
        let (file, world) = WorldFile::open(path)?;
        Ok(Self::of(world, Some(file), addresses))
    }

    /// The fleet of a file, which is left as it is; what is changed lives in memory only.
    pub fn read(path: &Path, addresses: BTreeMap<HostName, String>) -> Result<Self, FleetError> {
        Ok(Self::of(World::read(path)?, None, addresses))
    }

    fn of(mut world: World, file: Option<WorldFile>, addresses: BTreeMap<HostName, String>) -> Self {
        world.know(&addresses);
        Self {
            world: Mutex::new(world),
            file,
            addresses,
            #[cfg(test)]
            on_act: OnAct::default(),
        }
    }

    /// A copy of all there is.
    pub fn world(&self) -> World {
        self.lock().clone()
    }

    /// Takes a host down, or up again.
    pub fn set_down(&self, host: &HostName, down: bool) -> Result<(), FleetError> {
        self.change(|world| world.set_down(host, down))
    }

    /// Lets every act on addresses that match fail, or lifts that again.
    pub fn set_fault(&self, pattern: &str, on: bool) -> Result<(), FleetError> {
        self.change(|world| world.set_fault(pattern, on))
    }

    /// Puts something at an address behind mainstay's back.
    pub fn set(&self, address: &Address, is: Observation) -> Result<(), FleetError> {
        self.change(|world| world.set(address, is))
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, act: impl FnOnce(&mut World) -> super::world::Line) -> Result<(), FleetError> {
        let mut world = self.lock();
        let mut lines = world.take_unsaved();
        lines.push(act(&mut world));
        match &self.file {
            Some(file) => lines.iter().try_for_each(|line| file.append(line)),
            None => Ok(()),
        }
    }

    fn up(&self, host: &HostName) -> Result<MutexGuard<'_, World>, FleetError> {
        let world = self.lock();
        if world.is_down(host) {
            let address = self.addresses.get(host).cloned().unwrap_or_default();
            let reason = "no route to host (simulated: `mainstay sim up` brings it back)".to_owned();
            return Err(FleetError::Connect { host: host.clone(), address, reason });
        }
        Ok(world)
    }

    /// Looks at resources of a host.
    #[expect(clippy::unused_async, reason = "one of three fleets with the same methods")]
    pub async fn look(&self, host: &HostName, looks: &[Look]) -> Result<HostReport, FleetError> {
        let world = self.up(host)?;
        let seen = looks.iter().map(|look| (look.address.clone(), see(&world, host, &look.address))).collect();
        Ok(HostReport { facts: self.facts(host), seen })
    }

    /// What drifted here can only have been set.
    pub(super) fn trace(&self, trails: &[Trail]) -> BTreeMap<Address, Trace> {
        let set = Trace { what: "set with `mainstay sim set`".into(), at: None, by: None };
        trails.iter().map(|trail| (trail.address.clone(), set.clone())).collect()
    }

    /// Acts on a resource; see [`ActRequest`].
    pub async fn act(&self, host: &HostName, request: &ActRequest<'_>) -> Result<ActOutcome, FleetError> {
        tokio::task::yield_now().await;
        let (seen, faulty) = {
            let world = self.up(host)?;
            (see(&world, host, request.address), world.fault_on(request.address))
        };
        if let (Some(expect), Ok(seen)) = (request.expect, &seen)
            && seen.digest != expect
        {
            return Ok(ActOutcome::Stale { now: Ok(seen.observation.clone()) });
        }
        #[cfg(test)]
        if let Some(outcome) = self.on_act.0.as_ref().and_then(|answer| answer(host, request)) {
            return Ok(outcome);
        }
        let mut output = Output { stdout: "simulated".into(), ..Output::default() };
        if faulty && request.act.is_some() {
            output =
                Output { status: 1, stdout: String::new(), stderr: "simulated fault (`mainstay sim fail`)".into() };
        }
        let mut after = None;
        if request.look_after && output.success() {
            let is = match request.purpose {
                Purpose::Apply => Observation::Present(request.resource.simulate()),
                Purpose::Destroy(prior) => prior.before.clone(),
            };
            self.set(request.address, is.clone())?;
            after = Some(Ok(seen_of(is)));
        }
        Ok(ActOutcome::Ran { output, kept: BTreeMap::new(), after })
    }

    fn facts(&self, host: &HostName) -> HostFacts {
        let address = self.addresses.get(host).and_then(|address| address.parse().ok());
        HostFacts {
            hostname: host.to_string(),
            os: "debian".into(),
            os_version: "12".into(),
            kernel: "simulated".into(),
            architecture: "x86_64".into(),
            package_manager: "apt".into(),
            cpus: 4,
            memory_kib: 8 << 20,
            cgroup_version: 2,
            systemd: true,
            uid: 0,
            epoch: 0,
            interfaces: address
                .map(|address| Interface { name: "eth0".into(), address, prefix: 24 })
                .into_iter()
                .collect(),
        }
    }
}

fn seen_of(observation: Observation) -> Seen {
    let digest = sha256_hex(serde_json::to_string(&observation).expect("observations are JSON").as_bytes());
    Seen { observation, digest }
}

/// What belongs to the cluster is seen from control planes only, as on real hosts.
fn see(world: &World, host: &HostName, address: &Address) -> LookResult {
    if address.host().is_cluster() && !world.is_control_plane(host) {
        return Err(ProbeError::NotHere);
    }
    Ok(seen_of(world.get(address)))
}

/// The faults that are on, for `sim status`.
pub(super) fn matches(faults: &std::collections::BTreeSet<String>, address: &Address) -> bool {
    faults.iter().any(|pattern| Pattern::new(pattern.clone()).matches(address))
}
