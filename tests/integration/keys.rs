//! Every key of cluster.yaml has a class that says what changing it on a running cluster does.

mod reference;

use mainstay::config::{self, Class};
use serde_json::Value;

/// A key of the schema.
#[derive(Debug)]
struct Key {
    /// Its path, for example `hosts.<name>.labels`.
    path: String,
    class: Option<Class>,
    /// Whether it holds a value, and not only further keys. A map of hosts holds both.
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
