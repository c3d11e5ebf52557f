//! Converts older formats of the state when they are read. No host is changed.
//!
//! In format 1, the first control plane was a `kubeadm_init` and every other member a `kubeadm_join`, each with a copy of
//! the cluster's settings. In format 2, every host is a `member`, and the settings are one resource.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::model::{FORMAT, Record, State, Status};
use crate::resource::{Address, Key, MadeFrom, MemberRole, Observation, Prior, yaml_scalar};

/// Converts the state to the present format.
pub(super) fn to_present(state: State) -> State {
    if state.format == 1 { State { format: FORMAT, ..members(state) } } else { state }
}

fn was_member(address: &Address) -> bool {
    address.of_format_1_member().is_some()
}

fn renamed(address: &Address) -> Address {
    address.of_format_1_member().unwrap_or_else(|| address.clone())
}

fn members(mut state: State) -> State {
    let settings = settings(&state);
    let virtual_ips: BTreeSet<Address> =
        state.resources.keys().filter(|address| address.is_virtual_ip()).cloned().collect();
    let mut resources: BTreeMap<Address, Record> = BTreeMap::new();
    for (was, record) in std::mem::take(&mut state.resources) {
        let address = renamed(&was);
        let needs = needs(&was, &record, settings.is_some());
        let record = if was_member(&was) { member(&was, record, &state) } else { record };
        let record = Record { needs, ..record };
        // An interrupted change of the first control plane left both kinds; the finished one counts.
        let whole = resources.get(&address).is_some_and(|other| other.status == Status::Ready);
        if !whole {
            resources.insert(address, record);
        }
    }
    if let Some(attributes) = settings {
        let digest = state.digest_key().digest([attributes.to_string().as_str()]);
        let record = Record {
            version: 1,
            attributes: attributes.into(),
            digest,
            observed: String::new(),
            prior: Prior { before: Observation::Absent, kept: BTreeMap::new() },
            needs: virtual_ips,
            lane: None,
            made_from: MadeFrom::default(),
            status: Status::Ready,
        };
        resources.insert(Address::of_cluster_settings(), record);
    }
    let reactions = std::mem::take(&mut state.reactions).into_iter();
    let reactions = reactions.map(|(to, causes)| (renamed(&to), causes.iter().map(renamed).collect())).collect();
    let kinds = Address::MEMBERS_OF_FORMAT_1;
    let present = |guard: &String| kinds.iter().fold(guard.clone(), |guard, kind| guard.replace(kind, Address::MEMBER));
    let guards = state.guards.iter().map(present).collect();
    State { resources, reactions, guards, ..state }
}

/// The dependencies in format 2: a dependency on another host's membership becomes one on the cluster's settings.
fn needs(address: &Address, record: &Record, cluster: bool) -> BTreeSet<Address> {
    let of_cluster =
        |need: &Address| was_member(need) && need.host() != address.host() && address.component() != "nodes" && cluster;
    let mut needs: BTreeSet<Address> = record
        .needs
        .iter()
        .map(|need| if of_cluster(need) { Address::of_cluster_settings() } else { renamed(need) })
        .collect();
    if cluster && was_member(address) {
        needs.insert(Address::of_cluster_settings());
    }
    needs
}

fn member(address: &Address, record: Record, state: &State) -> Record {
    let text = |name: &str| record.attributes.get(name).and_then(Value::as_str).unwrap_or_default();
    let config = text("config");
    let endpoint = yaml_scalar(config, "controlPlaneEndpoint").or_else(|| yaml_scalar(config, "apiServerEndpoint"));
    let role = record.attributes.get("role").and_then(Value::as_str);
    let mut attributes = json!({
        "node": text("node"),
        "role": role.unwrap_or(MemberRole::ControlPlane.as_str()),
        "advertiseAddress": text("advertiseAddress"),
        "endpoint": endpoint.unwrap_or_default(),
        "criSocket": yaml_scalar(config, "criSocket").unwrap_or_default(),
    });
    let version = record.attributes.pointer("/fixed/kubernetes.version");
    if let (Some(version), true) = (version, address.component() == MemberRole::ControlPlane.as_str()) {
        attributes["version"] = version.clone();
    }
    let digest = state.digest_key().digest([attributes.to_string().as_str()]);
    Record { version: 1, attributes: attributes.into(), digest, ..record }
}

/// The settings of the cluster; `None` if no control plane was finished.
fn settings(state: &State) -> Option<Value> {
    let plane = |kind: &str| {
        state.resources.iter().find(|(address, record)| {
            let plane = address.component() == MemberRole::ControlPlane.as_str();
            address.kind() == kind && plane && record.status == Status::Ready
        })
    };
    let (_, record) = Address::MEMBERS_OF_FORMAT_1.into_iter().find_map(plane)?;
    let mut fixed: Map<String, Value> = record.attributes.get("fixed")?.as_object()?.clone();
    fixed.remove("kubernetes.version");
    if let Some(names) = fixed.remove("kubernetes.certSANs") {
        fixed.insert("kubernetes.apiServer.certSANs".to_owned(), names);
    }
    let (ignored, swap) = ignored(record);
    let phases = record.attributes.get("skipPhases").cloned().unwrap_or_else(|| json!([]));
    let creation = json!({
        "hostConfig.swap": swap,
        "kubernetes.ignorePreflightErrors": ignored.to_string(),
        "kubernetes.skipPhases": phases.to_string(),
    });
    Some(json!({ "fixed": fixed, "creation": creation }))
}

/// The ignored preflight errors of cluster.yaml, and `hostConfig.swap`. With `keep`, format 1 added `Swap` to the errors.
fn ignored(record: &Record) -> (Value, &'static str) {
    let all = record.attributes.get("ignorePreflightErrors").cloned().unwrap_or_else(|| json!([]));
    let keep = record.made_from.keys().any(|key| *key == Key::new("/hostConfig/swap", &"keep"));
    let Some(items) = all.as_array().filter(|_| keep) else { return (all, "off") };
    let written = |value: &Value| {
        let key = Key::leaves("/kubernetes/ignorePreflightErrors", value);
        key.first().is_some_and(|key| record.made_from.keys().any(|it| it == key))
    };
    match items.split_last() {
        Some((last, others)) if last == "Swap" && !written(&all) => (json!(others), "keep"),
        _ => (all, "keep"),
    }
}
