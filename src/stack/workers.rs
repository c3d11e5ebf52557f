//! The workers: they join in parallel, as soon as there is a cluster to join.

use std::sync::Arc;

use super::control_plane::{join, needs_of_join};
use super::made_from::node;
use super::site::{Site, name};
use crate::config::pointer;
use crate::kinds::JoinRole;

const COMPONENT: &str = "worker";

/// Declares them.
pub(super) fn declare(site: &mut Site<'_>) {
    let keys = Arc::clone(&site.keys);
    for host in site.cluster.workers() {
        let needs = needs_of_join(site, host);
        let join = join(site, host, JoinRole::Worker);
        let source = pointer(["hosts", &host.name]);
        let made_from = [&keys.join[..], &keys.swap, &node(host)].concat();
        let declared = site.declared.declare(&name(host), COMPONENT, &source, join).made_from(&made_from);
        let join = declared.needs(&needs).address();
        site.joined.insert(name(host), join);
    }
}
