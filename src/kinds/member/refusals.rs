//! What cannot change once kubeadm has run, leaf by leaf.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Map, Value};

use crate::resource::{Refusal, dotted};

/// Why a node that was made under another name cannot get this one.
pub(super) fn renamed(was: &str, is: &str) -> Option<Refusal> {
    let change = || {
        let advice = format!(
            "A Kubernetes node cannot be renamed. Set `nodeName: {was}` on this host, or remove the host from \
             cluster.yaml and apply, then add it again."
        );
        Refusal::of_host("nodeName", format!("the name of the Kubernetes node: {was} → {is}"), advice)
    };
    (was != is).then(change)
}

/// Why a node that has joined cannot get another address: its certificates, its etcd member and its kubelet have it.
pub(super) fn readdressed(node: &str, was: Ipv4Addr, is: Ipv4Addr) -> Option<Refusal> {
    let change = || {
        let advice = format!(
            "A node that has joined keeps its address in the cluster. Remove {node} from cluster.yaml and apply, then \
             add it with its new address; or restore {was}. Where {node} answers only at {is}, set `address: {is}` and \
             `internalAddress: {was}` before it leaves."
        );
        Refusal::of_host("internalAddress", format!("the address of {node} in the cluster: {was} → {is}"), advice)
    };
    (was != is).then(change)
}

/// The settings that only `kubeadm init` reads and that differ; what either side does not name is not compared.
pub(in crate::kinds) fn refixed(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<Refusal> {
    let both = is.iter().filter_map(|(name, is)| Some((name.as_str(), was.get(name)?.as_str(), is.as_str())));
    both.filter(|(_, was, is)| was != is).flat_map(|(name, was, is)| of_setting(name, was, is)).collect()
}

fn of_setting(name: &str, was: &str, is: &str) -> Vec<Refusal> {
    match name {
        "endpoint" => {
            let parts = |text: &str| text.rsplit_once(':').map(|(address, port)| [address.to_owned(), port.to_owned()]);
            let (Some(was), Some(is)) = (parts(was), parts(is)) else { return vec![setting("/endpoint", was, is)] };
            let pointers = ["/endpoint/address", "/endpoint/port"].into_iter();
            let both = pointers.zip(was.iter().zip(&is)).filter(|(_, (was, is))| was != is);
            both.map(|(pointer, (was, is))| setting(pointer, was, is)).collect()
        }
        // Its name in older records.
        "kubernetes.certSANs" => leaves("/kubernetes/apiServer/certSANs", &read(was), &read(is)),
        _ => leaves(&format!("/{}", name.replace('.', "/")), &read(was), &read(is)),
    }
}

/// Why the version of a running control plane cannot change.
pub(super) fn upgrade(was: &str, is: &str) -> Refusal {
    let change = format!("mainstay cannot upgrade Kubernetes yet (recorded {was}, cluster.yaml {is}).");
    let advice = format!("Upgrade with kubeadm, then run `mainstay plan` again; or restore {was}.");
    Refusal::of("/kubernetes/version".into(), change, advice)
}

fn setting(pointer: &str, was: &str, is: &str) -> Refusal {
    let advice = "mainstay cannot change this on a running cluster yet. Restore what is recorded, or destroy the \
                  cluster first.";
    Refusal::of(pointer.into(), format!("{}: {was} → {is}", dotted(pointer)), advice.into())
}

/// A recorded setting: JSON where it is a map or a list, else a text.
fn read(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ if text == "default" => Value::Null,
        _ => Value::String(text.to_owned()),
    }
}

/// The leaves that differ. Lists whose items have names are compared by them.
fn leaves(pointer: &str, was: &Value, is: &Value) -> Vec<Refusal> {
    if was == is {
        return Vec::new();
    }
    let (Some(was_map), Some(is_map)) = (map(was), map(is)) else {
        return vec![setting(pointer, &shown(pointer, was), &shown(pointer, is))];
    };
    let names: std::collections::BTreeSet<&String> = was_map.keys().chain(is_map.keys()).collect();
    let below = |name: &String| {
        let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
        let value = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
        leaves(&pointer, &value(&was_map), &value(&is_map))
    };
    names.into_iter().flat_map(below).collect()
}

/// A map, or a list of maps with names as one; what is not set is an empty one.
fn map(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| Some((item.get("name")?.as_str()?.to_owned(), item.clone()))).collect()
        }
        _ => None,
    }
}

fn shown(pointer: &str, value: &Value) -> String {
    match value {
        Value::Null => "not set".into(),
        Value::Array(items) if items.is_empty() => "not set".into(),
        Value::Object(fields) if fields.is_empty() => "not set".into(),
        Value::Array(items) => items.iter().map(|item| shown("", item)).collect::<Vec<_>>().join(", "),
        Value::String(text) if pointer.ends_with("Interval") || pointer.ends_with("Timeout") => format!("{text}ms"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(name: &str, was: &str, is: &str) -> Vec<(String, String)> {
        let map = |value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let host = crate::resource::HostName::new("w1");
        refixed(&map(was), &map(is)).into_iter().map(|it| (it.pointer(&host), it.change)).collect()
    }

    #[test]
    fn maps_are_compared_leaf_by_leaf() {
        let one = |name: &str, was: &str, is: &str| {
            let all = refused(name, was, is);
            assert_eq!(all.len(), 1, "{all:?}");
            all.into_iter().next().unwrap()
        };
        let leaf = one("kubernetes.kubelet", "{}", r#"{"maxPods":50}"#);
        assert_eq!(leaf, ("/kubernetes/kubelet/maxPods".into(), "kubernetes.kubelet.maxPods: not set → 50".into()));
        let leaf = one(
            "kubernetes.apiServer",
            r#"{"extraArgs":{"a":"1"},"extraVolumes":[]}"#,
            r#"{"extraArgs":{"a":"1","v":"4"},"extraVolumes":[]}"#,
        );
        assert_eq!(leaf.1, "kubernetes.apiServer.extraArgs.v: not set → 4");
        let leaf = one("kubernetes.certSANs", "[]", r#"["a.example.org","b.example.org"]"#);
        assert_eq!(leaf.1, "kubernetes.apiServer.certSANs: not set → a.example.org, b.example.org");
        let leaf = one("kubernetes.etcd.heartbeatInterval", "default", "200");
        assert_eq!(leaf.1, "kubernetes.etcd.heartbeatInterval: not set → 200ms");
        let volume =
            |path: &str| format!(r#"{{"extraArgs":{{}},"extraVolumes":[{{"name":"a","hostPath":"{path}"}}]}}"#);
        let leaf = one("kubernetes.scheduler", &volume("/x"), &volume("/y"));
        assert_eq!(leaf.1, "kubernetes.scheduler.extraVolumes.a.hostPath: /x → /y");
    }

    #[test]
    fn the_endpoint_is_two_keys() {
        let port = refused("endpoint", "10.0.0.100:8443", "10.0.0.100:9443");
        assert_eq!(port, [("/endpoint/port".into(), "endpoint.port: 8443 → 9443".into())]);
        assert_eq!(refused("endpoint", "10.0.0.100:8443", "10.0.0.101:9443").len(), 2);
    }

    #[test]
    fn advice_is_said_once_for_settings_that_have_it_in_common() {
        let map = |value: &str| BTreeMap::from([("kubernetes.kubelet".to_owned(), value.to_owned())]);
        let text = Refusal::text(&refixed(&map("{}"), &map(r#"{"a":1,"b":{"c":true}}"#)));
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.starts_with("kubernetes.kubelet.a: not set → 1\nkubernetes.kubelet.b: not set → {"), "{text}");
    }
}
