//! Why a host could not be reached or did not answer.

use crate::resource::{FrameError, HostName, ProbeError, ScriptError};

/// A failure between us and a host. Messages name the host and the address that was tried.
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
    /// The host shows another key than `known_hosts` has, or none is known. Nothing was sent.
    #[error("{host} ({address}): host key refused: {reason}")]
    HostKey {
        /// Host.
        host: HostName,
        /// Address and port that were tried.
        address: String,
        /// What is known and what was shown.
        reason: String,
    },
    /// The host refused to let us in.
    #[error("{host} ({address}): not let in as {user}: {reason}")]
    Auth {
        /// Host.
        host: HostName,
        /// Address and port that were tried.
        address: String,
        /// User name.
        user: String,
        /// What was tried.
        reason: String,
    },
    /// sudo is needed and refused.
    #[error("{host} ({address}): sudo without a password is refused for {user}: {reason}")]
    Sudo {
        /// Host.
        host: HostName,
        /// Address and port that were tried.
        address: String,
        /// User name.
        user: String,
        /// What sudo said.
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
    /// The script took longer than it may.
    #[error("{host} ({address}): no answer within {seconds} s")]
    Timeout {
        /// Host.
        host: HostName,
        /// Address and port.
        address: String,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// The answer could not be taken apart.
    #[error("{host}: {source}")]
    Frame {
        /// Host.
        host: HostName,
        /// Why.
        #[source]
        source: FrameError,
    },
    /// The base facts make no sense.
    #[error("{host}: base facts: {source}")]
    Facts {
        /// Host.
        host: HostName,
        /// What is odd.
        #[source]
        source: ProbeError,
    },
    /// A script could not be put together.
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
    /// Whether the host was not even told what to do.
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
