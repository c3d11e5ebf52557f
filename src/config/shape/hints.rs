//! Hints for common mistakes: misplaced keys and plausible values.

use super::check::last;
use super::suggest::nearest;
use crate::config::quote::{all_of, one_of, quoted};
use crate::config::yaml::{Content, Node, Scalar};
use serde_json::Value;
use std::collections::BTreeMap;

/// Keys that exist in people's minds, and where the thing is done.
const ELSEWHERE: &[(&str, &str)] = &[
    ("priorities", "give each host its own `priority` under `hosts.<name>`"),
    ("vip", "set the virtual IP in `endpoint.address`"),
    ("controlPlaneEndpoint", "it is built from `endpoint.address` and `endpoint.port`"),
    ("advertiseAddress", "every control plane advertises its `internalAddress`"),
    ("password", "log in with a key or the agent; `passphrase` opens an encrypted key"),
    ("kubernetesVersion", "set the version in `kubernetes.version`"),
    ("cni", "set the pod network in `network.plugin`"),
];

/// The hint for an unknown key.
pub(super) fn unknown_key(key: &str, known: &[&str], root: &Value) -> Vec<String> {
    if let Some(near) = nearest(key, known.iter().copied()) {
        return vec![format!("did you mean {}?", quoted(near))];
    }
    if let Some((_, text)) = ELSEWHERE.iter().find(|(other, _)| *other == key) {
        return vec![(*text).to_owned()];
    }
    let mut homes = BTreeMap::new();
    collect_homes(root, "", &mut homes);
    let known_here = match known {
        [] => "no keys are allowed here".to_owned(),
        known => format!("allowed keys: {}", all_of(known.iter().copied())),
    };
    match homes.get(key).map(Vec::as_slice) {
        Some([home, ..]) if home.is_empty() => {
            vec![format!("{} belongs at the top level of the file", quoted(key))]
        }
        Some([home, ..]) => vec![format!("{} belongs under {}", quoted(key), quoted(home))],
        _ => vec![known_here],
    }
}

/// Where each key of the schema lives.
fn collect_homes(schema: &Value, path: &str, homes: &mut BTreeMap<String, Vec<String>>) {
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        homes.entry(key.clone()).or_default().push(path.to_owned());
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        collect_homes(property, &path, homes);
        collect_homes(&property["items"], &path, homes);
        collect_homes(&property["additionalProperties"], &format!("{path}.<name>"), homes);
    }
}

/// The hint for a value that is not allowed.
pub(super) fn not_allowed(at: &str, value: &str, allowed: &[&str]) -> String {
    match (at, value) {
        ("/network/plugin", "flannel" | "calico" | "cilium" | "weave" | "canal" | "antrea") => {
            return "use `plugin: manifest` with that project's manifest; `bridge` and `none` are built in".to_owned();
        }
        ("/loadBalancer/mode", "node-local" | "kube-vip" | "haproxy" | "keepalived") | (_, "etcd") => {}
        (_, "master" | "controlplane" | "control_plane") if allowed.contains(&"control-plane") => {
            return "did you mean `control-plane`?".to_owned();
        }
        _ => {
            if let Some(near) = nearest(value, allowed.iter().copied()) {
                return format!("did you mean {}?", quoted(near));
            }
        }
    }
    format!("use {}", one_of(allowed.iter().copied()))
}

/// The hint for a value of the wrong type.
pub(super) fn wrong_type(at: &str, expected: &str, schema: &Value, node: &Node) -> Option<String> {
    let number = |node: &Node| match &node.content {
        Content::Scalar(Scalar::Number(_, text)) => Some(text.clone()),
        _ => None,
    };
    match (at, &node.content) {
        (_, Content::Scalar(Scalar::Null)) => {
            return Some("give it a value, or remove the key".to_owned());
        }
        (_, Content::Mapping(_) | Content::Sequence(_)) if schema["enum"].is_array() => {
            let allowed = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
            return Some(format!("use {}", one_of(allowed)));
        }
        ("", _) => return Some("to create an example file, run `mainstay init`".to_owned()),
        ("/hosts", Content::Sequence(_)) => {
            return Some("write each host as `name: {address: .., roles: [..]}`".to_owned());
        }

        _ => {}
    }
    match (expected, &node.content) {
        ("a whole number" | "true or false", Content::Scalar(Scalar::Text(text)))
            if text.parse::<i64>().is_ok() || matches!(text.as_str(), "true" | "false") =>
        {
            Some("remove the quotes".to_owned())
        }
        ("true or false", Content::Scalar(Scalar::Text(text))) => {
            let value = match text.to_lowercase().as_str() {
                "yes" | "on" | "y" => "true",
                "no" | "off" | "n" => "false",
                _ => return None,
            };
            Some(format!("write `{value}`"))
        }
        ("text", Content::Scalar(Scalar::Number(..))) if schema["pattern"] == crate::config::file::DURATION => {
            number(node).map(|n| format!("add a unit, for example `{n}s`"))
        }
        ("text", Content::Scalar(Scalar::Number(_, text))) => Some(format!("put it in quotes: \"{text}\"")),
        ("text", Content::Scalar(Scalar::Bool(value))) => Some(format!("put it in quotes: \"{value}\"")),
        ("a list", Content::Scalar(Scalar::Text(text))) if text.len() < 40 && !text.contains(',') => {
            Some(format!("write it in brackets: [{text}]"))
        }
        ("a list", Content::Scalar(_)) => Some("write it in brackets, separated by commas".to_owned()),
        _ => None,
    }
}

/// An example of the expected map.
pub(super) fn shown(at: &str, node: &Node) -> Option<String> {
    let (parent, name) = at.rsplit_once('/')?;
    let value = match (parent, &node.content) {
        ("/hosts", _) => "{address: 10.0.0.11, roles: [control-plane]}".to_owned(),
        ("", Content::Scalar(Scalar::Text(text))) if name == "network" && text.len() < 20 => {
            format!("{{plugin: {text}}}")
        }
        ("", _) => literal(name)?.to_owned(),
        _ => return None,
    };
    Some(format!("for example `{}: {value}`", last(name)))
}

/// The example that the schema has.
pub(super) fn by_example(at: &str, schema: &Value) -> Option<String> {
    let shown = schema["examples"].get(0)?;
    let key = at.split('/').rfind(|part| part.parse::<usize>().is_err())?;
    let shown = shown.as_str().map_or_else(|| shown.to_string(), str::to_owned);
    Some(format!("for example `{key}: {shown}`"))
}

/// An example of a missing key.
pub(super) fn example(name: &str, schema: &Value) -> String {
    let shown = match (literal(name), &schema["enum"][0], &schema["examples"][0]) {
        (Some(text), ..) => text.to_owned(),
        (None, Value::String(value), _) | (None, _, Value::String(value)) => value.clone(),
        (None, _, other) => other.to_string(),
    };
    format!("add it, for example `{name}: {shown}`")
}

fn literal(name: &str) -> Option<&'static str> {
    Some(match name {
        "hosts" => "{cp1: {address: 10.0.0.11, roles: [control-plane]}}",
        "kubernetes" => "{version: 1.31.4}",
        "endpoint" => "{address: 10.0.0.100, port: 8443}",
        "network" => "{plugin: bridge}",
        "roles" => "[control-plane]",
        _ => return None,
    })
}
