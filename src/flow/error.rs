//! Why a plan could not be made or carried out.

use crate::engine::EngineError;
use crate::fleet::FleetError;
use crate::graph::GraphError;
use crate::plan::{MoveError, SelectionError};
use crate::resource::HostName;
use crate::stack::StackError;
use crate::state::StateError;

/// Why a plan could not be made or carried out. What fails on hosts is no error: it is part of the plan, or of how the
/// run ended.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The state, its journal or its lock.
    #[error(transparent)]
    State(#[from] StateError),
    /// The hosts cannot be reached at all.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The part that was asked for makes no sense.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// `lifecycle.moved` cannot be followed.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// cluster.yaml cannot be declared on these hosts.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// What is declared is no graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The run could not go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A secret is not where cluster.yaml says.
    #[error("{key}: {reference} {reason}")]
    Secret {
        /// The wish that needs it.
        key: String,
        /// Where it was looked for.
        reference: String,
        /// Why it cannot be had.
        reason: String,
    },
    /// What cluster.yaml refers to is there and is not fit for it.
    #[error("{key}: {reason}")]
    Unfit {
        /// The key of cluster.yaml.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// How a host is reached cannot be read from the state.
    #[error("the state does not say how to reach {host}: {reason}")]
    Unreadable {
        /// The host.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// How a host is reached cannot be recorded.
    #[error("how to reach {host} cannot be recorded: {reason}")]
    Unwritable {
        /// The host.
        host: HostName,
        /// Why.
        reason: String,
    },
    /// The operating system gives no runtime.
    #[error("cannot start the runtime: {reason}")]
    Runtime {
        /// Why.
        reason: String,
    },
}
