//! A simulated cluster that is applied once. Every change starts from the same state.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Key;
use crate::sandbox::{Said, Sandbox, root};

/// Runs with `--simulate`, so that `fleet` can change, too.
const SIMULATE: &str = "--simulate";

/// The state directory and the content of its files.
type Files = BTreeMap<PathBuf, Vec<u8>>;

pub(super) struct Applied {
    it: Sandbox,
    file: Value,
    files: Files,
}

fn yaml(text: &str) -> Value {
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(text, options).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Merges maps recursively and replaces other values; `null` removes a key.
fn merge(into: &mut Value, piece: &Value) {
    let Value::Object(piece) = piece else {
        *into = piece.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let into = into.as_object_mut().unwrap();
    for (key, value) in piece {
        if value.is_null() {
            into.remove(key);
        } else {
            merge(into.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Collects the keys whose values differ.
fn differing(path: &str, was: &Value, is: &Value, keys: &[Key], found: &mut Vec<String>) {
    if was == is {
        return;
    }
    let key = keys.iter().find(|key| key.path == path);
    let names =
        |value: &Value| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let is_map = path == "hosts";
    if key.is_some_and(|key| key.holds_a_value && !is_map) {
        found.push(path.to_owned());
        return;
    }
    if is_map && names(was) != names(is) {
        found.push(path.to_owned());
    }
    let sized = |value: &Value| value.as_array().map_or(0, Vec::len);
    for number in 0..sized(was).max(sized(is)) {
        differing(path, &was[number], &is[number], keys, found);
    }
    let mut all = [names(was), names(is)].concat();
    all.sort();
    all.dedup();
    for name in all {
        if is_map && !(was[&name].is_object() && is[&name].is_object()) {
            continue;
        }
        let below = match (path, is_map) {
            ("", _) => name.clone(),
            (_, true) => format!("{path}.<name>"),
            _ => format!("{path}.{name}"),
        };
        differing(&below, &was[&name], &is[&name], keys, found);
    }
}

fn read(dir: &Path, files: &mut Files) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, files);
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}

impl Applied {
    /// The cluster of `tests/edits` with `given` merged into it, applied.
    pub(super) fn new(given: &str) -> Self {
        let mut file = yaml(&fs::read_to_string(root().join("tests/edits/cluster.yaml")).unwrap());
        if !given.is_empty() {
            merge(&mut file, &yaml(given));
        }
        let mut it = Sandbox::new(&file.to_string());
        it.env("ONE", "first");
        it.env("OTHER", "second");
        fs::write(it.path("one"), "first\n").unwrap();
        fs::write(it.path("other"), "second\n").unwrap();
        let manifest = |name: &str| format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
        fs::create_dir(it.path("later")).unwrap();
        fs::write(it.path("one.yaml"), manifest("one")).unwrap();
        fs::write(it.path("later/one.yaml"), manifest("later")).unwrap();
        it.expect(0, &["apply", SIMULATE, "--auto-approve"]);
        let mut files = Files::new();
        read(&it.path("state"), &mut files);
        Self { it, file, files }
    }

    /// Merges a change into cluster.yaml and returns the changed keys.
    pub(super) fn change(&self, to: &str, keys: &[Key]) -> Vec<String> {
        let mut file = self.file.clone();
        merge(&mut file, &yaml(to));
        fs::write(self.it.path("cluster.yaml"), file.to_string()).unwrap();
        let mut found = Vec::new();
        differing("", &self.file, &file, keys, &mut found);
        found.sort();
        found.dedup();
        found
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.it.path(from), self.it.path(to)).unwrap();
    }

    pub(super) fn run(&self, args: &[&str]) -> Said {
        self.it.run(&[args, &[SIMULATE]].concat())
    }

    /// Whether the state is unchanged.
    pub(super) fn is_as_applied(&self) -> bool {
        let mut states = self.files.iter().filter(|(path, _)| path.to_string_lossy().ends_with(".simulated.json"));
        states.all(|(path, bytes)| fs::read(path).is_ok_and(|now| now == *bytes))
    }

    /// Restores all files.
    pub(super) fn restore(&self, moved_to: Option<&str>) {
        for folder in ["state"].into_iter().chain(moved_to) {
            let _ = fs::remove_dir_all(self.it.path(folder));
        }
        for (path, bytes) in &self.files {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}
