//! Name, labels, taints and annotations of a Kubernetes node.

use super::hosts::at;
use super::names;
use super::values::plain_line;
use crate::config::faults::{Fault, Faults};
use crate::config::file::{self, Text};
use crate::config::quote::quoted;
use crate::config::{Role, Taint, TaintEffect, pointer};
use std::collections::{BTreeMap, BTreeSet};

/// Most bytes that Kubernetes keeps in the annotations of one object.
const ANNOTATIONS: usize = 256 * 1024;

pub(super) fn name(host: &str, written: &file::Host, faults: &mut Faults<'_>) -> String {
    let name = written.node_name.as_deref().unwrap_or(host);
    if written.node_name.is_some() && !names::is_subdomain(name) {
        let message = format!("the node name {} is not a DNS-1123 name", quoted(name));
        faults.broken(Fault::at(at(host, "nodeName"), message).help(
            "use at most 253 lower-case letters, digits, hyphens and dots; start and end with a letter or digit",
        ));
    }
    name.to_owned()
}

pub(super) fn labels(host: &str, written: &file::Host, faults: &mut Faults<'_>) -> BTreeMap<String, String> {
    texts(host, "labels", written.labels.as_ref(), faults, names::is_label_text)
}

pub(super) fn annotations(host: &str, written: &file::Host, faults: &mut Faults<'_>) -> BTreeMap<String, String> {
    let annotations = texts(host, "annotations", written.annotations.as_ref(), faults, |_| true);
    let bytes: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > ANNOTATIONS {
        let message = format!("the annotations have {} KiB; Kubernetes allows 256 KiB", bytes / 1024);
        faults.error(Fault::at(at(host, "annotations"), message));
    }
    annotations
}

fn texts(
    host: &str,
    what: &str,
    written: Option<&BTreeMap<String, Text>>,
    faults: &mut Faults<'_>,
    good: impl Fn(&str) -> bool,
) -> BTreeMap<String, String> {
    let mut checked = BTreeMap::new();
    for (key, Text(value)) in written.into_iter().flatten() {
        let place = pointer(["hosts", host, what, key]);
        if !names::is_qualified(key) {
            faults.broken(Fault::key(&place, format!("{} is not a valid key of {what}", quoted(key))).help(
                "use at most 63 letters, digits, `-`, `_` and `.`, with an optional prefix such as `example.com/`",
            ));
        } else if !good(value) {
            faults.broken(
                Fault::at(&place, format!("{} is not a valid label value", quoted(value)))
                    .help("use at most 63 letters, digits, `-`, `_` and `.`; put other values in `annotations`"),
            );
        }
        checked.insert(key.clone(), value.clone());
    }
    checked
}

pub(super) fn taints(
    host: &str,
    written: &file::Host,
    roles: &BTreeSet<Role>,
    faults: &mut Faults<'_>,
) -> Option<Vec<Taint>> {
    let Some(list) = &written.taints else {
        let schedulable = roles.contains(&Role::ControlPlane) && roles.contains(&Role::Worker);
        return schedulable.then(Vec::new);
    };
    let mut taints: Vec<Taint> = Vec::new();
    for (number, text) in list.iter().enumerate() {
        let place = pointer(["hosts", host, "taints", &number.to_string()]);
        if !plain_line("taint", text, &place, faults) {
            continue;
        }
        let Some(taint) = taint(text) else {
            faults.broken(Fault::at(place, format!("{} is not a taint", quoted(text))).help(
                "write `key=value:effect` or `key:effect`; the effect is `NoSchedule`, \
                     `PreferNoSchedule` or `NoExecute`",
            ));
            continue;
        };
        if taints.iter().any(|other| other.key == taint.key && other.effect == taint.effect) {
            let message = format!("duplicate taint {}", quoted(text));
            faults.error(Fault::at(place, message).help("use each pair of key and effect only once"));
        }
        taints.push(taint);
    }
    Some(taints)
}

fn taint(text: &str) -> Option<Taint> {
    let (left, effect) = text.rsplit_once(':')?;
    let effect = match effect {
        "NoSchedule" => TaintEffect::NoSchedule,
        "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
        "NoExecute" => TaintEffect::NoExecute,
        _ => return None,
    };
    let (key, value) = left.split_once('=').unwrap_or((left, ""));
    (names::is_qualified(key) && names::is_label_text(value)).then(|| Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect,
    })
}

#[cfg(test)]
mod tests {
    use super::taint;

    #[test]
    fn taints_print_as_they_are_read() {
        for text in ["dedicated=db:NoSchedule", "node-role.kubernetes.io/control-plane:NoExecute"] {
            assert_eq!(taint(text).map(|t| t.to_string()).as_deref(), Some(text));
        }
        for text in ["", "a", "a:never", "a=b=c:NoSchedule", ":NoSchedule", "a b:NoSchedule"] {
            assert_eq!(taint(text), None, "{text}");
        }
    }
}
