//! What is known to break something and is not mended yet. Cases steer around it, here and nowhere else, and what is
//! mended is removed here.

use std::collections::BTreeSet;

use crate::cluster::Wanted;
use crate::knobs::Knob;
use crate::operations::Part;

/// keepalived of hosts that were told of each other in different runs, or one by one of another router id, does not hear
/// each other, so that the virtual IP is on two hosts. A whole apply lets a new one speak last and one that goes be silent
/// first; a plan of a part cannot, and there is no order in which a router id can change host by host.
pub(crate) fn keep_router_id(edited: &mut Wanted, before: &Wanted) {
    let bit = before.knobs.get(Knob::Keepalived) & 1;
    let value = (edited.knobs.get(Knob::Keepalived) & !1) | bit;
    edited.knobs.set(Knob::Keepalived, value);
}

/// A host that carries the load balancer no more and stays a node keeps its keepalived until another one holds the address,
/// too: what stays on it is on record as needing the old one, and is declared to need the new one. So no such edit is made.
pub(crate) fn hands_over_on_a_node(before: &Wanted, edited: &Wanted) -> bool {
    let balancers = |wanted: &Wanted| -> BTreeSet<String> {
        let names =
            |it: mainstay::config::Loaded| it.cluster.load_balancers().map(|host| host.address.clone()).collect();
        wanted.load().map(names).unwrap_or_default()
    };
    let (old, new) = (balancers(before), balancers(edited));
    let stays = |address: &String| edited.hosts.iter().any(|host| host.address() == *address);
    !new.is_empty() && old.difference(&new).any(stays)
}

/// The part that is planned: all, when a part could leave some load balancers out while others change.
pub(crate) fn part(part: Part, told: Option<&BTreeSet<String>>, now: &BTreeSet<String>) -> Part {
    if told == Some(now) || matches!(part, Part::Refresh) { part } else { Part::All }
}
