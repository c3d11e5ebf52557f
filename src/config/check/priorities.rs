//! VRRP priorities: from the file, or from 100 downwards.

use super::hosts::at;
use crate::config::Host;
use crate::config::cluster::FIRST_PRIORITY as FIRST;
use crate::config::faults::{Fault, Faults};
use crate::config::quote::quoted;
use std::collections::HashMap;

/// Assigns the priorities of the load balancers at these positions of `hosts`.
pub(super) fn assign(hosts: &mut [Host], balancers: &[usize], faults: &mut Faults<'_>) {
    if balancers.len() > usize::from(FIRST) {
        let message = format!("{} load balancers exceed the limit of {FIRST}", balancers.len());
        faults.error(Fault::key("/hosts", message).help("give three to five hosts the role `load-balancer`"));
        return;
    }
    for (rank, position) in (0..FIRST).zip(balancers) {
        let host = &mut hosts[*position];
        if !faults.written(&at(&host.name, "priority")) {
            host.priority = FIRST - rank;
        }
    }
    let mut taken: HashMap<u8, &Host> = HashMap::new();
    for host in balancers.iter().map(|position| &hosts[*position]) {
        if faults.is_broken(&at(&host.name, "priority")) {
            continue;
        }
        if let Some(other) = taken.insert(host.priority, host) {
            let note = |host: &Host, faults: &Faults<'_>| {
                let given = faults.written(&at(&host.name, "priority"));
                if given { "" } else { "the default, from its position in the file" }
            };
            faults.error(
                Fault::at(
                    at(&host.name, "priority"),
                    format!(
                        "load balancers {} and {} both have priority {}",
                        quoted(&other.name),
                        quoted(&host.name),
                        host.priority
                    ),
                )
                .because(note(host, faults))
                .also(at(&other.name, "priority"), note(other, faults))
                .help("both would claim the virtual IP; give each load balancer a different priority"),
            );
        }
    }
}

/// A priority on a host that never has the virtual IP would have no effect.
pub(super) fn only_on_balancers(hosts: &mut [Host], balancers: &[usize], faults: &mut Faults<'_>) {
    for (position, host) in hosts.iter_mut().enumerate() {
        if balancers.contains(&position) {
            continue;
        }
        host.priority = 0;
        let place = at(&host.name, "priority");
        let sure = faults.is_complete(&at(&host.name, "roles")) && !faults.is_broken(&place);
        if faults.written(&place) && sure {
            faults.error(
                Fault::key(
                    place,
                    format!("host {} is not a load balancer and cannot have a priority", quoted(&host.name)),
                )
                .help("remove the key, or give the host the role `load-balancer`"),
            );
        }
    }
}
