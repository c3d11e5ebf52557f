//! The schema of cluster.yaml: complete and consistent with the parser.

use jsonschema::error::ValidationErrorKind;
use mainstay::config;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Visits every key of the schema.
fn keys(schema: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    if !schema.is_object() {
        return;
    }
    for property in schema["properties"].as_object().into_iter().flatten().map(|(_, property)| property) {
        visit(property["title"].as_str().expect("every key has its path as title"), property);
        keys(property, visit);
    }
    for inner in [&schema["items"], &schema["additionalProperties"]] {
        keys(inner, visit);
    }
}

#[test]
fn every_key_has_a_description_and_every_value_of_an_enumeration_too() {
    let mut count = 0;
    keys(&config::schema(), &mut |title, property| {
        count += 1;
        let description = property["description"].as_str().unwrap_or_default();
        assert!(description.len() > 10 && description.ends_with(['.', ')']), "{title}: {description:?}");
        let values = property["enum"].as_array().map_or(0, Vec::len);
        let described = property["enumDescriptions"].as_array().map_or(0, Vec::len);
        assert_eq!(values, described, "{title}");
        let number_or_text = property["type"] == serde_json::json!(["integer", "string"]);
        assert!(property["type"].is_string() || number_or_text, "{title}: {}", property["type"]);
        let nothing = ["default", "anyOf", "oneOf", "$ref"];
        assert!(
            nothing.iter().all(|word| property.get(word).is_none_or(|v| !v.is_null() && *word == "default")),
            "{title}"
        );
    });
    assert!(count > 100, "{count}");
}

#[test]
fn objects_are_closed() {
    keys(&config::schema(), &mut |title, property| {
        if property["type"] == "object" {
            let closed = property["additionalProperties"] == false;
            let free = property["properties"].is_null() && property.get("additionalProperties").is_some();
            assert!(closed || free, "{title}");
        }
    });
}

/// A file as another parser reads it, by the same version of YAML: `off` is text.
fn value(path: &Path) -> Option<Value> {
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(&fs::read_to_string(path).expect("text"), options).ok()
}

fn files(directory: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(directory)).expect("the directory is there") {
        let path = entry.expect("readable").path();
        let path = if path.is_dir() { path.join("cluster.yaml") } else { path };
        if path.extension().is_some_and(|extension| extension == "yaml") && path.exists() {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The JSON pointer of a violation and its message. The pointer includes an unknown key.
fn refusal(error: &jsonschema::ValidationError<'_>) -> String {
    let keys = match &error.kind {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected.as_slice(),
        _ => &[],
    };
    let at: Vec<String> =
        keys.iter().map(|key| format!("{}{}", error.instance_path, config::pointer([key.as_str()]))).collect();
    let at = if at.is_empty() { format!("`{}`", error.instance_path) } else { at.join(", ") };
    format!("{at}: {error} ({} of the schema)", error.schema_path)
}

#[test]
fn schema_and_parser_agree() {
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .build(&config::schema())
        .expect("the schema is one");
    for path in files("examples").into_iter().chain(files("tests/config/valid")) {
        let value = value(&path).expect("YAML");
        let faults: Vec<String> = validator.iter_errors(&value).map(|error| refusal(&error)).collect();
        assert!(faults.is_empty(), "the schema refuses {}:\n{}", path.display(), faults.join("\n"));
    }
    let mut refused = 0;
    for path in files("tests/config/invalid") {
        let Some(value) = value(&path) else { continue };
        let told = crate::config::shown(&fs::read_to_string(&path).expect("text"));
        let of_shape = [
            "unknown key",
            "must be text",
            "must be a whole",
            "must be a map",
            "must be a list",
            "must be true",
            "is not a valid value of `",
            "is missing",
            "has no value",
        ];
        if told.lines().any(|line| line.starts_with("error: ") && of_shape.iter().any(|words| line.contains(words)))
            && !told.contains("must be 1")
        {
            refused += 1;
            let faults: Vec<&str> = told.lines().filter(|line| line.starts_with("error: ")).collect();
            let faults = faults.join("\n");
            assert!(!validator.is_valid(&value), "the schema accepts {}, the parser says:\n{faults}", path.display());
        }
    }
    assert!(refused >= 15, "{refused}");
}
