//! A cluster that was given another name in cluster.yaml still has its state under the old one.

use super::error::CliError;
use super::next_command::quoted;
use super::workspace::Workspace;
use crate::flow;
use crate::state::{Part, State, Store};

/// Refuses to plan a new cluster on hosts that a state beside this one records for a cluster of another name. Without its
/// state mainstay would neither know what was there before, nor keep the default `virtualRouterId`, which follows the name.
pub(super) fn refuse_renamed(workspace: &Workspace) -> Result<(), CliError> {
    for place in workspace.location.state.neighbours().unwrap_or_default() {
        // Errors in another cluster's state are reported by that cluster's commands.
        let Ok(Some(state)) = Store::read_only(&place) else { continue };
        if let Some(host) = shared_host(workspace, &state)? {
            let (was, is) = (&state.cluster, &workspace.cluster().name);
            let path = place.name(Part::State).to_string();
            let quoted = quoted(&path);
            return Err(CliError::wrong(format!(
                "{path} has {host} in cluster `{was}`, but cluster.yaml names the cluster `{is}`: a cluster cannot be \
                 renamed"
            ))
            .hint(format!(
                "restore `name: {was}`; to build a new cluster on these hosts, first run `mainstay destroy \
                           --state {quoted}`"
            )));
        }
    }
    Ok(())
}

/// A host of cluster.yaml that is also recorded in the other state: the same machine, with the same connection.
fn shared_host(workspace: &Workspace, other: &State) -> Result<Option<String>, CliError> {
    if other.resources.is_empty() || other.cluster == workspace.cluster().name {
        return Ok(None);
    }
    let Ok(recorded) = flow::recorded_reaches(other) else { return Ok(None) };
    let declared = workspace.reaches(&State::new(&workspace.cluster().name))?;
    let shared = declared.iter().find(|(_, reach)| recorded.values().any(|was| reach.leads_where(was)));
    Ok(shared.map(|(host, reach)| format!("{host} ({})", reach.address)))
}
