//! How to log in to a host. A value that `~/.ssh/config` may supply stays `None` when the file
//! says nothing, so that the fleet can look there.

use std::path::PathBuf;
use std::time::Duration;

/// How to log in to one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// Login name; `None`: from the SSH configuration file, else the operator's own.
    pub user: Option<String>,
    /// Port; `None`: from the SSH configuration file, else 22.
    pub port: Option<u16>,
    /// Private key; `None`: from the SSH configuration file, else the agent and the
    /// usual names in `~/.ssh`.
    pub identity_file: Option<PathBuf>,
    /// Passphrase of `identity_file` (and of the bastion's, when that is encrypted too).
    pub passphrase: Option<SecretRef>,
    /// Whether keys of the running SSH agent may be used.
    pub agent: bool,
    /// File of known host keys; `None` is `~/.ssh/known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// How to handle an unknown host key.
    pub host_key_checking: HostKeyChecking,
    /// The host to go through.
    pub bastion: Option<Bastion>,
    /// How to become root when the login user is not root.
    pub sudo: Sudo,
    /// How long to wait for the connection and the login.
    pub connect_timeout: Duration,
    /// SSH configuration file, which must exist; `None` is `~/.ssh/config` where there is one.
    pub config_file: Option<PathBuf>,
}

/// A host to go through (`ProxyJump`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bastion {
    /// Address or name.
    pub address: String,
    /// Login name there.
    pub user: Option<String>,
    /// Port there.
    pub port: Option<u16>,
    /// Private key for it.
    pub identity_file: Option<PathBuf>,
}

/// How to handle a host key that is not in `known_hosts`. A key that differs from a known one is always refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyChecking {
    /// Refuse.
    Strict,
    /// Accept and write it down.
    AcceptNew,
}

/// How to become root when the login user is not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sudo {
    /// Never: the login user must be root.
    Never,
    /// `sudo -n`, without a password.
    Passwordless,
}

/// Where a secret is found. cluster.yaml never holds a secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable of mainstay.
    Env(String),
    /// The first line of a file.
    File(PathBuf),
    /// The first line that a program prints; program and arguments, no shell.
    Command(Vec<String>),
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Command(argv) => write!(f, "the program `{}`", argv.join(" ")),
        }
    }
}
