//! `node`: labels, annotations and taints of a Kubernetes node.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::kubectl::{ELECTION, with_kubectl};
use crate::resource::{Act, Effect, FieldChange, Kind, Nature, Observation, Output, Prior, ProbeError, Script, Step};

/// The annotation in which a node carries what mainstay set on it, and what was there before.
const OWNED: &str = "mainstay.dev/owned";

/// Labels, annotations and taints that a node must have; all others are left alone. The node object itself is created and
/// deleted with the `member`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// The node's name.
    pub name: String,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Taints: `key:effect` with the value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taints: BTreeMap<String, String>,
    /// Taints without a value, as `key:effect`, that follow from the host's roles: whether the node has them. Nothing of
    /// what was there before is put back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub role_taints: BTreeMap<String, bool>,
}

/// What a node has of what is declared, and what mainstay set on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Declared labels that are there.
    pub labels: BTreeMap<String, String>,
    /// Declared annotations that are there.
    pub annotations: BTreeMap<String, String>,
    /// Declared taints that are there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taints: BTreeMap<String, String>,
    /// What mainstay set, with the values from before.
    #[serde(default)]
    pub owned: Owned,
}

/// What mainstay set on a node: keys, with the value from before if there was one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// Labels.
    #[serde(default)]
    labels: BTreeMap<String, Option<String>>,
    /// Annotations.
    #[serde(default)]
    annotations: BTreeMap<String, Option<String>>,
    /// Taints.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    taints: BTreeMap<String, Option<String>>,
}

impl Node {
    /// What the look is to report in any case, a `label KEY`, `annotation KEY` or `taint KEY:EFFECT` line each.
    fn keys(&self) -> String {
        let labels = self.labels.keys().map(|key| format!("label {key}"));
        let taints = self.taints.keys().chain(self.role_taints.keys()).map(|key| format!("taint {key}"));
        let annotations = self.annotations.keys().map(String::as_str).chain([OWNED]);
        let annotations = annotations.map(|key| format!("annotation {key}"));
        labels.chain(annotations).chain(taints).collect::<Vec<_>>().join("\n")
    }

    /// A step that changes labels and annotations by a patch, and taints (none takes one away).
    fn patch(&self, title: String, patch: &Value, taints: &Map<String, Value>, if_there: bool) -> Step {
        let line = |(key, value): (&String, &Value)| match value.as_str() {
            Some(value) => format!("{key} ={value}"),
            None => key.clone(),
        };
        let script = Script::new(with_kubectl!("node/patch.sh"))
            .set("NAME", &self.name)
            .set("PATCH", patch.to_string())
            .set("TAINTS", taints.iter().map(line).collect::<Vec<_>>().join("\n"))
            .set("IF_THERE", if if_there { "yes" } else { "" });
        Step::run(title, script).transient(ELECTION).means(Effect::UseApi)
    }
}

/// In what the values that are there differ from the wanted ones, and which set ones are not wanted any more.
fn changes(
    what: &str,
    wanted: &BTreeMap<String, String>,
    there: &BTreeMap<String, String>,
    owned: &BTreeMap<String, Option<String>>,
) -> Vec<FieldChange> {
    // Quoted, because none and an empty value are two things.
    let show = |value: Option<&String>| value.map_or("(none)".to_owned(), |value| format!("\"{value}\""));
    let set = wanted.iter().filter_map(|(key, value)| {
        FieldChange::compare(&format!("{what} {key}"), show(there.get(key)), show(Some(value)))
    });
    let unset = owned.iter().filter(|(key, _)| !wanted.contains_key(*key)).filter_map(|(key, before)| {
        FieldChange::compare(&format!("{what} {key}"), "set by mainstay", show(before.as_ref()))
    });
    set.chain(unset).collect()
}

/// The values to set (`null` takes away), and what is owned once they are set.
fn set(
    wanted: &BTreeMap<String, String>,
    there: &BTreeMap<String, String>,
    owned: &BTreeMap<String, Option<String>>,
) -> (Map<String, Value>, BTreeMap<String, Option<String>>) {
    let keys: BTreeSet<&String> = wanted.keys().chain(owned.keys()).collect();
    let mut values = Map::new();
    let mut next = BTreeMap::new();
    for key in keys {
        let before = owned.get(key).map_or_else(|| there.get(key).cloned(), Clone::clone);
        match wanted.get(key) {
            Some(value) => {
                values.insert(key.clone(), json!(value));
                next.insert(key.clone(), before);
            }
            None => {
                values.insert(key.clone(), json!(before));
            }
        }
    }
    (values, next)
}

/// Undoes the URL escaping of the look; an escape that is none is an error.
fn unescape(text: &str) -> Result<String, ProbeError> {
    let unexpected = || ProbeError::unexpected(format!("`{text}` is not an escaped value"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (high, low) = (rest.next().ok_or_else(unexpected)?, rest.next().ok_or_else(unexpected)?);
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.push(digit(high).ok_or_else(unexpected)? * 16 + digit(low).ok_or_else(unexpected)?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| unexpected())
}

impl Kind for Node {
    const NAME: &'static str = "node";
    const PRINCIPAL: &'static str = "labels";
    type Observed = Observed;

    fn key(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn nature(&self) -> Nature {
        Nature { ends_with_member: true, ..Nature::default() }
    }

    fn probe(&self) -> Script {
        Script::new(with_kubectl!("node/look.sh")).set("NAME", &self.name).set("KEYS", self.keys())
    }

    fn parse(&self, output: &Output) -> Result<Observation<Observed>, ProbeError> {
        if !output.success() {
            return Err(ProbeError::of_cluster(output));
        }
        let mut lines = output.stdout.lines().filter(|line| !line.is_empty());
        match lines.next().map(str::trim_end) {
            None => return Ok(Observation::Absent),
            Some("node") => {}
            Some(line) => return Err(ProbeError::unexpected(format!("`{line}` instead of `node`"))),
        }
        let mut seen = Observed::default();
        for line in lines {
            let parts: Vec<&str> = line.splitn(3, ' ').collect();
            let (what, key, value) = match parts[..] {
                [what, key] => (what, key, ""),
                [what, key, value] => (what, key, value),
                _ => return Err(ProbeError::unexpected(format!("node line `{line}`"))),
            };
            let value = unescape(value)?;
            match (what, key) {
                ("label", _) => {
                    seen.labels.insert(key.to_owned(), value);
                }
                ("annotation", OWNED) => {
                    seen.owned = serde_json::from_str(&value)
                        .map_err(|error| ProbeError::unexpected(format!("annotation {OWNED}: {error}")))?;
                }
                ("annotation", _) => {
                    seen.annotations.insert(key.to_owned(), value);
                }
                ("taint", _) => {
                    seen.taints.insert(key.to_owned(), value);
                }
                _ => return Err(ProbeError::unexpected(format!("node line `{line}`"))),
            }
        }
        Ok(Observation::Present(seen))
    }

    fn diff(&self, seen: &Observed) -> Vec<FieldChange> {
        let mut all = changes("label", &self.labels, &seen.labels, &seen.owned.labels);
        all.extend(changes("annotation", &self.annotations, &seen.annotations, &seen.owned.annotations));
        all.extend(changes("taint", &self.taints, &seen.taints, &seen.owned.taints));
        let shown = |there: bool| if there { "set" } else { "(none)" };
        all.extend(self.role_taints.iter().filter_map(|(key, wanted)| {
            FieldChange::compare(&format!("taint {key}"), shown(seen.taints.contains_key(key)), shown(*wanted))
        }));
        all
    }

    fn simulate(&self) -> Observed {
        let none = |map: &BTreeMap<String, String>| map.keys().map(|key| (key.clone(), None)).collect();
        let owned =
            Owned { labels: none(&self.labels), annotations: none(&self.annotations), taints: none(&self.taints) };
        let by_role =
            self.role_taints.iter().filter(|(_, wanted)| **wanted).map(|(key, _)| (key.clone(), String::new()));
        let taints = by_role.chain(self.taints.clone()).collect();
        Observed { labels: self.labels.clone(), annotations: self.annotations.clone(), taints, owned }
    }

    fn apply(&self, _: Act, before: &Observation<Observed>) -> Vec<Step> {
        let none = Observed::default();
        let there = before.present().unwrap_or(&none);
        let (labels, owned_labels) = set(&self.labels, &there.labels, &there.owned.labels);
        let (mut annotations, owned_annotations) = set(&self.annotations, &there.annotations, &there.owned.annotations);
        let (mut taints, owned_taints) = set(&self.taints, &there.taints, &there.owned.taints);
        taints.extend(self.role_taints.iter().map(|(key, wanted)| (key.clone(), json!(wanted.then_some("")))));
        let owned = Owned { labels: owned_labels, annotations: owned_annotations, taints: owned_taints };
        let text = (owned != Owned::default()).then(|| json!(owned).to_string());
        annotations.insert(OWNED.to_owned(), json!(text));
        let patch = json!({"metadata": {"labels": labels, "annotations": annotations}});
        vec![self.patch(format!("label node {}", self.name), &patch, &taints, false)]
    }

    fn destroy(&self, prior: &Prior<Observed>) -> Vec<Step> {
        let none = Observed::default();
        let before = prior.before.present().unwrap_or(&none);
        let back = |wanted: &BTreeMap<String, String>, before: &BTreeMap<String, String>| -> Map<String, Value> {
            wanted.keys().map(|key| (key.clone(), json!(before.get(key)))).collect()
        };
        let mut annotations = back(&self.annotations, &before.annotations);
        annotations.insert(OWNED.to_owned(), Value::Null);
        let patch = json!({"metadata": {"labels": back(&self.labels, &before.labels), "annotations": annotations}});
        let taints = back(&self.taints, &before.taints);
        vec![self.patch(format!("restore the labels of node {}", self.name), &patch, &taints, true).optional()]
    }

    fn restored(&self, seen: &Observation<Observed>, prior: &Prior<Observed>) -> bool {
        let none = Observed::default();
        let before = prior.before.present().unwrap_or(&none);
        seen.present().is_none_or(|seen| {
            let same =
                |wanted: &BTreeMap<String, String>, a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
                    wanted.keys().all(|key| a.get(key) == b.get(key))
                };
            same(&self.labels, &seen.labels, &before.labels)
                && same(&self.annotations, &seen.annotations, &before.annotations)
                && same(&self.taints, &seen.taints, &before.taints)
        })
    }
}

#[cfg(test)]
mod tests;
