//! What is known to break something and is not mended yet. Cases steer around it, here and nowhere else, and what is
//! mended is removed here.

use mainstay::fleet::SimulatedFleet;
use mainstay::resource::HostName;
use mainstay::state::State;

use crate::cluster::Wanted;
use crate::invariants::machine;

/// Simulated hosts know no load balancer but their own: where theirs go because somebody else's is to stand there, nobody
/// answers at the endpoint any more, and no node can join.
pub(crate) fn gives_the_endpoint_away(before: &Wanted, edited: &Wanted) -> bool {
    edited.knobs.is_external() && !before.knobs.is_external()
}

/// What is on a simulated host lies under the host's name. Where records could not follow a new name, because the disk was
/// full, a destroy from state alone would look under the old one and find nothing.
pub(crate) fn is_called_otherwise(state: &State, hosts: &SimulatedFleet) -> bool {
    let names: Vec<HostName> = hosts.with(|world| world.present().map(|(address, _)| address.host().clone()).collect());
    let gone = |host: &HostName| !names.contains(host) && names.iter().any(|name| machine(name) == machine(host));
    state.resources.keys().any(|address| gone(address.host()))
}
