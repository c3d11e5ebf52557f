//! The fleet: every host of a cluster, each one reached in its own way.

use std::collections::BTreeMap;
use std::time::Duration;

use super::local::LocalShell;
use super::shell::{Answer, Shell};
use super::shells::HostShell;
use super::simulated::SimulatedFleet;
use super::ssh::{SshPool, SshShell};
use super::{ActOutcome, ActRequest, FleetError, HostReport, Look, Reach, Trail, Transport};
use crate::resource::{Address, HostName, Trace};

/// All hosts of a cluster. Nothing is connected before a host's first use; from then on each host
/// has one connection, which all its looks and acts share.
#[derive(Debug)]
pub enum Fleet {
    /// Real hosts: over SSH, or this machine.
    Machines(Machines),
    /// Simulated hosts.
    Simulated(SimulatedFleet),
}

impl Fleet {
    /// Takes the ways to the hosts; reads `~/.ssh/config`, connects to nothing.
    pub fn connect(reaches: BTreeMap<HostName, Reach>) -> Result<Self, FleetError> {
        Machines::new(reaches).map(Self::Machines)
    }

    /// A host's base facts and the given looks, in one round trip.
    pub async fn look(&self, host: &HostName, looks: &[Look]) -> Result<HostReport, FleetError> {
        match self {
            Self::Machines(machines) => machines.host(host)?.look(looks).await,
            Self::Simulated(fleet) => fleet.look(host, looks).await,
        }
    }

    /// What a host can tell of how these came to be as they are, in one round trip.
    pub async fn trace(&self, host: &HostName, trails: &[Trail]) -> Result<BTreeMap<Address, Trace>, FleetError> {
        match self {
            Self::Machines(machines) => machines.host(host)?.trace(trails).await,
            Self::Simulated(fleet) => Ok(fleet.trace(trails)),
        }
    }

    /// One act on a resource, in one round trip. Never repeated by itself.
    pub async fn act(&self, host: &HostName, request: &ActRequest<'_>) -> Result<ActOutcome, FleetError> {
        match self {
            Self::Machines(machines) => machines.host(host)?.act(request).await,
            Self::Simulated(fleet) => fleet.act(host, request).await,
        }
    }

    /// Whether its hosts answer the same to the same questions in the same order. A run on one thread then goes the
    /// same way each time.
    pub fn is_deterministic(&self) -> bool {
        matches!(self, Self::Simulated(_))
    }

    /// Ends all connections.
    pub async fn close(&self) {
        match self {
            Self::Machines(machines) => machines.close().await,
            Self::Simulated(_) => {}
        }
    }
}

/// Hosts that are machines.
#[derive(Debug)]
pub struct Machines {
    hosts: BTreeMap<HostName, HostShell<AnyShell>>,
    pool: SshPool,
}

#[derive(Debug)]
enum AnyShell {
    Ssh(SshShell),
    Local(LocalShell),
}

impl Machines {
    fn new(reaches: BTreeMap<HostName, Reach>) -> Result<Self, FleetError> {
        let mut pool = SshPool::of_process();
        let mut hosts = BTreeMap::new();
        for (host, reach) in reaches {
            let shell = match reach.transport {
                Transport::Ssh => AnyShell::Ssh(pool.shell(&host, &reach)?),
                Transport::Local => AnyShell::Local(LocalShell::new(host.clone(), reach.sudo)),
                Transport::Simulated => {
                    let reason = "simulated and real hosts cannot be mixed".to_owned();
                    return Err(FleetError::Local { what: host.to_string(), reason });
                }
            };
            hosts.insert(host.clone(), HostShell::new(host, shell));
        }
        Ok(Self { hosts, pool })
    }

    fn host(&self, host: &HostName) -> Result<&HostShell<AnyShell>, FleetError> {
        let reason = "no connection settings are known for it".to_owned();
        self.hosts.get(host).ok_or_else(|| FleetError::Local { what: host.to_string(), reason })
    }

    async fn close(&self) {
        for host in self.hosts.values() {
            host.close().await;
        }
        self.pool.close().await;
    }
}

impl Shell for AnyShell {
    async fn run(&self, script: &str, timeout: Duration) -> Result<Answer, FleetError> {
        match self {
            Self::Ssh(shell) => shell.run(script, timeout).await,
            Self::Local(shell) => shell.run(script, timeout).await,
        }
    }

    async fn close(&self) {
        match self {
            Self::Ssh(shell) => shell.close().await,
            Self::Local(shell) => shell.close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(transport: Transport) -> Reach {
        Reach { transport, address: "127.0.0.1".into(), ..Reach::default() }
    }

    #[tokio::test]
    async fn this_machine_answers_and_strangers_are_named() {
        let host = HostName::new("here");
        let fleet = Fleet::connect([(host.clone(), reach(Transport::Local))].into()).unwrap();
        let report = fleet.look(&host, &[]).await.unwrap();
        assert!(report.facts.memory_kib > 0 && report.seen.is_empty());
        let error = fleet.look(&HostName::new("cp9"), &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "cp9: no connection settings are known for it");
        fleet.close().await;
    }

    #[test]
    fn simulated_hosts_do_not_stand_beside_real_ones() {
        let error = Fleet::connect([(HostName::new("cp1"), reach(Transport::Simulated))].into()).unwrap_err();
        assert!(error.to_string().contains("simulated"), "{error}");
    }

    /// The engine runs looks and acts on several threads.
    #[test]
    fn everything_can_be_sent() {
        fn sendable<T: Send>(_: T) {}
        let fleet = Fleet::connect(BTreeMap::new()).unwrap();
        sendable(fleet.look(&HostName::new("x"), &[]));
        sendable(fleet.close());
        let act = |request: &ActRequest<'_>| sendable(fleet.act(&HostName::new("x"), request));
        let _ = act;
    }
}
