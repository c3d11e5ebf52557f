//! From cluster.yaml's `ssh` to what the fleet takes, secrets resolved.

use std::collections::BTreeMap;
use std::process::Command;

use super::error::CliError;
use crate::config::{self, Cluster, FleetKind, SecretRef, Ssh};
use crate::fleet::{Bastion, HostKeyChecking, Reach, Sudo, Transport};
use crate::resource::{HostName, Secret};

/// How every declared host is reached.
pub(super) fn reaches_of(cluster: &Cluster, simulated: bool) -> Result<BTreeMap<HostName, Reach>, CliError> {
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

fn reach_of(ssh: &Ssh, transport: Transport) -> Result<Reach, CliError> {
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

/// Fetches a secret from where cluster.yaml says it is; `key` names the wish in errors.
pub(super) fn resolve(reference: &SecretRef, key: &str) -> Result<Secret, CliError> {
    let fail = |reason: String| CliError::failed(format!("{key}: {reference}: {reason}"));
    let text = match reference {
        SecretRef::Env(name) => std::env::var(name).map_err(|error| fail(error.to_string()))?,
        SecretRef::File(path) => std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?,
        SecretRef::Command(argv) => {
            let (program, arguments) = argv.split_first().ok_or_else(|| fail("no program".into()))?;
            let output = Command::new(program).args(arguments).output().map_err(|error| fail(error.to_string()))?;
            if !output.status.success() {
                return Err(fail(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())));
            }
            String::from_utf8(output.stdout).map_err(|error| fail(error.to_string()))?
        }
    };
    match text.lines().next().map(str::trim_end) {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(fail("is empty".into())),
    }
}
