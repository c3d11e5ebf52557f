//! The simulated fleet: hosts that answer at the level of resources.
//!
//! A look returns what was last applied, an act stores what the resource says a look would see.
//! It is what a newcomer's first command runs on, what `--simulate` rehearses a real file on and
//! what the randomized tests drive. No shell is involved.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::time::Instant;

use super::error::FleetError;
use super::interference::{Fate, Interference};
use super::kubernetes::{Doing, NoApi, carry_out};
use super::report::{ActOutcome, ActRequest, HostReport, Look, LookResult, Purpose, Trail};
use super::world::{World, WorldFile};
use crate::resource::{
    Address, HostFacts, HostName, Interface, Observation, Output, Pattern, ProbeError, Seen, Trace, sha256_hex,
};

/// An in-memory fleet, optionally kept in a file.
#[derive(Debug)]
pub struct SimulatedFleet {
    hosts: Arc<Hosts>,
    addresses: BTreeMap<HostName, String>,
    interference: Option<Arc<dyn Interference>>,
}

/// The machines themselves, which several fleets may reach.
#[derive(Debug)]
struct Hosts {
    world: Mutex<World>,
    file: Option<WorldFile>,
    clock: Clock,
}

/// The hosts' clock: the one of the runtime, which tests may pause and move on.
#[derive(Debug)]
struct Clock {
    /// What it showed at the beginning, in seconds.
    first: u64,
    began: Instant,
}

impl Clock {
    fn now(&self) -> u64 {
        self.first + self.began.elapsed().as_secs()
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

    fn of(world: World, file: Option<WorldFile>, addresses: BTreeMap<HostName, String>) -> Self {
        // What ends at some time must do so in a later process, too.
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let clock = Clock { first: epoch, began: Instant::now() };
        Self::reaching(&Arc::new(Hosts { world: Mutex::new(world), file, clock }), addresses)
    }

    fn reaching(hosts: &Arc<Hosts>, addresses: BTreeMap<HostName, String>) -> Self {
        let fleet = Self { hosts: Arc::clone(hosts), addresses, interference: None };
        fleet.lock().know(&fleet.addresses);
        fleet
    }

    /// Another fleet that reaches the same hosts, for example from another process or under other names. Nothing
    /// interferes with it.
    #[must_use]
    pub fn again(&self, addresses: BTreeMap<HostName, String>) -> Self {
        Self::reaching(&self.hosts, addresses)
    }

    /// The same fleet, with something that interferes with all that is asked of it.
    #[must_use]
    pub fn interfered(self, interference: Arc<dyn Interference>) -> Self {
        Self { interference: Some(interference), ..self }
    }

    /// Shows all there is, without a copy. The fleet is locked meanwhile: `see` must not use it.
    pub fn with<T>(&self, see: impl FnOnce(&World) -> T) -> T {
        see(&self.lock())
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
        self.change(|world| world.meddle(address, is))
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.hosts.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, act: impl FnOnce(&mut World) -> T) -> Result<T, FleetError> {
        let mut world = self.lock();
        let done = act(&mut world);
        let lines = world.take_unsaved();
        if let Some(file) = &self.hosts.file {
            lines.iter().try_for_each(|line| file.append(line))?;
        }
        Ok(done)
    }

    fn up(&self, host: &HostName) -> Result<MutexGuard<'_, World>, FleetError> {
        let world = self.lock();
        if world.is_down(host) {
            return Err(self.unreachable(host));
        }
        Ok(world)
    }

    fn address(&self, host: &HostName) -> String {
        self.addresses.get(host).cloned().unwrap_or_default()
    }

    fn unreachable(&self, host: &HostName) -> FleetError {
        let reason = "no route to host (simulated: `mainstay sim up` brings it back)".to_owned();
        FleetError::Connect { host: host.clone(), address: self.address(host), reason }
    }

    fn lost(&self, host: &HostName) -> FleetError {
        let reason = "it broke before the answer came (simulated)".to_owned();
        FleetError::Lost { host: host.clone(), address: self.address(host), reason }
    }

    /// Looks at resources of a host.
    pub async fn look(&self, host: &HostName, looks: &[Look]) -> Result<HostReport, FleetError> {
        let fate = self.interference.as_ref().map_or(Fate::Go, |it| it.look(host, self));
        let mut failed = None;
        match fate {
            Fate::Go | Fate::Answer(_) => {}
            Fate::Fail(output) => failed = Some(ProbeError::failed(&output)),
            Fate::HalfWay | Fate::Unanswered => return Err(self.lost(host)),
            Fate::Unreachable => return Err(self.unreachable(host)),
            Fate::Slow(time) => tokio::time::sleep(time).await,
            Fate::Gone | Fate::GoneAfter => std::future::pending().await,
        }
        let world = self.up(host)?;
        let answer = |look: &Look| failed.clone().map_or_else(|| see(&world, host, &look.address), Err);
        let seen = looks.iter().map(|look| (look.address.clone(), answer(look))).collect();
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
        let Some(interference) = &self.interference else { return self.carry_out(host, request, Amount::Whole) };
        let fate = interference.act(host, request, self);
        let (mut late, mut gone) = (None, false);
        if let Fate::Slow(time) = fate {
            tokio::time::sleep(time.min(request.timeout)).await;
            late = (time > request.timeout).then_some(request.timeout);
        }
        let outcome = match fate {
            Fate::Go | Fate::Slow(_) => self.carry_out(host, request, Amount::Whole),
            Fate::Fail(output) => self.up(host).map(|_| ran(output)),
            Fate::Answer(outcome) => self.up(host).map(|_| *outcome),
            Fate::HalfWay => self.carry_out(host, request, Amount::Half),
            Fate::Unanswered => self.carry_out(host, request, Amount::Whole).and(Err(self.lost(host))),
            Fate::Unreachable => Err(self.unreachable(host)),
            Fate::Gone => std::future::pending().await,
            Fate::GoneAfter => {
                gone = true;
                self.carry_out(host, request, Amount::Whole)
            }
        };
        let outcome = match late {
            Some(limit) => outcome.and(Err(self.late(host, limit))),
            None => outcome,
        };
        interference.acted(host, request, &outcome, self);
        if gone {
            std::future::pending::<()>().await;
        }
        outcome
    }

    fn late(&self, host: &HostName, limit: Duration) -> FleetError {
        FleetError::Timeout { host: host.clone(), address: self.address(host), seconds: limit.as_secs() }
    }

    /// What the host does of its own accord.
    fn carry_out(&self, host: &HostName, request: &ActRequest<'_>, amount: Amount) -> Result<ActOutcome, FleetError> {
        let (seen, faulty) = {
            let world = self.up(host)?;
            (see(&world, host, request.address), world.fault_on(request.address))
        };
        if let (Some(expect), Ok(seen)) = (request.expect, &seen)
            && seen.digest != expect
        {
            return Ok(ActOutcome::Stale { now: Ok(seen.observation.clone()) });
        }
        if faulty && request.act.is_some() {
            return Ok(ran(failure("simulated fault (`mainstay sim fail`)")));
        }
        let output = match (request.effect, request.act) {
            (Some(effect), Some((_, slots))) => {
                let (now, half, done) = (self.hosts.clock.now(), amount == Amount::Half, request.resource.simulate());
                let doing = Doing { on: host, address: request.address, done: &done, slots, now, half };
                self.change(|world| carry_out(world, effect, doing))?
            }
            _ => Output { stdout: "simulated".into(), ..Output::default() },
        };
        if output.success() && request.completes {
            self.complete(request, amount)?;
        }
        if amount == Amount::Half {
            return Ok(ran(if output.success() { failure("cut off half-way (simulated)") } else { output }));
        }
        let wants_look = request.look_after && output.success();
        let after = wants_look.then(|| see(&self.lock(), host, request.address));
        Ok(ActOutcome::Ran { output, kept: BTreeMap::new(), after })
    }

    /// The resource becomes as its purpose wants it.
    fn complete(&self, request: &ActRequest<'_>, amount: Amount) -> Result<(), FleetError> {
        // What kubeadm left is what it did, and nothing that a look could bring about.
        if request.act.is_none() && is_kubeadm(request.address) {
            return Ok(());
        }
        let is = match request.purpose {
            Purpose::Apply => Observation::Present(request.resource.simulate()),
            Purpose::Destroy(prior) => prior.before.clone(),
        };
        self.change(|world| {
            let is = match amount {
                Amount::Whole => is,
                Amount::Half => half_way(world.get(request.address), is),
            };
            world.set(request.address, is);
        })
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

/// How much of an act is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    Whole,
    Half,
}

/// The first half of the fields in which two values differ is changed. What is made or taken away at once has no half.
fn half_way(was: Observation, is: Observation) -> Observation {
    let (Observation::Present(Value::Object(mut now)), Observation::Present(Value::Object(wanted))) = (was.clone(), is)
    else {
        return was;
    };
    let differ: Vec<_> = wanted.into_iter().filter(|(name, value)| now.get(name) != Some(value)).collect();
    let done = differ.len() / 2;
    now.extend(differ.into_iter().take(done));
    Observation::Present(Value::Object(now))
}

fn failure(stderr: &str) -> Output {
    Output { status: 1, stdout: String::new(), stderr: stderr.to_owned() }
}

fn ran(output: Output) -> ActOutcome {
    ActOutcome::Ran { output, kept: BTreeMap::new(), after: None }
}

fn seen_of(observation: Observation) -> Seen {
    let digest = sha256_hex(serde_json::to_string(&observation).expect("observations are JSON").as_bytes());
    Seen { observation, digest }
}

/// What belongs to the cluster is seen from control planes only, as on real hosts, and while their API answers; the
/// virtual address only while a host holds it.
fn see(world: &World, host: &HostName, address: &Address) -> LookResult {
    if address.host().is_cluster() {
        match world.model().api(host, world.down()) {
            Ok(()) => {}
            Err(NoApi::NotHere) => return Err(ProbeError::NotHere),
            Err(NoApi::Silent) => return Err(ProbeError::of_cluster(&Output { status: 76, ..Output::default() })),
        }
    }
    if address.kind() == "virtual_ip" && !world.model().endpoint_answers(held(address), world.down()) {
        return Ok(seen_of(Observation::Absent));
    }
    let here = world.get(address);
    if here == Observation::Absent
        && is_kubeadm(address)
        && let Some(other) = world.model().same_host(address)
    {
        let other = world.get(other);
        let worker = other.present().is_some_and(|is| is["role"] == "worker");
        return if worker && address.kind() == "kubeadm_init" {
            Err(ProbeError::odd(format!("{host} is a worker of a cluster, not its first control plane")))
        } else {
            Ok(seen_of(other))
        };
    }
    Ok(seen_of(here))
}

/// Whether kubeadm makes this: then it is one thing on its host, whatever it is called.
fn is_kubeadm(address: &Address) -> bool {
    matches!(address.kind(), "kubeadm_init" | "kubeadm_join")
}

/// The address that a `virtual_ip` is about, its key.
fn held(address: &Address) -> Option<std::net::Ipv4Addr> {
    address.key()?.parse().ok()
}

/// The faults that are on, for `sim status`.
pub(super) fn matches(faults: &std::collections::BTreeSet<String>, address: &Address) -> bool {
    faults.iter().any(|pattern| Pattern::new(pattern.clone()).matches(address))
}
