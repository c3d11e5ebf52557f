//! All kinds by name: how recorded resources become resources again.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::{
    BridgeInterface, ClusterSettings, File, KernelModule, Manifest, Member, Node, Package, PackageRepository,
    PodRoutes, Service, Swap, Sysctl, VirtualIp, route::Route,
};
use crate::resource::{AnyKind, DecodeError, Kind, Registered};

/// Every kind, by name in alphabetical order.
pub const KINDS: &[Registered] = &[
    Registered::of::<BridgeInterface>(),
    Registered::of::<ClusterSettings>(),
    Registered::of::<File>(),
    Registered::of::<KernelModule>(),
    Registered::of::<Manifest>(),
    Registered::of::<Member>(),
    Registered::of::<Node>(),
    Registered::of::<Package>(),
    Registered::of::<PackageRepository>(),
    Registered::of::<PodRoutes>(),
    Registered::of::<Route>(),
    Registered::of::<Service>(),
    Registered::of::<Swap>(),
    Registered::of::<Sysctl>(),
    Registered::of::<VirtualIp>(),
];

/// Reads recorded attributes of the kind `name` back. A name that this version does not know is an
/// error, too.
pub fn decode(name: &str, attributes: &Value) -> Result<Arc<dyn AnyKind>, DecodeError> {
    let kind = KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| DecodeError {
        kind: name.to_owned(),
        what: "recorded attributes",
        reason: "this version of mainstay does not know this kind".to_owned(),
    })?;
    (kind.decode)(attributes)
}

/// The canonical form of a key of the kind `name`, for example `br_netfilter` for `br-netfilter`.
pub fn canonical_key<'a>(name: &str, key: &'a str) -> Cow<'a, str> {
    if name == KernelModule::NAME { Cow::Owned(key.replace('-', "_")) } else { Cow::Borrowed(key) }
}

/// The field that `mainstay sim set ADDR=VALUE` sets; none when there is no such kind.
pub fn principal(name: &str) -> Option<&'static str> {
    KINDS.iter().find(|kind| kind.name == name).map(|kind| kind.principal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_unique_and_in_order() {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }

    #[test]
    fn recorded_attributes_read_back_and_others_do_not() {
        let attributes = json!({"name": "net.ipv4.ip_forward", "value": "1"});
        let sysctl = decode("sysctl", &attributes).unwrap();
        assert_eq!((sysctl.name(), sysctl.attributes()), ("sysctl", attributes.clone()));
        assert!(decode("file", &attributes).unwrap_err().to_string().contains("`file`"));
        assert!(decode("sysctls", &attributes).unwrap_err().to_string().contains("does not know this kind"));
    }
}
