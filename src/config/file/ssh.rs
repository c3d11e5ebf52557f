//! How to log in.

use super::text::DURATION;
use schemars::JsonSchema;
use serde::Deserialize;

/// How to log in to a host. Missing keys are read from the SSH configuration file (`HostName`,
/// `User`, `Port`, `IdentityFile`, `ProxyJump`).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Ssh {
    /// Login name. By default from the SSH configuration file, otherwise your own.
    #[schemars(extend("examples" = ["root", "debian"]))]
    pub(in crate::config) user: Option<String>,
    /// Port of the SSH server. By default from the SSH configuration file, otherwise 22.
    #[schemars(range(min = 1, max = 65535), extend("examples" = [22]))]
    pub(in crate::config) port: Option<u16>,
    /// Private key, relative to this file; `~/` is your home directory. By default from the SSH
    /// configuration file, otherwise the keys of the agent and the default key files in `~/.ssh`.
    #[schemars(extend("examples" = ["~/.ssh/id_ed25519"]))]
    pub(in crate::config) identity_file: Option<String>,
    /// Where the passphrase of an encrypted `identityFile` is found.
    pub(in crate::config) passphrase: Option<SecretRef>,
    /// Whether the keys of a running SSH agent may be used.
    #[schemars(extend("default" = true))]
    pub(in crate::config) agent: Option<bool>,
    /// File of known host keys, relative to this file.
    #[schemars(extend("default" = "~/.ssh/known_hosts"))]
    pub(in crate::config) known_hosts: Option<String>,
    /// How to handle a host whose key is unknown. A key that differs from the known one is always
    /// refused.
    #[schemars(extend("default" = "strict"))]
    pub(in crate::config) host_key_checking: Option<HostKeyChecking>,
    /// A jump host, as with `ProxyJump`. Its host key is checked in the same way.
    pub(in crate::config) bastion: Option<Bastion>,
    /// How to become root when the login name is not `root`.
    #[schemars(extend("default" = "passwordless"))]
    pub(in crate::config) sudo: Option<Sudo>,
    /// How long to wait for the connection and the login, as a duration from `1s` to `10m`.
    #[schemars(regex(pattern = DURATION), extend("default" = "10s"))]
    pub(in crate::config) connect_timeout: Option<String>,
    /// SSH configuration file, relative to this file. If set, it must exist; `/dev/null` disables
    /// it.
    #[schemars(extend("default" = "~/.ssh/config"))]
    pub(in crate::config) config_file: Option<String>,
}

/// A jump host.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Bastion {
    /// Address or name of the jump host.
    #[schemars(required, extend("examples" = ["bastion.example.com"]))]
    pub(in crate::config) address: Option<String>,
    /// Login name on it. By default from the SSH configuration file, otherwise your own.
    #[schemars(extend("examples" = ["jump"]))]
    pub(in crate::config) user: Option<String>,
    /// Port of its SSH server. By default from the SSH configuration file, otherwise 22.
    #[schemars(range(min = 1, max = 65535), extend("examples" = [22]))]
    pub(in crate::config) port: Option<u16>,
    /// Private key for it, relative to this file. By default the same key as for the hosts.
    #[schemars(extend("examples" = ["~/.ssh/id_bastion"]))]
    pub(in crate::config) identity_file: Option<String>,
}

/// How to handle an unknown host key.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum HostKeyChecking {
    /// Refuse the host.
    Strict,
    /// Accept the key and record it in the `known_hosts` file.
    AcceptNew,
}

/// How to become root.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum Sudo {
    /// Do not use sudo: the login name must be `root`.
    Never,
    /// With sudo without a password.
    Passwordless,
}

/// Where a secret is found: exactly one of the three. cluster.yaml itself never contains a secret.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(in crate::config) struct SecretRef {
    /// Name of an environment variable that mainstay reads.
    #[schemars(extend("examples" = ["MAINSTAY_VRRP_PASSWORD"]))]
    pub(in crate::config) env: Option<String>,
    /// A file whose first line is the secret, relative to this file.
    #[schemars(extend("examples" = ["secrets/vrrp"]))]
    pub(in crate::config) file: Option<String>,
    /// A program and its arguments; the first line that it prints is the secret. No shell is
    /// involved.
    #[schemars(length(min = 1), extend("examples" = [["pass", "show", "prod/vrrp"]]))]
    pub(in crate::config) command: Option<Vec<String>>,
}
