//! How to log in: the defaults of the file, and what a host overrides.

use super::values::{duration, local_path};
use super::{names, secret};
use crate::config::faults::{Fault, Faults};
use crate::config::file;
use crate::config::paths::Paths;
use crate::config::quote::quoted;
use crate::config::{Bastion, HostKeyChecking, Ssh, Sudo};
use std::time::Duration;

/// Long enough for a host that is busy, short enough that a dead one is named soon.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The defaults.
pub(super) fn defaults() -> Ssh {
    Ssh {
        user: None,
        port: None,
        identity_file: None,
        passphrase: None,
        agent: true,
        known_hosts: None,
        host_key_checking: HostKeyChecking::Strict,
        bastion: None,
        sudo: Sudo::Passwordless,
        connect_timeout: CONNECT_TIMEOUT,
        config_file: None,
    }
}

/// One `ssh` map of the file, overriding previous values.
pub(super) fn check(written: Option<&file::Ssh>, base: &Ssh, paths: &Paths, at: &str, faults: &mut Faults<'_>) -> Ssh {
    let Some(written) = written else {
        return base.clone();
    };
    let path = |text: &Option<String>, key: &str, faults: &mut Faults<'_>| {
        text.as_ref().and_then(|text| local_path(text, paths, &format!("{at}/{key}"), faults))
    };
    let ssh = Ssh {
        user: user(written.user.as_deref(), at, faults).or_else(|| base.user.clone()),
        port: written.port.or(base.port),
        identity_file: path(&written.identity_file, "identityFile", faults).or_else(|| base.identity_file.clone()),
        passphrase: written
            .passphrase
            .as_ref()
            .and_then(|s| secret::check(s, paths, &format!("{at}/passphrase"), faults))
            .or_else(|| base.passphrase.clone()),
        agent: written.agent.unwrap_or(base.agent),
        known_hosts: path(&written.known_hosts, "knownHosts", faults).or_else(|| base.known_hosts.clone()),
        host_key_checking: match written.host_key_checking {
            None => base.host_key_checking,
            Some(file::HostKeyChecking::Strict) => HostKeyChecking::Strict,
            Some(file::HostKeyChecking::AcceptNew) => HostKeyChecking::AcceptNew,
        },
        config_file: path(&written.config_file, "configFile", faults).or_else(|| base.config_file.clone()),
        bastion: written
            .bastion
            .as_ref()
            .map(|b| bastion(b, paths, &format!("{at}/bastion"), faults))
            .or_else(|| base.bastion.clone()),
        sudo: match written.sudo {
            None => base.sudo,
            Some(file::Sudo::Never) => Sudo::Never,
            Some(file::Sudo::Passwordless) => Sudo::Passwordless,
        },
        connect_timeout: duration(
            written.connect_timeout.as_deref(),
            base.connect_timeout,
            Duration::from_secs(1)..=Duration::from_mins(10),
            &format!("{at}/connectTimeout"),
            faults,
        ),
    };
    never_without_root(&ssh, at, faults);
    ssh
}

fn bastion(written: &file::Bastion, paths: &Paths, at: &str, faults: &mut Faults<'_>) -> Bastion {
    let address = written.address.clone().unwrap_or_default();
    if written.address.is_some() && !names::is_host(&address) {
        let message = format!("{} is neither an address nor a host name", quoted(&address));
        let fault = Fault::at(format!("{at}/address"), message);
        let split = address.contains(['@', ':']);
        let help = "write the login name and the port in the keys `user` and `port`";
        faults.broken(if split { fault.help(help) } else { fault });
    }
    Bastion {
        address,
        user: user(written.user.as_deref(), at, faults),
        port: written.port,
        identity_file: written
            .identity_file
            .as_ref()
            .and_then(|text| local_path(text, paths, &format!("{at}/identityFile"), faults)),
    }
}

fn user(written: Option<&str>, at: &str, faults: &mut Faults<'_>) -> Option<String> {
    let user = written?;
    if names::is_user(user) {
        return Some(user.to_owned());
    }
    faults.broken(Fault::at(format!("{at}/user"), format!("{} is not a login name", quoted(user))));
    None
}

fn never_without_root(ssh: &Ssh, at: &str, faults: &mut Faults<'_>) {
    let Some(user) = ssh.user.as_deref().filter(|user| *user != "root") else {
        return;
    };
    if ssh.sudo != Sudo::Never {
        return;
    }
    let (sudo, login) = (format!("{at}/sudo"), format!("{at}/user"));
    let place = match (faults.written(&sudo), faults.written(&login)) {
        (true, _) => sudo,
        (false, true) => login,
        (false, false) => return,
    };
    faults.error(
        Fault::at(place, format!("{} cannot become root without sudo", quoted(user)))
            .because("packages, systemd units and kernel parameters need root")
            .help("log in as root, or use `sudo: passwordless`"),
    );
}
