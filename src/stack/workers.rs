//! The workers: they join in parallel, as soon as there is a cluster to join.

use super::control_plane::{join, needs_of_join};
use super::site::{Site, name};
use crate::config::pointer;
use crate::kinds::JoinRole;

const COMPONENT: &str = "worker";

/// Declares them.
pub(super) fn declare(site: &mut Site<'_>) {
    for host in site.cluster.workers() {
        let needs = needs_of_join(site, host);
        let join = join(site, host, JoinRole::Worker);
        let source = pointer(["hosts", &host.name]);
        let join = site.declared.declare(&name(host), COMPONENT, &source, join).needs(&needs).address();
        site.joined.insert(name(host), join);
    }
}
