//! Where a command finds the state, and the simulated hosts next to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::CliError;
use super::links::behind_links;
use crate::flow;
use crate::state::{self, Part, Place, State, Store};

/// The place of a state, and the file of simulated hosts.
#[derive(Clone, Debug)]
pub(super) struct Location {
    pub(super) state: Arc<dyn Place>,
    pub(super) hosts: PathBuf,
}

impl Location {
    /// A state file. Links are followed, because lock, journal and backups must be next to the real file for everyone
    /// who has a link to it.
    pub(super) fn of_file(path: &Path) -> Self {
        let path = behind_links(path);
        Self { state: state::local(&path), hosts: flow::simulated_path(&path) }
    }

    /// The state including its journal, which must exist. Takes no lock and writes nothing.
    pub(super) fn recorded(&self) -> Result<State, CliError> {
        Store::read_only(&self.state)?.ok_or_else(|| self.missing())
    }

    /// The same for the cluster with this name; an empty one before the first apply.
    pub(super) fn of_cluster(&self, name: &str) -> Result<State, CliError> {
        let Some(state) = Store::read_only(&self.state)? else { return Ok(State::new(name)) };
        state::check_cluster(&self.state, &state, name)?;
        Ok(state)
    }

    pub(super) fn missing(&self) -> CliError {
        CliError::wrong(format!("the state file {} does not exist", self.state.name(Part::State)))
    }
}
