//! Older formats of the state become the present one when they are read; no host is touched for it.
//!
//! Format 1 had a kind for the host that ran `kubeadm init` (`kubeadm_init`) and another one for all that joined
//! (`kubeadm_join`), each with a copy of the settings of the cluster. Format 2 has one kind of `member`, and the
//! settings as one resource of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::model::{FORMAT, Record, State, Status};
use crate::resource::{Address, HostName, Key, MadeFrom, MemberRole, Observation, Prior};

const INIT: &str = "kubeadm_init";
const JOIN: &str = "kubeadm_join";

/// The state in the present format.
pub(super) fn to_present(state: State) -> State {
    if state.format == 1 { State { format: FORMAT, ..members(state) } } else { state }
}

fn settings_address() -> Address {
    Address::new(HostName::cluster(), "kubernetes", "cluster_settings", None)
}

/// Whether a record of format 1 stands for a member.
fn was_member(address: &Address) -> bool {
    matches!(address.kind(), INIT | JOIN)
}

fn renamed(address: &Address) -> Address {
    let role = MemberRole::parse(address.component()).filter(|_| was_member(address));
    role.map_or_else(|| address.clone(), |role| Address::of_member(address.host().clone(), role))
}

fn members(mut state: State) -> State {
    let settings = settings(&state);
    let virtual_ips: BTreeSet<Address> =
        state.resources.keys().filter(|address| address.kind() == "virtual_ip").cloned().collect();
    let mut resources: BTreeMap<Address, Record> = BTreeMap::new();
    for (was, record) in std::mem::take(&mut state.resources) {
        let address = renamed(&was);
        let needs = needs(&was, &record, settings.is_some());
        let record = if was_member(&was) { member(&was, record, &state) } else { record };
        let record = Record { needs, ..record };
        // A host that was both, in the middle of a change, is what is whole.
        let whole = resources.get(&address).is_some_and(|other| other.status == Status::Ready);
        if !whole {
            resources.insert(address, record);
        }
    }
    if let Some(attributes) = settings {
        let digest = state.digest_key().digest([attributes.to_string().as_str()]);
        let record = Record {
            version: 1,
            attributes,
            digest,
            observed: String::new(),
            prior: Prior { before: Observation::Absent, kept: BTreeMap::new() },
            needs: virtual_ips,
            lane: None,
            made_from: MadeFrom::default(),
            status: Status::Ready,
        };
        resources.insert(settings_address(), record);
    }
    let reactions = std::mem::take(&mut state.reactions).into_iter();
    let reactions = reactions.map(|(to, causes)| (renamed(&to), causes.iter().map(renamed).collect())).collect();
    let guards = state.guards.iter().map(|guard| guard.replace(INIT, "member").replace(JOIN, "member")).collect();
    State { resources, reactions, guards, ..state }
}

/// What needed the first control plane of another host needs the cluster now.
fn needs(address: &Address, record: &Record, cluster: bool) -> BTreeSet<Address> {
    let of_cluster =
        |need: &Address| was_member(need) && need.host() != address.host() && address.component() != "nodes" && cluster;
    let mut needs: BTreeSet<Address> =
        record.needs.iter().map(|need| if of_cluster(need) { settings_address() } else { renamed(need) }).collect();
    if cluster && was_member(address) {
        needs.insert(settings_address());
    }
    needs
}

fn member(address: &Address, record: Record, state: &State) -> Record {
    let text = |name: &str| record.attributes.get(name).and_then(Value::as_str).unwrap_or_default();
    let config = text("config");
    let endpoint = setting(config, "controlPlaneEndpoint").or_else(|| setting(config, "apiServerEndpoint"));
    let role = record.attributes.get("role").and_then(Value::as_str);
    let mut attributes = json!({
        "node": text("node"),
        "role": role.unwrap_or(MemberRole::ControlPlane.as_str()),
        "advertiseAddress": text("advertiseAddress"),
        "endpoint": endpoint.unwrap_or_default(),
        "criSocket": setting(config, "criSocket").unwrap_or_default(),
    });
    let version = record.attributes.pointer("/fixed/kubernetes.version");
    if let (Some(version), true) = (version, address.component() == MemberRole::ControlPlane.as_str()) {
        attributes["version"] = version.clone();
    }
    let digest = state.digest_key().digest([attributes.to_string().as_str()]);
    Record { version: 1, attributes, digest, ..record }
}

/// The settings of the cluster, once one control plane was whole.
fn settings(state: &State) -> Option<Value> {
    let planes = |kind: &'static str| {
        state.resources.iter().filter(move |(address, record)| {
            let plane = address.component() == MemberRole::ControlPlane.as_str();
            address.kind() == kind && plane && record.status == Status::Ready
        })
    };
    let (_, record) = planes(INIT).chain(planes(JOIN)).next()?;
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

/// The ignored preflight errors as cluster.yaml had them, and `hostConfig.swap`: swap that is kept added `Swap` to them.
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

/// The first scalar of this name in documents of kubeadm.
fn setting<'a>(config: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.trim_start_matches([' ', '-']).strip_prefix(name)?.strip_prefix(':');
    let value = config.lines().find_map(value)?.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then_some(value)
}
