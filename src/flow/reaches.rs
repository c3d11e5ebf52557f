//! Connection settings of hosts: from cluster.yaml with resolved secrets, or from the state.

use std::collections::BTreeMap;

use super::error::FlowError;
use super::secrets::resolve;
use crate::config::{self, Cluster, FleetKind, Ssh};
use crate::fleet::{Bastion, HostKeyChecking, Reach, Sudo, Transport};
use crate::resource::{HostName, Secret};
use crate::state::State;

/// How every host is reached: those of cluster.yaml, and those that left it but still have records. With `simulated`
/// they are simulated, whatever cluster.yaml says.
pub fn reaches(cluster: &Cluster, simulated: bool, state: &State) -> Result<BTreeMap<HostName, Reach>, FlowError> {
    let (reaches, missing) = reaches_known(cluster, simulated, state)?;
    missing.map_or(Ok(reaches), Err)
}

/// As [`reaches`], for commands that only compare: a passphrase that is missing is left out, and the error says which
/// one it is. The agent may have the key.
pub fn reaches_known(
    cluster: &Cluster,
    simulated: bool,
    state: &State,
) -> Result<(BTreeMap<HostName, Reach>, Option<FlowError>), FlowError> {
    let mut reaches = recorded_reaches(state)?;
    let (declared, missing) = declared_reaches(cluster, simulated || cluster.fleet == FleetKind::Simulated);
    reaches.extend(declared);
    Ok((reaches, missing))
}

/// How the hosts that have records are reached, as recorded.
pub fn recorded_reaches(state: &State) -> Result<BTreeMap<HostName, Reach>, FlowError> {
    let decode = |(host, value): (&HostName, &serde_json::Value)| {
        let reach = serde_json::from_value(value.clone())
            .map_err(|error| FlowError::Unreadable { host: host.clone(), reason: error.to_string() })?;
        Ok((host.clone(), reach))
    };
    // A run that was killed before it made anything there leaves a host that nothing is known of.
    let recorded = state.recorded_hosts();
    state.hosts.iter().filter(|(host, _)| recorded.contains(host)).map(decode).collect()
}

fn declared_reaches(cluster: &Cluster, simulated: bool) -> (BTreeMap<HostName, Reach>, Option<FlowError>) {
    let transport = match cluster.fleet {
        _ if simulated => Transport::Simulated,
        FleetKind::Ssh => Transport::Ssh,
        FleetKind::Local => Transport::Local,
        FleetKind::Simulated => Transport::Simulated,
    };
    let (mut reaches, mut missing) = (BTreeMap::new(), None);
    for host in &cluster.hosts {
        let passphrase = passphrase(&host.ssh, transport).unwrap_or_else(|error| {
            missing.get_or_insert(error);
            None
        });
        let mut reach = reach_of(&host.ssh, transport, passphrase);
        let address = if simulated { host.internal_address.to_string() } else { host.address.clone() };
        reach.address = address;
        reaches.insert(HostName::new(&host.name), reach);
    }
    (reaches, missing)
}

fn passphrase(ssh: &Ssh, transport: Transport) -> Result<Option<Secret>, FlowError> {
    match &ssh.passphrase {
        Some(reference) if transport == Transport::Ssh => resolve(reference, "ssh.passphrase").map(Some),
        _ => Ok(None),
    }
}

fn reach_of(ssh: &Ssh, transport: Transport, passphrase: Option<Secret>) -> Reach {
    let bastion = ssh.bastion.as_ref().map(|bastion| Bastion {
        address: bastion.address.clone(),
        user: bastion.user.clone(),
        port: bastion.port,
        identity_file: bastion.identity_file.clone(),
    });
    Reach {
        transport,
        address: String::new(),
        user: ssh.user.clone(),
        port: ssh.port,
        identity_file: ssh.identity_file.clone(),
        passphrase,
        agent: ssh.agent,
        known_hosts: ssh.known_hosts.clone(),
        host_key_checking: match ssh.host_key_checking {
            config::HostKeyChecking::Strict => HostKeyChecking::Strict,
            config::HostKeyChecking::AcceptNew => HostKeyChecking::AcceptNew,
        },
        bastion,
        sudo: match ssh.sudo {
            config::Sudo::Never => Sudo::Never,
            config::Sudo::Passwordless => Sudo::Passwordless,
        },
        connect_timeout_ms: u64::try_from(ssh.connect_timeout.as_millis()).ok(),
        config_file: ssh.config_file.clone(),
    }
}
