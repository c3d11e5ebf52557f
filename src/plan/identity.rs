//! The same thing under two addresses: it moves, instead of being made in one place and destroyed
//! in the other.
//!
//! A look depends on host, kind and key alone, so two components that name the same file or package
//! see the same thing. Destroying the one that is no longer declared would take away what the other
//! one still needs. And a host is one member of the cluster, whichever role cluster.yaml gives it.

use std::borrow::Cow;

use crate::kinds;
use crate::resource::{Address, HostName};

/// What a resource is, whatever component names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity<'a> {
    host: &'a HostName,
    kind: &'a str,
    key: Option<Cow<'a, str>>,
}

impl<'a> Identity<'a> {
    pub(super) fn of(address: &'a Address) -> Self {
        let key = address.key().map(|key| kinds::canonical_key(address.kind(), key));
        Self { host: address.host(), kind: address.kind(), key }
    }
}
