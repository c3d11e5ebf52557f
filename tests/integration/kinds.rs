//! The files of `tests/config/valid` declare every kind of resource.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use mainstay::config::{self, Cluster, ManifestSource, Network, Paths};
use mainstay::kinds::KINDS;
use mainstay::resource::Secret;
use mainstay::stack;

use crate::sandbox::root;

/// Kinds that no cluster.yaml declares, with the reason.
const NOT_DECLARED: &[(&str, &str)] = &[("route", "only states of earlier versions have it; pod_routes superseded it")];

fn kinds_of(cluster: &Cluster) -> BTreeSet<String> {
    let manifest =
        matches!(cluster.network, Network::Manifest { source: ManifestSource::Path(_) | ManifestSource::Url(_), .. });
    let password = Secret::new("password");
    let inputs = stack::Inputs {
        pod_ranges: &stack::assign_pod_ranges(cluster, &BTreeMap::new()).unwrap(),
        pods_before: &BTreeMap::new(),
        vrrp_password: Some(&password),
        manifest: manifest.then_some("apiVersion: v1\nkind: Namespace\nmetadata: {name: net}\n"),
        recorded: &stack::Recorded::default(),
    };
    let declared = stack::declare(cluster, &inputs).unwrap();
    declared.items().iter().map(|item| item.address.kind().to_owned()).collect()
}

fn valid_files() -> Vec<String> {
    let files = fs::read_dir(root().join("tests/config/valid")).unwrap().map(|entry| entry.unwrap().path());
    let yaml = files.filter(|path| path.extension().is_some_and(|it| it == "yaml"));
    yaml.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn every_kind_is_declared_by_a_valid_file() {
    let paths = Paths { base: "/etc/prod".into(), home: Some("/home/ann".into()) };
    let load = |text: &String| config::load_with(text, "cluster.yaml", &paths).unwrap().cluster;
    let declared: BTreeSet<String> = valid_files().iter().flat_map(|text| kinds_of(&load(text))).collect();
    for kind in KINDS.iter().map(|kind| kind.name) {
        let exempt = NOT_DECLARED.iter().any(|(name, _)| *name == kind);
        assert!(
            declared.contains(kind) || exempt,
            "no file of tests/config/valid declares a {kind}: set its key in tests/config/valid/everything.yaml, then \
             run UPDATE=1 cargo test --test integration config"
        );
        assert!(
            !declared.contains(kind) || !exempt,
            "{kind} is declared: remove it from NOT_DECLARED in tests/integration/kinds.rs"
        );
    }
}
