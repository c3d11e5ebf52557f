//! Errors of connections to hosts.

use crate::resource::{FrameError, HostName, ProbeError, ScriptError};

/// A failed connection or request to a host. Messages name the host and the address that was tried.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// No connection.
    #[error("{host} ({address}): cannot connect: {reason}")]
    Connect {
        /// Host.
        host: HostName,
        /// Address and port that were tried.
        address: String,
        /// Why.
        reason: String,
    },
    /// The host key is unknown or differs from `known_hosts`. Nothing was sent.
    #[error("{host} ({address}): host key refused: {reason}")]
    HostKey {
        /// Host.
        host: HostName,
        /// Address and port that were tried.
        address: String,
        /// The known and the presented key.
        reason: String,
    },
    /// The login failed.
    #[error("{host} ({address}): login as {user} failed: {reason}")]
    Auth {
        /// Host.
        host: HostName,
        /// Address and port that were tried.
        address: String,
        /// User name.
        user: String,
        /// The tried login methods.
        reason: String,
    },
    /// sudo is needed and refused.
    #[error("{host} ({address}): user {user} cannot use sudo without a password: {reason}")]
    Sudo {
        /// Host.
        host: HostName,
        /// Address and port that were tried.
        address: String,
        /// User name.
        user: String,
        /// The output of sudo.
        reason: String,
    },
    /// The connection broke in the middle of a script.
    #[error("{host} ({address}): connection lost: {reason}")]
    Lost {
        /// Host.
        host: HostName,
        /// Address and port.
        address: String,
        /// Why, as far as known.
        reason: String,
    },
    /// The script timed out.
    #[error("{host} ({address}): no answer within {seconds} s")]
    Timeout {
        /// Host.
        host: HostName,
        /// Address and port.
        address: String,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// The answer could not be parsed.
    #[error("{host}: {source}")]
    Frame {
        /// Host.
        host: HostName,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// The base facts are invalid.
    #[error("{host}: base facts: {source}")]
    Facts {
        /// Host.
        host: HostName,
        /// The parse error.
        #[source]
        source: ProbeError,
    },
    /// A script could not be built.
    #[error("{host}: {source}")]
    Script {
        /// Host.
        host: HostName,
        /// Why.
        #[source]
        source: ScriptError,
    },
    /// Something on the operator's side: a key file, ~/.ssh/config, the simulated fleet's file.
    #[error("{what}: {reason}")]
    Local {
        /// The file or agent.
        what: String,
        /// Why.
        reason: String,
    },
}

impl FleetError {
    /// Whether the request was never sent.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Connect { .. }
            | Self::HostKey { .. }
            | Self::Auth { .. }
            | Self::Sudo { .. }
            | Self::Script { .. } => true,
            Self::Lost { .. } | Self::Timeout { .. } | Self::Frame { .. } | Self::Facts { .. } | Self::Local { .. } => {
                false
            }
        }
    }
}
