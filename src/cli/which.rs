//! Which state a command works on: that of cluster.yaml, that of a rehearsal, or a file of its own.

use std::path::{Path, PathBuf};

use super::error::CliError;
use super::location::Location;
use super::next_command::NextCommand;
use super::ui::Ui;
use super::workspace::Workspace;
use crate::state::{self, State};

/// Options of commands that need cluster.yaml only to find the state.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Which {
    /// State file to use when there is no cluster.yaml
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "simulate")]
    state: Option<PathBuf>,
    /// Use the state of a simulated run
    #[arg(long, global = true)]
    simulate: bool,
}

/// The state that a command works on, and the cluster it must belong to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) location: Location,
    /// The name in cluster.yaml, where there is one.
    pub(super) cluster: Option<String>,
    /// For the next commands.
    pub(super) next: NextCommand,
}

impl Which {
    pub(super) fn find(&self, file: &Path, ui: Ui) -> Result<Target, CliError> {
        let next = NextCommand::about(file, self.simulate).of_state(self.state.as_deref());
        if let Some(path) = &self.state {
            return Ok(Target { location: Location::of_file(path), cluster: None, next });
        }
        let workspace = Workspace::open(file, self.simulate, ui).map_err(|error| {
            if file.exists() {
                error
            } else {
                error.hint("if there is no cluster.yaml, name the state with `--state FILE`")
            }
        })?;
        let cluster = Some(workspace.cluster().name.clone());
        Ok(Target { location: workspace.location, cluster, next })
    }
}

impl Target {
    /// The state including its journal; an empty one before the first apply. Takes no lock.
    pub(super) fn state(&self) -> Result<State, CliError> {
        match &self.cluster {
            Some(name) => self.location.of_cluster(name),
            None => self.location.recorded(),
        }
    }

    /// That a state is of the cluster that cluster.yaml describes.
    pub(super) fn check(&self, state: &State) -> Result<(), CliError> {
        match &self.cluster {
            Some(wanted) => Ok(state::check_cluster(&self.location.state, state, wanted)?),
            None => Ok(()),
        }
    }
}
