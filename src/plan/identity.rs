//! The same thing under two addresses: it moves, instead of being made in one place and destroyed
//! in the other.
//!
//! A look depends on host, kind and key alone, so two components that name the same file or package
//! see the same thing. Destroying the one that is no longer declared would take away what the other
//! one still needs. And a control plane is a control plane, whether it got there by `kubeadm init`
//! or by joining: which of the two a host is declared with may change with the order of hosts in
//! cluster.yaml, and that must never reset it.

use std::borrow::Cow;

use crate::resource::{Address, HostName};

/// The kind that makes the first control plane.
pub(super) const INIT: &str = "kubeadm_init";
/// The kind that makes all other members.
pub(super) const JOIN: &str = "kubeadm_join";
const MODULE: &str = "kernel_module";
/// The component under which control planes join.
const CONTROL_PLANE: &str = "control-plane";

/// What a resource is, whatever component names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity<'a> {
    host: &'a HostName,
    kind: &'a str,
    key: Option<Cow<'a, str>>,
}

impl<'a> Identity<'a> {
    pub(super) fn of(address: &'a Address) -> Self {
        match address.kind() {
            INIT | JOIN => Self { host: address.host(), kind: JOIN, key: None },
            // The kernel takes `br-netfilter` for `br_netfilter`.
            kind @ MODULE => {
                let key = address.key().map(|key| Cow::Owned(key.replace('-', "_")));
                Self { host: address.host(), kind, key }
            }
            kind => Self { host: address.host(), kind, key: address.key().map(Cow::Borrowed) },
        }
    }
}

/// Whether a resource at this address may make its host a control plane; only some joins do.
pub fn makes_control_plane(address: &Address) -> bool {
    matches!(address.kind(), INIT | JOIN)
}

/// Whether a resource at this address makes its host a control plane.
pub(super) fn is_control_plane(address: &Address, control_planes: &[HostName]) -> bool {
    match address.kind() {
        INIT => true,
        JOIN => address.component() == CONTROL_PLANE || control_planes.contains(address.host()),
        _ => false,
    }
}
