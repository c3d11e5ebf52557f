//! How hosts are reached: as cluster.yaml says, secrets resolved, or as is on record.

use std::collections::{BTreeMap, BTreeSet};

use super::error::FlowError;
use super::secrets::resolve;
use crate::config::{self, Cluster, FleetKind, Ssh};
use crate::fleet::{Bastion, HostKeyChecking, Reach, Sudo, Transport};
use crate::resource::{Address, HostName};
use crate::state::State;

/// How every host is reached: those of cluster.yaml, and those that left it but still have records. With `simulated`
/// they are simulated, whatever cluster.yaml says.
pub fn reaches(cluster: &Cluster, simulated: bool, state: &State) -> Result<BTreeMap<HostName, Reach>, FlowError> {
    let mut reaches = recorded_reaches(state)?;
    reaches.extend(declared_reaches(cluster, simulated || cluster.fleet == FleetKind::Simulated)?);
    Ok(reaches)
}

/// How the hosts that have records are reached, as recorded.
pub fn recorded_reaches(state: &State) -> Result<BTreeMap<HostName, Reach>, FlowError> {
    let decode = |(host, value): (&HostName, &serde_json::Value)| {
        let reach = serde_json::from_value(value.clone())
            .map_err(|error| FlowError::Unreadable { host: host.clone(), reason: error.to_string() })?;
        Ok((host.clone(), reach))
    };
    // A run that was killed before it made anything there leaves a host that nothing is known of.
    let recorded: BTreeSet<&HostName> = state.resources.keys().map(Address::host).collect();
    state.hosts.iter().filter(|(host, _)| recorded.contains(host)).map(decode).collect()
}

fn declared_reaches(cluster: &Cluster, simulated: bool) -> Result<BTreeMap<HostName, Reach>, FlowError> {
    let transport = match cluster.fleet {
        _ if simulated => Transport::Simulated,
        FleetKind::Ssh => Transport::Ssh,
        FleetKind::Local => Transport::Local,
        FleetKind::Simulated => Transport::Simulated,
    };
    let mut reaches = BTreeMap::new();
    for host in &cluster.hosts {
        let mut reach = reach_of(&host.ssh, transport)?;
        let address = if simulated { host.internal_address.to_string() } else { host.address.clone() };
        reach.address = address;
        reaches.insert(HostName::new(&host.name), reach);
    }
    Ok(reaches)
}

fn reach_of(ssh: &Ssh, transport: Transport) -> Result<Reach, FlowError> {
    let passphrase = match &ssh.passphrase {
        Some(reference) if transport == Transport::Ssh => Some(resolve(reference, "ssh.passphrase")?),
        _ => None,
    };
    let bastion = ssh.bastion.as_ref().map(|bastion| Bastion {
        address: bastion.address.clone(),
        user: bastion.user.clone(),
        port: bastion.port,
        identity_file: bastion.identity_file.clone(),
    });
    Ok(Reach {
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
    })
}
