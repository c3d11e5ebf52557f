//! Why a plan could not be made or carried out.

use crate::engine::EngineError;
use crate::fleet::FleetError;
use crate::graph::GraphError;
use crate::plan::{MoveError, SelectionError};
use crate::resource::HostName;
use crate::stack::StackError;
use crate::state::StateError;

/// Why a plan could not be made or carried out. Failures on hosts are not errors: they are part of the plan or of the
/// outcome.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The state, its journal or its lock.
    #[error(transparent)]
    State(#[from] StateError),
    /// The hosts cannot be reached at all.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The selection is invalid.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// `lifecycle.moved` cannot be applied.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// cluster.yaml cannot be declared on these hosts.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The declared resources are not a valid graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The run could not continue.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A secret cannot be resolved.
    #[error("{key}: {reference} {reason}")]
    Secret {
        /// The key of cluster.yaml that needs it.
        key: String,
        /// The source of the secret.
        reference: String,
        /// Why it cannot be resolved.
        reason: String,
    },
    /// Something that cluster.yaml refers to is invalid.
    #[error("{key}: {reason}")]
    Unfit {
        /// The key of cluster.yaml.
        key: String,
        /// The problem.
        reason: String,
    },
    /// The connection settings of a host cannot be read from the state.
    #[error("the state has no valid connection settings for {host}: {reason}")]
    Unreadable {
        /// The host.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// The connection settings of a host cannot be recorded.
    #[error("the connection settings of {host} cannot be recorded: {reason}")]
    Unwritable {
        /// The host.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// The runtime cannot be started.
    #[error("cannot start the runtime: {reason}")]
    Runtime {
        /// Why.
        reason: String,
    },
}
