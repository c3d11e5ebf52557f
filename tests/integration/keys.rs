//! Changes every key of cluster.yaml on an applied simulated cluster. Plan, drift and apply must do what the class of the
//! key says.

mod applied;
mod changes;
mod reference;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Mutex;

use mainstay::config::{self, Class};
use serde_json::Value;

use crate::sandbox::root;
use applied::Applied;
use changes::{Change, EXEMPT, KNOWN};

/// Where changes are written.
const TABLE: &str = "tests/integration/keys/changes.rs";

/// A key of the schema.
#[derive(Debug)]
struct Key {
    /// Its path, for example `hosts.<name>.labels`.
    path: String,
    class: Option<Class>,
    /// Whether it has a value of its own.
    holds_a_value: bool,
}

/// Every key, in the order of the schema.
fn keys() -> Vec<Key> {
    fn visit(schema: &Value, found: &mut Vec<Key>) {
        for (_, key) in schema["properties"].as_object().into_iter().flatten() {
            let inner = ["items", "additionalProperties"].map(|inner| &key[inner]);
            let sections = [key, inner[0], inner[1]];
            let is_section = sections.iter().any(|it| it["properties"].is_object());
            let name = key["x-class"].as_str();
            found.push(Key {
                path: key["title"].as_str().unwrap().to_owned(),
                class: name.map(|name| Class::ALL.into_iter().find(|class| class.as_str() == name).unwrap()),
                holds_a_value: !is_section || inner[1]["properties"].is_object(),
            });
            for section in sections {
                visit(section, found);
            }
        }
    }
    let mut found = Vec::new();
    visit(&config::schema(), &mut found);
    found
}

/// The files in which a key of this name is declared.
fn declared_in(path: &str) -> String {
    let name = path.rsplit('.').next().unwrap();
    let snake: String =
        name.chars().flat_map(|c| [c.is_uppercase().then_some('_'), Some(c.to_ascii_lowercase())]).flatten().collect();
    let snake = snake.replace("s_a_ns", "sans");
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join("src/config/file")).unwrap() {
        let file = entry.unwrap().path();
        if fs::read_to_string(&file).unwrap().contains(&format!(" {snake}: ")) {
            files.push(file.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    files.sort();
    files.join(" or ")
}

#[test]
fn every_key_has_a_class_and_is_changed_by_a_test() {
    let changed: BTreeSet<&str> = changes::all().iter().map(|change| change.key).collect();
    let exempt: BTreeMap<&str, &str> = EXEMPT.iter().copied().collect();
    let keys = keys();
    let mut wrong = Vec::new();
    for key in keys.iter().filter(|key| key.holds_a_value) {
        let (path, file) = (key.path.as_str(), declared_in(&key.path));
        if key.class.is_none() {
            wrong.push(format!(
                "{path} has no class: write #[schemars(extend(\"x-class\" = Class::..))] beside it in {file}"
            ));
        }
        match (changed.contains(path), exempt.contains_key(path)) {
            (false, false) => {
                wrong.push(format!("no test changes {path} ({file}): add a change, or an exemption, to {TABLE}"));
            }
            (true, true) => wrong.push(format!("{path} is changed, so it needs no exemption in {TABLE}")),
            _ => {}
        }
    }
    let known: BTreeSet<&str> = keys.iter().filter(|key| key.holds_a_value).map(|key| key.path.as_str()).collect();
    for path in changed.iter().chain(exempt.keys()).filter(|path| !known.contains(*path)) {
        wrong.push(format!("{path} is no key of the schema: remove it from {TABLE}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_changed_key_does_what_its_class_says() {
    let keys = keys();
    let classes: BTreeMap<&str, Option<Class>> = keys.iter().map(|key| (key.path.as_str(), key.class)).collect();
    let mut groups: BTreeMap<&str, Vec<Change>> = BTreeMap::new();
    for change in changes::all() {
        groups.entry(change.given).or_default().push(change);
    }
    // Each group applies one cluster. The largest group starts first.
    let mut groups: Vec<(&str, Vec<Change>)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, changes)| changes.len());
    let (groups, wrong) = (Mutex::new(groups), Mutex::new(BTreeMap::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some((given, changes)) = groups.lock().unwrap().pop() else { return };
                    let applied = Applied::new(given);
                    for change in changes {
                        let class = change.costs.or_else(|| classes.get(change.key).copied().flatten());
                        let said = match class {
                            Some(class) => rules::check(&applied, &change, class, &keys),
                            None => Err("it has no class".to_owned()),
                        };
                        if let Err(said) = said {
                            wrong.lock().unwrap().insert((change.key, change.to), said);
                        }
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    let mut told = Vec::new();
    for (key, to, _) in KNOWN {
        if wrong.remove(&(*key, *to)).is_none() {
            told.push(format!("{key} ({to}) does what its class says: remove it from KNOWN in {TABLE}"));
        }
    }
    for ((key, to), said) in wrong {
        let class = classes.get(key).copied().flatten().map_or("none", Class::as_str);
        told.push(format!("{key} ({to}), class {class} in {}: {said}", declared_in(key)));
    }
    assert!(told.is_empty(), "{}", told.join("\n\n"));
}
