//! Kubernetes as the simulated hosts have it: who is a control plane, etcd's members, bootstrap tokens, uploaded
//! certificates, and the load balancers before all that.
//!
//! What kubeadm left on a host is what its resources say. Only what they cannot say is kept beside them, and a world
//! that was never told more (an older file, a cluster that was adopted, `sim set`) is taken for a healthy one: each
//! finished control plane has an etcd member that votes.

mod balancers;
mod carry_out;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::{Address, HostName};
pub(super) use balancers::Balancer;
pub(super) use carry_out::{Doing, carry_out};

/// etcd as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubernetes {
    /// Its members, by host.
    pub members: Vec<EtcdMember>,
}

/// A member of etcd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EtcdMember {
    /// The host that it runs on, or ran on before that was reset.
    pub host: HostName,
    /// Whether it votes; if not, it is a learner.
    pub voting: bool,
    /// Whether it runs and can be reached. A kubelet that was stopped does not stop it.
    pub up: bool,
}

impl Kubernetes {
    /// How many members vote.
    pub fn voting(&self) -> usize {
        self.members.iter().filter(|member| member.voting).count()
    }

    /// Whether more than half of the voting members run.
    pub fn has_quorum(&self) -> bool {
        self.members.iter().filter(|member| member.voting && member.up).count() * 2 > self.voting()
    }

    fn of(&self, host: &HostName) -> Option<&EtcdMember> {
        self.members.iter().find(|member| member.host == *host)
    }

    /// Whether etcd lets this member go: one that does not run always, as long as there is a quorum; another one only
    /// if those that run are a quorum of those that stay.
    fn lets_go(&self, host: &HostName) -> bool {
        let running = self.members.iter().filter(|member| member.voting && member.up).count();
        match self.of(host) {
            Some(member) if member.voting && member.up => running > self.voting().div_ceil(2),
            _ => self.has_quorum(),
        }
    }
}

/// What is known of an etcd member beside what kubeadm's resource says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    voting: bool,
    /// Its data is gone, yet the others still count it.
    wiped: bool,
}

/// A bootstrap token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    /// The host that it was made for.
    pub(super) owner: HostName,
    /// Second of the fleet's clock at which it ends.
    until: u64,
}

/// The certificates that control planes join with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Certificates {
    /// SHA-256 of the key that they are encrypted with.
    key: String,
    /// Second of the fleet's clock at which they are deleted.
    until: u64,
}

/// All that the simulated hosts know of Kubernetes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    /// Hosts on which kubeadm made a control plane, and whether it has ended well.
    planes: BTreeMap<Address, bool>,
    /// The same for workers.
    workers: BTreeMap<Address, bool>,
    /// What else stands among control planes; of its host nothing more is known.
    others: BTreeSet<Address>,
    /// What the resources do not say of etcd's members.
    pub(super) told: BTreeMap<HostName, Member>,
    /// The virtual address at which the cluster was reached last; nothing when somebody else's load balancer holds it.
    pub(super) endpoint: Option<Ipv4Addr>,
    /// Bootstrap tokens, by id.
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) certificates: Option<Certificates>,
    pub(super) balancers: BTreeMap<HostName, Balancer>,
}

impl Model {
    /// Takes notice of what is at an address now.
    pub(super) fn notice(&mut self, address: &Address, is: Option<&Value>) {
        match address.kind() {
            _ if address.is_member() => {
                self.planes.remove(address);
                self.workers.remove(address);
                let Some(is) = is else { return };
                let plane = is["role"] != "worker";
                let standing = if plane { &mut self.planes } else { &mut self.workers };
                standing.insert(address.clone(), is["complete"] != false);
            }
            "service" | "file" => self.notice_balancer(address, is),
            _ if address.component() == "control-plane" => {
                if is.is_some() {
                    self.others.insert(address.clone());
                } else {
                    self.others.remove(address);
                }
            }
            _ => {}
        }
    }

    /// A host is called otherwise.
    pub(super) fn rename(&mut self, from: &HostName, to: &HostName, named: impl Fn(&Address) -> Address) {
        let standings = |it: &BTreeMap<Address, bool>| it.iter().map(|(it, done)| (named(it), *done)).collect();
        (self.planes, self.workers) = (standings(&self.planes), standings(&self.workers));
        self.others = self.others.iter().map(&named).collect();
        if let Some(member) = self.told.remove(from) {
            self.told.insert(to.clone(), member);
        }
        if let Some(balancer) = self.balancers.remove(from) {
            self.balancers.insert(to.clone(), balancer);
        }
        self.tokens.values_mut().filter(|token| token.owner == *from).for_each(|token| token.owner = to.clone());
    }

    /// Whether kubeadm has ended well on a host; nothing when it was never run there.
    fn standing(&self, host: &HostName) -> Option<bool> {
        let on =
            |it: &BTreeMap<Address, bool>| it.iter().find(|(address, _)| address.host() == host).map(|(_, done)| *done);
        on(&self.planes).or_else(|| on(&self.workers))
    }

    /// Another address under which kubeadm was run on the same host: another role, or another way to the same one.
    pub(super) fn same_host(&self, address: &Address) -> Option<&Address> {
        let mut all = self.planes.keys().chain(self.workers.keys());
        all.find(|it| it.host() == address.host() && *it != address)
    }

    /// etcd, as far as these hosts are not down.
    pub(super) fn kubernetes(&self, down: &BTreeSet<HostName>) -> Kubernetes {
        let mut members: BTreeMap<&HostName, EtcdMember> = BTreeMap::new();
        for (address, done) in &self.planes {
            let host = address.host();
            let told = self.told.get(host);
            if *done || told.is_some() {
                let (voting, wiped) = told.map_or((true, false), |told| (told.voting, told.wiped));
                members.insert(host, EtcdMember { host: host.clone(), voting, up: !wiped && !down.contains(host) });
            }
        }
        for (host, told) in &self.told {
            let gone = || EtcdMember { host: host.clone(), voting: told.voting, up: false };
            members.entry(host).or_insert_with(gone);
        }
        Kubernetes { members: members.into_values().collect() }
    }

    /// Whether an API server stands on a host, be it ready or not.
    pub(super) fn is_control_plane(&self, host: &HostName) -> bool {
        let unfinished = || self.told.get(host).is_some_and(|member| !member.wiped);
        let stands = |(address, done): (&Address, &bool)| address.host() == host && (*done || unfinished());
        self.planes.iter().any(stands) || self.others.iter().any(|address| address.host() == host)
    }

    /// Why the API server of a host that is up is not ready, if it is not.
    pub(super) fn api(&self, host: &HostName, down: &BTreeSet<HostName>) -> Result<(), NoApi> {
        if !self.is_control_plane(host) {
            return Err(NoApi::NotHere);
        }
        let kubernetes = self.kubernetes(down);
        let known = self.planes.keys().any(|address| address.host() == host);
        let member = kubernetes.of(host).is_some_and(|member| member.up);
        if known && !(member && kubernetes.has_quorum()) { Err(NoApi::Silent) } else { Ok(()) }
    }
}

/// Why an API server is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoApi {
    /// There is none on this host.
    NotHere,
    /// Its etcd has no quorum.
    Silent,
}
