//! Checks of every kind that the clusters of these tests declare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::{variants, with};
use crate::kinds::{KINDS, decode};
use crate::resource::AnyKind;
use crate::stack::fixture::Known;

/// Kinds that no cluster.yaml declares, with the reason.
const NOT_DECLARED: &[(&str, &str)] = &[("route", "only states of earlier versions have it; pod_routes superseded it")];

fn declared() -> BTreeMap<String, Vec<Arc<dyn AnyKind>>> {
    let mut all = BTreeMap::<String, Vec<_>>::new();
    for (_, cluster) in variants() {
        for item in with(&Known::gathered(&cluster), &cluster).unwrap().items() {
            all.entry(item.address.kind().to_owned()).or_default().push(Arc::clone(&item.resource));
        }
    }
    all
}

#[test]
fn every_kind_is_declared() {
    let declared = declared();
    let kinds: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
    for kind in &kinds {
        let exempt = NOT_DECLARED.iter().find(|(name, _)| name == kind);
        assert!(
            declared.contains_key(*kind) || exempt.is_some(),
            "no cluster of these tests declares a {kind}. Declare it in src/stack, and set what declares it in cluster() of \
             src/stack/fixture.rs or in variants() of src/stack/tests.rs"
        );
        assert!(
            !declared.contains_key(*kind) || exempt.is_none(),
            "{kind} is declared: remove it from NOT_DECLARED in src/stack/tests/kinds.rs"
        );
    }
    let unknown: Vec<_> = declared.keys().filter(|name| !kinds.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "not in KINDS of src/kinds/registry.rs: {unknown:?}");
}

#[test]
fn the_probe_after_apply_reports_the_principal_field_and_no_difference() {
    let route = json!({"destination": "10.0.0.0/24", "via": "10.0.0.1"});
    let more = vec![decode("route", &route).unwrap()];
    for resource in declared().into_values().chain([more]).flatten() {
        let (kind, seen) = (resource.name(), resource.simulate());
        assert!(
            seen.get(resource.principal()).is_some(),
            "PRINCIPAL of {kind} is `{}`, which is no field of what simulate() returns: {seen}",
            resource.principal()
        );
        assert_eq!(resource.diff(&seen), Ok(vec![]), "{kind}: diff() differs from what simulate() returns");
    }
}
