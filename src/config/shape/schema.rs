//! The JSON Schema of cluster.yaml, draft-07, as yaml-language-server reads it best: everything
//! inline, no `null`, enumerations with a description for each value, the path of a key as title, and
//! what changing a key does as the last sentence of its description.

use super::classes;
use crate::config::file::ClusterFile;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(generate);

/// The JSON Schema of cluster.yaml.
pub fn schema() -> Value {
    SCHEMA.clone()
}

pub(super) fn shared() -> &'static Value {
    &SCHEMA
}

fn generate() -> Value {
    let mut schema = as_written();
    classes::spread(&mut schema, None);
    schema
}

/// The schema with each class where the sources have it.
pub(super) fn as_written() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<ClusterFile>().to_value();
    tidy(&mut schema, "");
    schema["title"] = json!("cluster.yaml of mainstay");
    schema
}

/// Makes a schema and everything in it what an editor wants.
fn tidy(schema: &mut Value, path: &str) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    unwrap_option(object);
    unwrap_variants(object);
    for format in ["uint8", "uint16", "uint32", "int16"] {
        if object.get("format").is_some_and(|found| found == format) {
            object.remove("format");
        }
    }
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = unwrapped(text);
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for (key, property) in properties {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            tidy(property, &path);
            property["title"] = json!(path);
        }
    }
    if let Some(items) = object.get_mut("items") {
        tidy(items, path);
    }
    if let Some(values) = object.get_mut("additionalProperties").filter(|v| v.is_object()) {
        tidy(values, &format!("{path}.<name>"));
    }
}

/// A key that may be left out is not a key that may be null.
fn unwrap_option(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else {
        return;
    };
    choices.retain(|choice| choice["type"] != "null");
    let [Value::Object(only)] = choices.as_slice() else {
        return;
    };
    let only = only.clone();
    object.remove("anyOf");
    for (key, value) in only {
        object.entry(key).or_insert(value);
    }
}

/// `oneOf` documented constants to `enum` and `enumDescriptions`.
fn unwrap_variants(object: &mut Map<String, Value>) {
    if let Some(only) = object.remove("const") {
        object.insert("enum".into(), json!([only]));
    }
    let Some(Value::Array(variants)) = object.get("oneOf") else {
        return;
    };
    let mut values = Vec::new();
    let mut descriptions = Vec::new();
    for variant in variants {
        let texts = unwrapped(variant["description"].as_str().unwrap_or_default());
        let listed = variant["enum"].as_array().cloned().unwrap_or_default();
        for value in listed.into_iter().chain(variant.get("const").cloned()) {
            values.push(value);
            descriptions.push(json!(texts));
        }
    }
    object.remove("oneOf");
    object.insert("type".into(), json!("string"));
    object.insert("enum".into(), values.into());
    object.insert("enumDescriptions".into(), descriptions.into());
}

/// Lines of one paragraph joined.
fn unwrapped(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
