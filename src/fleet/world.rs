//! What the simulated fleet consists of, as a sequence of changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::FleetError;
use super::kubernetes::{Certificates, Kubernetes, Member, Model, Token};
use super::running::Running;
use super::world_file::Written;
use crate::input;
use crate::resource::{Address, AnyKind, HostName, Observation, Seen};

/// One change of the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// Something is at an address, or nothing any more.
    At(Address, Observation),
    /// A host is down, or up.
    Down(HostName, bool),
    /// Acts that match this pattern fail, or no longer.
    Fault(String, bool),
    /// A host and its address: the machine behind the name.
    Host(HostName, String),
    /// A machine is called otherwise.
    Renamed(HostName, HostName),
    /// What kubeadm's resource does not say of a host's etcd member.
    Etcd(HostName, Option<Member>),
    /// A bootstrap token, by its id.
    Token(String, Option<Token>),
    /// The certificates that control planes join with.
    Certificates(Option<Certificates>),
    /// The virtual address that the cluster was made with.
    Endpoint(Option<Ipv4Addr>),
    /// The keepalived.conf that a host's keepalived goes by.
    Loaded(HostName, Observation),
    /// The haproxy.cfg that a host's haproxy goes by.
    Read(HostName, Observation),
    /// What a file was like when a service read it last, by service and path; nothing when that is what it is like now.
    Ran(Address, String, Option<Observation>),
    /// The process that listens on a port of a host, if one does.
    Listens(HostName, u16, Option<String>),
}

/// Everything about the simulated hosts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    resources: BTreeMap<Address, Arc<Seen>>,
    down: BTreeSet<HostName>,
    faults: BTreeSet<String>,
    hosts: BTreeMap<HostName, String>,
    model: Model,
    running: Running,
    listeners: BTreeMap<HostName, BTreeMap<u16, String>>,
    /// What is known since the file was read, and stands in it once something happens.
    unsaved: Vec<Line>,
}

pub(super) fn failed(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> FleetError {
    move |error| FleetError::Local { what: format!("simulated fleet {}", path.display()), reason: error.to_string() }
}

impl World {
    /// What a file says; nothing when there is none.
    pub(super) fn read(path: &Path) -> Result<Self, FleetError> {
        Self::read_noting(path).map(|(world, _)| world)
    }

    /// The same, and whether the file needs no rewriting.
    pub(super) fn read_noting(path: &Path) -> Result<(Self, bool), FleetError> {
        let fail = failed(path);
        let mut world = Self::default();
        let file = match input::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((world, false)),
            Err(error) => return Err(fail(&error)),
        };
        let length = file.metadata().map_err(|error| fail(&error))?.len();
        let (mut older, mut written) = (false, Written::default());
        for line in BufReader::new(file).lines() {
            let line = line.map_err(|error| fail(&error))?;
            let bytes = line.len();
            // A line cut short by a kill is the last one and was never answered for.
            if let Ok(mut line) = serde_json::from_str::<Line>(&line) {
                if let Line::At(address, _) = &mut line
                    && let Some(present) = address.of_format_1_member()
                {
                    *address = present;
                    older = true;
                }
                written.note(&line, bytes);
                world.apply(line);
            }
        }
        if older {
            let settings = Observation::Present(serde_json::json!({ "settings": {} }));
            world.apply(Line::At(Address::of_cluster_settings(), settings));
        }
        let same = !older && written.is_all_of(&world, length);
        Ok((world, same))
    }

    /// Takes up what the hosts are called now. A machine is known by its address: one whose name is gone has the name
    /// that is new there.
    pub(super) fn know(&mut self, hosts: &BTreeMap<HostName, String>) {
        let mut names: HashMap<String, BTreeSet<HostName>> = HashMap::new();
        for (name, address) in &self.hosts {
            names.entry(address.clone()).or_default().insert(name.clone());
        }
        for (name, address) in hosts {
            let here = names.entry(address.clone()).or_default();
            // As long as the old name is in use nobody can tell which of the two is meant.
            if here.iter().any(|old| hosts.contains_key(old)) {
                continue;
            }
            let was = here.first().filter(|_| !self.hosts.contains_key(name)).cloned();
            if let Some(was) = &was {
                here.remove(was);
            }
            here.insert(name.clone());
            let elsewhere = self.hosts.get(name).filter(|at| *at != address).cloned();
            if let Some(names) = elsewhere.and_then(|at| names.get_mut(&at)) {
                names.remove(name);
            }
            let renamed = was.map(|was| Line::Renamed(was, name.clone()));
            for line in renamed.into_iter().chain([Line::Host(name.clone(), address.clone())]) {
                self.note(line);
            }
        }
    }

    /// What the machine at an address is called, if that is not this.
    pub(super) fn called_otherwise(&self, host: &HostName, at: &str) -> Option<HostName> {
        if self.hosts.get(host).is_some_and(|is| is == at) {
            return None;
        }
        self.hosts.iter().find(|(_, is)| *is == at).map(|(name, _)| name.clone())
    }

    /// What the file does not say yet.
    pub(super) fn take_unsaved(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.unsaved)
    }

    /// What is at an address; absent when nothing was ever put there.
    pub fn get(&self, address: &Address) -> Observation {
        self.look(address).map_or(Observation::Absent, |seen| seen.observation.clone())
    }

    /// The observation at an address; `None` if the resource is absent.
    pub(super) fn look(&self, address: &Address) -> Option<&Arc<Seen>> {
        self.resources.get(address)
    }

    /// All addresses at which something is.
    pub fn present(&self) -> impl Iterator<Item = (&Address, &serde_json::Value)> {
        self.resources.iter().filter_map(|(address, is)| is.observation.present().map(|value| (address, value)))
    }

    /// Hosts that are down.
    pub fn down(&self) -> &BTreeSet<HostName> {
        &self.down
    }

    /// Patterns on which acts fail.
    pub fn faults(&self) -> &BTreeSet<String> {
        &self.faults
    }

    pub(super) fn is_down(&self, host: &HostName) -> bool {
        self.down.contains(host)
    }

    pub(super) fn fault_on(&self, address: &Address) -> bool {
        super::simulated::matches(&self.faults, address)
    }

    /// etcd's members, as far as they can be told.
    pub fn kubernetes(&self) -> Kubernetes {
        self.model.kubernetes(&self.down)
    }

    /// Which hosts hold each virtual address that a keepalived was told of.
    pub fn virtual_ip_holders(&self) -> BTreeMap<Ipv4Addr, BTreeSet<HostName>> {
        self.model.holders(&self.down)
    }

    /// Hosts with an API server, be it ready or not.
    pub fn api_servers(&self) -> BTreeSet<HostName> {
        self.hosts.keys().filter(|host| self.model.is_control_plane(host)).cloned().collect()
    }

    /// To which hosts the haproxy of each load balancer that runs sends the API's clients.
    pub fn api_backends(&self) -> BTreeMap<HostName, BTreeSet<HostName>> {
        let at = |address: &Ipv4Addr| {
            let host = self.hosts.iter().find(|(_, at)| at.parse() == Ok(*address));
            host.map(|(host, _)| host.clone())
        };
        let named = |backends: BTreeSet<Ipv4Addr>| backends.iter().filter_map(at).collect();
        self.model.backends(&self.down).map(|(host, backends)| (host.clone(), named(backends))).collect()
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    pub(super) fn set(&mut self, address: &Address, is: Observation) {
        self.note(Line::At(address.clone(), is));
    }

    /// Takes away what a resource, once it is applied, keeps as one of many; see [`AnyKind::supersedes`].
    pub(super) fn drop_superseded(&mut self, address: &Address, resource: &dyn AnyKind) {
        let first = Address::new(address.host().clone(), "", "", None);
        let here = self.resources.range(first..).take_while(|(other, _)| other.host() == address.host());
        let same = here.map(|(other, _)| other).filter(|other| other.component() == address.component());
        let old: Vec<Address> = same.filter(|it| resource.supersedes(it.kind(), it.key())).cloned().collect();
        for address in old {
            self.set(&address, Observation::Absent);
        }
    }

    /// The same behind mainstay's back: a node that is gone was reset by hand, and left etcd as it should.
    pub(super) fn meddle(&mut self, address: &Address, is: Observation) {
        let reset = address.is_member() && is == Observation::Absent;
        self.set(address, is);
        if reset && self.model.told.contains_key(address.host()) {
            self.note(Line::Etcd(address.host().clone(), None));
        }
    }

    /// Whether a service runs with older files than those on disk.
    pub fn is_outdated(&self, service: &Address, reads: &[&str]) -> bool {
        self.running.is_outdated(service, reads)
    }

    /// What listens on a host, by port.
    pub fn listeners(&self, host: &HostName) -> impl Iterator<Item = (u16, &str)> {
        let ports = self.listeners.get(host).into_iter().flatten();
        ports.map(|(port, process)| (*port, process.as_str()))
    }

    pub(super) fn set_listener(&mut self, host: &HostName, port: u16, process: Option<&str>) {
        self.note(Line::Listens(host.clone(), port, process.map(str::to_owned)));
    }

    pub(super) fn set_down(&mut self, host: &HostName, down: bool) {
        self.note(Line::Down(host.clone(), down));
    }

    pub(super) fn set_fault(&mut self, pattern: &str, on: bool) {
        self.note(Line::Fault(pattern.to_owned(), on));
    }

    /// Changes the world; the file hears of it later.
    pub(super) fn note(&mut self, line: Line) {
        self.apply(line.clone());
        self.unsaved.push(line);
    }

    fn apply(&mut self, line: Line) {
        match line {
            Line::At(address, is) => {
                self.model.notice(&address, is.present());
                self.running.notice(&address, self.resources.get(&address).map(|was| &was.observation), &is);
                match is {
                    Observation::Absent => drop(self.resources.remove(&address)),
                    Observation::Present(_) => drop(self.resources.insert(address, seen_of(is))),
                }
            }
            Line::Down(host, true) => drop(self.down.insert(host)),
            Line::Down(host, false) => drop(self.down.remove(&host)),
            Line::Fault(pattern, true) => drop(self.faults.insert(pattern)),
            Line::Fault(pattern, false) => drop(self.faults.remove(&pattern)),
            Line::Host(name, address) => drop(self.hosts.insert(name, address)),
            Line::Renamed(from, to) => {
                let named = |it: &Address| {
                    let moves = it.host() == &from;
                    let new = || Address::new(to.clone(), it.component(), it.kind(), it.key());
                    if moves { new() } else { it.clone() }
                };
                self.resources = self.resources.iter().map(|(it, is)| (named(it), is.clone())).collect();
                self.running.rename(&from, &to, named);
                if let Some(listeners) = self.listeners.remove(&from) {
                    self.listeners.insert(to.clone(), listeners);
                }
                self.model.rename(&from, &to, named);
                self.hosts.remove(&from);
                if self.down.remove(&from) {
                    self.down.insert(to);
                }
            }
            Line::Etcd(host, member) => replace(&mut self.model.told, host, member),
            Line::Token(id, token) => replace(&mut self.model.tokens, id, token),
            Line::Certificates(certificates) => self.model.certificates = certificates,
            Line::Endpoint(endpoint) => self.model.endpoint = endpoint,
            Line::Read(host, cfg) => self.model.balancers.entry(host).or_default().has_read(&cfg),
            Line::Ran(service, path, was) => self.running.ran(service, path, was),
            Line::Listens(host, port, process) => replace(self.listeners.entry(host).or_default(), port, process),
            Line::Loaded(host, conf) => self.model.balancers.entry(host).or_default().goes_by(&conf),
        }
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let hosts = self.hosts.iter().map(|(host, address)| Line::Host(host.clone(), address.clone()));
        let at = self.resources.iter().map(|(address, is)| Line::At(address.clone(), is.observation.clone()));
        hosts.chain(at).chain(self.last_lines())
    }

    /// All lines except those of hosts and of observations.
    pub(super) fn last_lines(&self) -> impl Iterator<Item = Line> + '_ {
        let down = self.down.iter().map(|host| Line::Down(host.clone(), true));
        let faults = self.faults.iter().map(|pattern| Line::Fault(pattern.clone(), true));
        let model = &self.model;
        let etcd = model.told.iter().map(|(host, member)| Line::Etcd(host.clone(), Some(*member)));
        let tokens = model.tokens.iter().map(|(id, token)| Line::Token(id.clone(), Some(token.clone())));
        let certificates = model.certificates.iter().map(|it| Line::Certificates(Some(it.clone())));
        let endpoint = model.endpoint.map(|it| Line::Endpoint(Some(it)));
        let loaded = model.balancers.iter().filter_map(|(host, it)| Some(Line::Loaded(host.clone(), it.outdated()?)));
        let read = model.balancers.iter().filter_map(|(host, it)| Some(Line::Read(host.clone(), it.unread()?)));
        let ran = self.running.outdated();
        let ran = ran.map(|(service, path, was)| Line::Ran(service.clone(), path.clone(), Some(was.clone())));
        let listens = self.listeners.iter().flat_map(|(host, ports)| {
            ports.iter().map(|(port, process)| Line::Listens(host.clone(), *port, Some(process.clone())))
        });
        let known =
            etcd.chain(tokens).chain(certificates).chain(endpoint).chain(loaded).chain(read).chain(ran).chain(listens);
        down.chain(faults).chain(known)
    }
}

/// The answer of a simulated host: the observation itself.
pub(super) fn seen_of(observation: Observation) -> Arc<Seen> {
    Arc::new(Seen { digest: observation.digest(), observation })
}

fn replace<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_called_otherwise_is_the_same_one() {
        let name = |host: &str| HostName::new(host);
        let hosts = |pairs: &[(&str, &str)]| -> BTreeMap<HostName, String> {
            pairs.iter().map(|(host, at)| (name(host), (*at).to_owned())).collect()
        };
        let mut world = World::default();
        world.know(&hosts(&[("w1", "10.0.0.1"), ("w2", "10.0.0.2")]));
        world.set(&"w1/host/sysctl[a]".parse().unwrap(), Observation::Present(1.into()));
        world.set_down(&name("w1"), true);
        world.take_unsaved();
        // Both names are in use: nobody can tell which one is meant.
        world.know(&hosts(&[("w1", "10.0.0.1"), ("a", "10.0.0.1"), ("w2", "10.0.0.2")]));
        assert!(world.is_down(&name("w1")));
        world.know(&hosts(&[("b", "10.0.0.1"), ("w2", "10.0.0.2")]));
        assert_eq!(world.get(&"b/host/sysctl[a]".parse().unwrap()), Observation::Present(1.into()));
        assert!(world.is_down(&name("b")) && !world.is_down(&name("w1")));
        assert!(world.take_unsaved().contains(&Line::Renamed(name("w1"), name("b"))));
    }
}
