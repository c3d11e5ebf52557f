//! What is known to break something and is not mended yet. Cases steer around it, here and nowhere else, and what is
//! mended is removed here.

use mainstay::fleet::Kubernetes;

/// A destroy of everything that ends early because a host went down may have wiped a control plane whose member etcd could
/// not let go by then. Nobody has that host on record any more, so its member stays, dead, in a cluster that lives on:
/// one that leaves may cost the majority, so that what is in the cluster is only given up by the
/// destroy after that one.
pub(crate) fn has_a_dead_member(etcd: &Kubernetes) -> bool {
    etcd.members.len() > 1 && etcd.members.iter().any(|member| !member.up)
}
