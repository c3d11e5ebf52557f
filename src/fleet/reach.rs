//! What is needed to reach a host; recorded in state, so that a host that left cluster.yaml can
//! still be cleaned up.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::resource::Secret;

/// By which way a host is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// SSH.
    #[default]
    Ssh,
    /// This machine.
    Local,
    /// The simulated fleet.
    Simulated,
}

/// What to do about a host key that `known_hosts` does not have. A changed or revoked key is always
/// refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostKeyChecking {
    /// Refuse.
    #[default]
    Strict,
    /// Record it and go on.
    AcceptNew,
}

/// How scripts become root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sudo {
    /// They run as the user who logs in.
    Never,
    /// Through `sudo -n` unless the user is root.
    #[default]
    Passwordless,
    /// Not at all: through `sudo -n` they run [`Sudo::LOOK`], which lets them read everything and write nothing. For
    /// `drift` with an account that has no other right; never recorded.
    Look,
}

impl Sudo {
    /// The program that examples/drift-account/setup.sh lays down on a host.
    pub const LOOK: &str = "/usr/local/sbin/mainstay-look";
}

/// A jump host, reached first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bastion {
    /// Address or name.
    pub address: String,
    /// User; ~/.ssh/config or the host's user when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Port; ~/.ssh/config or 22 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Key file; as for the host when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<PathBuf>,
}

/// How one host is reached. What is `None` may come from ~/.ssh/config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reach {
    /// By which way.
    #[serde(default)]
    pub transport: Transport,
    /// Address, name, or an alias of ~/.ssh/config.
    pub address: String,
    /// User to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Private key file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<PathBuf>,
    /// Passphrase of the key file; never recorded.
    #[serde(skip)]
    pub passphrase: Option<Secret>,
    /// Whether to ask the agent of `SSH_AUTH_SOCK`.
    #[serde(default)]
    pub agent: bool,
    /// `known_hosts` file; `~/.ssh/known_hosts` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<PathBuf>,
    /// How to handle unknown host keys.
    #[serde(default)]
    pub host_key_checking: HostKeyChecking,
    /// A jump host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bastion: Option<Bastion>,
    /// How to become root.
    #[serde(default)]
    pub sudo: Sudo,
    /// Limit for connecting and logging in, in milliseconds; 10 s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_timeout_ms: Option<u64>,
    /// An `ssh_config(5)` file instead of ~/.ssh/config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_file: Option<PathBuf>,
}

impl Reach {
    /// Whether both lead to the same machine, as far as that can be told from names.
    pub fn leads_where(&self, other: &Self) -> bool {
        let port = |reach: &Self| reach.port.unwrap_or(22);
        let via = |reach: &Self| reach.bastion.as_ref().map(|bastion| bastion.address.clone());
        let place = |reach: &Self| (reach.transport, reach.address.clone(), port(reach), via(reach));
        place(self) == place(other)
    }
}
