//! The files of OpenSSH that are read here, by themselves, for those who give them any text (`fuzz/`).

use std::path::Path;

use russh::keys::PublicKey;

use super::config_file::ConfigFile;
use super::environment::Environment;
use super::known_hosts::{Verdict, judge, lookup_name, parse};
use super::target::Target;
use crate::fleet::{FleetError, Reach};

fn verdict(known_hosts: &str, address: &str, port: u16, key: &str) -> Option<Verdict> {
    let lines = parse(known_hosts, Path::new("known_hosts"));
    Some(judge(&lines, &lookup_name(address, port), &PublicKey::from_openssh(key).ok()?))
}

/// Whether a host that shows this key is let in.
pub fn accepted(known_hosts: &str, address: &str, port: u16, key: &str) -> bool {
    matches!(verdict(known_hosts, address, port, key), Some(Verdict::Known))
}

/// Whether this key is revoked.
pub fn revoked(known_hosts: &str, address: &str, port: u16, key: &str) -> bool {
    matches!(verdict(known_hosts, address, port, key), Some(Verdict::Revoked { .. }))
}

/// How a host with this address in cluster.yaml is reached with this `ssh_config`, and over how many hops.
///
/// # Errors
/// When the file or a jump host in it cannot be understood.
pub fn reached(config: &str, address: &str) -> Result<(String, u32), FleetError> {
    let fault = |reason| FleetError::Local { what: "config".to_owned(), reason };
    let file = ConfigFile::parse(config, Path::new("config")).map_err(fault)?;
    let environment =
        Environment { home: Some("/home/ops".into()), user: Some("ops".into()), ..Environment::default() };
    let target = Target::resolve(&Reach { address: address.to_owned(), ..Reach::default() }, &file, &environment)?;
    Ok((target.shown(), target.hops()))
}
