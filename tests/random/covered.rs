//! The randomized clusters use every key of cluster.yaml, except those named here.

use std::collections::BTreeSet;

use mainstay::config;
use serde_json::Value;

use crate::cluster::{BY_NAME, Host, SECOND_MARK, Seed, WORKER, Wanted};
use crate::knobs::{KNOBS, Knobs};

/// Keys that no randomized cluster has, with the reason. A section includes all its keys.
const LEFT_OUT: &[(&str, &str)] = &[
    ("ssh", "simulated hosts are reached without it"),
    ("hosts.<name>.ssh", "simulated hosts are reached without it"),
    ("hosts.<name>.interface", "a simulated host has one network interface"),
    ("state", "the tests choose where the state is"),
    ("containerRuntime.kind", "it has one value"),
    ("kubernetes.etcd.topology", "it has one value"),
    ("loadBalancer.runtime", "it has one value"),
    ("loadBalancer.proxy", "it has one value"),
    ("loadBalancer.keepalived.transport", "it has one value"),
    ("loadBalancer.keepalived.authPassword.env", "it is resolved as `file` is"),
    ("loadBalancer.keepalived.authPassword.command", "it is resolved as `file` is"),
    ("network.manifest.url", "it needs a web server"),
    ("network.manifest.sha256", "only mainstay itself reads it"),
];

/// Keys with a value.
fn of_schema(schema: &Value, found: &mut BTreeSet<String>) {
    for (_, key) in schema["properties"].as_object().into_iter().flatten() {
        let inner = [key, &key["items"], &key["additionalProperties"]];
        let sections: Vec<&&Value> = inner.iter().filter(|it| it["properties"].is_object()).collect();
        if sections.is_empty() {
            found.insert(key["title"].as_str().unwrap().to_owned());
        }
        for section in sections {
            of_schema(section, found);
        }
    }
}

/// Keys of `schema` that `file` has.
fn of_file(schema: &Value, file: &Value, found: &mut BTreeSet<String>) {
    for (name, key) in schema["properties"].as_object().into_iter().flatten() {
        let Some(value) = file.get(name) else { continue };
        found.insert(key["title"].as_str().unwrap().to_owned());
        of_file(key, value, found);
        value.as_array().into_iter().flatten().for_each(|item| of_file(&key["items"], item, found));
        let entry = &key["additionalProperties"];
        value.as_object().into_iter().flatten().for_each(|(_, value)| of_file(entry, value, found));
    }
}

#[test]
fn every_key_is_used() {
    let schema = config::schema();
    let seed = Seed { roles: WORKER | 1 | 4, marks: 7 | SECOND_MARK, priority: 50 };
    let host = Host { node: Some("other".into()), at: BY_NAME, ..Host::new(1, seed) };
    let wanted = |knobs: Knobs| Wanted {
        hosts: vec![host.clone()],
        knobs,
        moved: vec![("a".into(), "b".into())],
        guards: vec!["h1".into()],
        ignored: vec!["h1".into()],
    };
    let mut used = BTreeSet::new();
    for knob in KNOBS {
        for value in 0..=u8::MAX {
            let mut knobs = Knobs::default();
            knobs.set(knob, value);
            let file: Value = serde_yaml::from_str(&wanted(knobs).yaml()).unwrap();
            of_file(&schema, &file, &mut used);
        }
    }
    let mut all = BTreeSet::new();
    of_schema(&schema, &mut all);
    let left_out = |key: &str| {
        LEFT_OUT.iter().any(|(name, _)| key == *name || key.strip_prefix(name).is_some_and(|it| it.starts_with('.')))
    };
    let missing: Vec<&String> = all.difference(&used).filter(|key| !left_out(key)).collect();
    assert!(missing.is_empty(), "no knob uses {missing:?}: add them to tests/random/knobs.rs, or here with a reason");
    let needless: Vec<&String> = used.iter().filter(|key| left_out(key)).collect();
    assert!(needless.is_empty(), "knobs use {needless:?}: take them out of the list here");
}
