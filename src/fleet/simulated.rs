//! The simulated fleet: hosts that answer at the level of resources.
//!
//! A look returns what was last applied, an act stores what the resource says a look would see.
//! It is what a newcomer's first command runs on, what `--simulate` rehearses a real file on and
//! what the randomized tests drive. No shell is involved.

use std::borrow::Cow;
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
use super::world::{World, seen_of};
use super::world_file::WorldFile;
use crate::resource::{
    Address, AnyKind, HostFacts, HostName, Interface, Listener, Observation, Output, Pattern, ProbeError, Seen, Trace,
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
        let address = self.at(address);
        self.change(|world| world.meddle(&address, is))
    }

    /// Lets a process listen on a port of a host, or nothing any more.
    pub fn set_listener(&self, host: &HostName, port: u16, process: Option<&str>) -> Result<(), FleetError> {
        let here = self.here(host);
        self.change(|world| world.set_listener(&here, port, process))
    }

    /// What is at an address.
    pub fn get(&self, address: &Address) -> Observation {
        let address = self.at(address);
        self.lock().get(&address)
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

    /// What the machine is called that has this host's address: hosts are reached by address, whatever their name.
    fn here<'a>(&self, host: &'a HostName) -> Cow<'a, HostName> {
        let other = self.addresses.get(host).and_then(|at| self.lock().called_otherwise(host, at));
        other.map_or(Cow::Borrowed(host), Cow::Owned)
    }

    /// The same for the host of an address.
    fn at<'a>(&self, address: &'a Address) -> Cow<'a, Address> {
        match self.here(address.host()) {
            Cow::Borrowed(_) => Cow::Borrowed(address),
            Cow::Owned(host) => Cow::Owned(Address::new(host, address.component(), address.kind(), address.key())),
        }
    }

    fn up(&self, host: &HostName) -> Result<MutexGuard<'_, World>, FleetError> {
        let here = self.here(host);
        let world = self.lock();
        if world.is_down(&here) {
            return Err(self.unreachable(host));
        }
        Ok(world)
    }

    fn address(&self, host: &HostName) -> String {
        self.addresses.get(host).cloned().unwrap_or_default()
    }

    fn unreachable(&self, host: &HostName) -> FleetError {
        let reason = "no route to host (simulated: `mainstay sim up HOST` brings it back)".to_owned();
        FleetError::Connect { host: host.clone(), address: self.address(host), reason }
    }

    fn lost(&self, host: &HostName) -> FleetError {
        let reason = "the connection broke before the answer (simulated)".to_owned();
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
        let here = self.here(host);
        let same = matches!(here, Cow::Borrowed(_));
        let at = looks.iter().map(|Look { address, .. }| match address.host() {
            of if same && of == host => Cow::Borrowed(address),
            _ => self.at(address),
        });
        let addresses: Vec<Cow<'_, Address>> = at.collect();
        let world = self.up(host)?;
        let answer = |(look, at): (&Look, Cow<'_, Address>)| {
            let seen = failed.clone().map_or_else(|| see(&world, &here, &at, look.resource.as_ref()), Err);
            (look.address.clone(), seen)
        };
        let seen = looks.iter().zip(addresses).map(answer).collect();
        Ok(HostReport { facts: self.facts(host, &world, &here), seen })
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
            Fate::Fail(output) => self.stale(host, request).map(|stale| stale.unwrap_or_else(|| ran(output))),
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

    /// The answer of a host on which the resource is not as it was planned to be: a script looks before all else.
    fn stale(&self, host: &HostName, request: &ActRequest<'_>) -> Result<Option<ActOutcome>, FleetError> {
        let (here, address) = (self.here(host), self.at(request.address));
        let seen = see(&*self.up(host)?, &here, &address, request.resource);
        let stale = |seen: Arc<Seen>| ActOutcome::Stale { now: Ok(seen.observation.clone()) };
        Ok(seen.ok().filter(|seen| request.expect.is_some_and(|it| seen.digest != it)).map(stale))
    }

    /// What the host does of its own accord.
    fn carry_out(&self, host: &HostName, request: &ActRequest<'_>, amount: Amount) -> Result<ActOutcome, FleetError> {
        if let Some(stale) = self.stale(host, request)? {
            return Ok(stale);
        }
        let (here, address) = (self.here(host), self.at(request.address));
        let faulty = self.lock().fault_on(request.address);
        if faulty && request.act.is_some() {
            return Ok(ran(failure("simulated failure (`mainstay sim fail`)")));
        }
        let output = match (request.effect, request.act) {
            (Some(effect), Some((_, slots))) => {
                let (now, half, done) = (self.hosts.clock.now(), amount == Amount::Half, request.resource.simulate());
                let attributes = request.resource.attributes();
                let node = attributes.get("node").and_then(Value::as_str);
                let doing = Doing { on: &here, address: &address, node, done: &done, slots, now, half };
                self.change(|world| carry_out(world, effect, doing))?
            }
            _ => Output { stdout: "simulated".into(), ..Output::default() },
        };
        if output.success() && request.completes {
            self.complete(&address, request, amount)?;
        }
        if amount == Amount::Half {
            return Ok(ran(if output.success() { failure("interrupted (simulated)") } else { output }));
        }
        let wants_look = request.look_after && output.success();
        let after = wants_look.then(|| see(&self.lock(), &here, &address, request.resource));
        Ok(ActOutcome::Ran { output, kept: BTreeMap::new(), after })
    }

    /// The resource becomes as its purpose wants it.
    fn complete(&self, address: &Address, request: &ActRequest<'_>, amount: Amount) -> Result<(), FleetError> {
        // What kubeadm left is what it did, and nothing that a look could bring about.
        if request.act.is_none() && address.is_member() {
            return Ok(());
        }
        let mut is = match request.purpose {
            Purpose::Apply => Observation::Present(request.resource.simulate()),
            Purpose::Destroy(prior) => prior.before.clone(),
        };
        // Its files from before mainstay are not desired state: it reads the current ones now.
        if let (true, Observation::Present(Value::Object(service))) = (address.kind() == "service", &mut is) {
            service.remove("loaded");
        }
        self.change(|world| {
            if let Purpose::Apply = request.purpose {
                world.drop_superseded(address, request.resource);
            }
            let is = match amount {
                Amount::Whole => is,
                Amount::Half => half_way(world.get(address), is),
            };
            world.set(address, is);
        })
    }

    fn facts(&self, host: &HostName, world: &World, here: &HostName) -> HostFacts {
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
            haproxy_confined: false,
            systemd: true,
            uid: 0,
            epoch: 0,
            interfaces: address
                .map(|address| Interface { name: "eth0".into(), address, prefix: 24 })
                .into_iter()
                .collect(),
            listeners: world.listeners(here).map(listener).collect(),
        }
    }
}

fn listener((port, process): (u16, &str)) -> Listener {
    Listener { address: "*".into(), port, process: process.to_owned(), pid: 812 }
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

/// What belongs to the cluster is seen from control planes only, as on real hosts, and while their API answers; the
/// virtual address only while a host holds it.
fn see(world: &World, host: &HostName, address: &Address, resource: &dyn AnyKind) -> LookResult {
    if address.host().is_cluster() {
        match world.model().api(host, world.down()) {
            Ok(()) => {}
            Err(NoApi::NotHere) => return Err(ProbeError::NotHere),
            Err(NoApi::Silent) => return Err(ProbeError::of_cluster(&Output { status: 76, ..Output::default() })),
        }
    }
    if address.is_virtual_ip() && !world.model().endpoint_answers(held(address), world.down()) {
        return Ok(seen_of(Observation::Absent));
    }
    let Some(here) = world.look(address) else {
        let other = if address.is_member() { world.model().same_host(address) } else { None };
        let Some(Observation::Present(mut other)) = other.map(|other| world.get(other)) else {
            return Ok(seen_of(Observation::Absent));
        };
        // That kubeadm was begun is all that a host tells of it: who asks takes it for what is to be there.
        if other["complete"] == false {
            other["role"] = resource.simulate()["role"].take();
        }
        return Ok(seen_of(Observation::Present(other)));
    };
    if let Observation::Present(service) = &here.observation
        && world.is_outdated(address, resource.reads())
        && service["state"] == "active"
    {
        let mut service = service.clone();
        service["loaded"] = "stale".into();
        return Ok(seen_of(Observation::Present(service)));
    }
    Ok(Arc::clone(here))
}

/// The address that a `virtual_ip` is about, its key.
fn held(address: &Address) -> Option<std::net::Ipv4Addr> {
    address.key()?.parse().ok()
}

/// The faults that are on, for `sim status`.
pub(super) fn matches(faults: &std::collections::BTreeSet<String>, address: &Address) -> bool {
    faults.iter().any(|pattern| Pattern::new(pattern.clone()).matches(address))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::decode;

    #[tokio::test]
    async fn a_machine_is_reached_by_its_address_whatever_it_is_called() {
        let addresses = |names: &[&str]| names.iter().map(|it| (HostName::new(*it), "10.0.0.1".to_owned())).collect();
        let old = SimulatedFleet::in_memory(addresses(&["h1"]));
        let [was, is] = ["h1/host/sysctl[a]", "new/host/sysctl[a]"].map(|it| it.parse::<Address>().unwrap());
        old.set(&was, Observation::Present(json!({ "value": "1" }))).unwrap();
        // Records and cluster.yaml may call it differently for a while.
        let both = old.again(addresses(&["h1", "new"]));
        assert_eq!(both.get(&is), both.get(&was));
        both.set(&is, Observation::Present(json!({ "value": "2" }))).unwrap();
        assert_eq!(both.get(&was).present().unwrap()["value"], "2");
        let new = old.again(addresses(&["new"]));
        assert_eq!(new.get(&is).present().unwrap()["value"], "2");
        new.set_down(&HostName::new("new"), true).unwrap();
        for (fleet, host) in [(&new, "new"), (&old, "h1")] {
            assert!(fleet.look(&HostName::new(host), &[]).await.is_err(), "{host}");
        }
    }

    #[test]
    fn what_kubeadm_only_began_is_whatever_is_to_be_there() {
        let member = |role: &str| json!({ "node": "h", "role": role, "advertiseAddress": "10.0.0.1", "endpoint": "", "criSocket": "" });
        let asked = |complete: bool, role: &str| {
            let mut world = World::default();
            let is = json!({ "complete": complete, "role": "worker" });
            world.set(&"h/worker/member".parse().unwrap(), Observation::Present(is));
            let address = format!("h/{role}/member").parse().unwrap();
            let seen = see(&world, &HostName::new("h"), &address, decode("member", &member(role)).unwrap().as_ref());
            seen.unwrap().observation.present().unwrap()["role"].clone()
        };
        assert_eq!(asked(false, "control-plane"), "control-plane");
        assert_eq!(asked(false, "worker"), "worker");
        // Of a node that is whole its own files tell.
        assert_eq!(asked(true, "control-plane"), "worker");
    }
}
