//! The tree against the schema. What does not fit is reported and left out of the value, so that
//! the rest can still be checked for its meaning.

use super::hints;
use super::schema;
use crate::config::faults::{Fault, Faults};
use crate::config::pointer;
use crate::config::quote::quoted;
use crate::config::yaml::{Content, Entry, Node, Scalar};
use serde_json::{Map, Number, Value};

/// Checks a document and returns what of it has the right shape.
pub(in crate::config) fn check(root: &Node, faults: &mut Faults<'_>) -> Value {
    let schema = schema::shared();
    Checker { schema, faults }.value(root, schema, "").unwrap_or_default()
}

struct Checker<'a, 'b> {
    schema: &'static Value,
    faults: &'a mut Faults<'b>,
}

impl Checker<'_, '_> {
    fn value(&mut self, node: &Node, schema: &Value, at: &str) -> Option<Value> {
        if self.faults.is_full() {
            return None;
        }
        match (&schema["type"], &node.content) {
            (Value::Array(_), Content::Scalar(scalar)) => self.loose_text(scalar, node, schema, at),
            (Value::String(kind), content) => match (kind.as_str(), content) {
                ("object", Content::Mapping(entries)) => Some(self.object(entries, schema, at)),
                ("array", Content::Sequence(items)) => Some(self.array(items, schema, at)),
                ("string", Content::Scalar(Scalar::Text(text))) => self.text(text, schema, at),
                ("boolean", Content::Scalar(Scalar::Bool(value))) => Some(Value::Bool(*value)),
                ("integer", Content::Scalar(Scalar::Number(value, _))) => self.integer(value, node, schema, at),
                _ => self.wrong_type(node, schema, at),
            },
            (Value::Null, _) => Some(node.to_json()),
            _ => self.wrong_type(node, schema, at),
        }
    }

    fn object(&mut self, entries: &[Entry], schema: &Value, at: &str) -> Value {
        let empty = Map::new();
        let known = schema["properties"].as_object().unwrap_or(&empty);
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let mut object = Map::new();
        for Entry { key, value, .. } in entries {
            let below = format!("{at}{}", pointer([key.as_str()]));
            match (known.get(key), &schema["additionalProperties"]) {
                (Some(schema), _) => {
                    object.extend(self.value(value, schema, &below).map(|v| (key.clone(), v)));
                }
                (None, Value::Bool(false)) => {
                    let help = hints::unknown_key(key, &names, self.schema);
                    let fault = Fault::key(&below, format!("unknown key {}", quoted(key)));
                    self.faults.error(help.into_iter().fold(fault, Fault::help));
                }
                (None, schema) => {
                    object.extend(self.value(value, schema, &below).map(|v| (key.clone(), v)));
                }
            }
        }
        let written = |name: &str| entries.iter().any(|entry| entry.key == name);
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !written(name) {
                let below = format!("{at}/{name}");
                let fault = Fault::at(below, missing(at, name)).help(example(name, &known[name]));
                self.faults.broken(fault);
            }
        }
        self.count(object.len().max(entries.len()), schema, at);
        Value::Object(object)
    }

    /// How many keys an object must have and may have.
    fn count(&mut self, keys: usize, schema: &Value, at: &str) {
        let limit = |name: &str| schema[name].as_u64().and_then(|n| usize::try_from(n).ok());
        let few = limit("minProperties").is_some_and(|min| keys < min);
        let many = limit("maxProperties").is_some_and(|max| keys > max);
        if !few && !many {
            return;
        }
        let what = quoted(last(at));
        let fault = match limit("maxProperties") {
            Some(_) => {
                Fault::at(at, format!("{what} names {} sources of the secret", if few { "no" } else { "several" }))
                    .help("write exactly one of `env`, `file` and `command`")
            }
            None => Fault::at(at, format!("{what} is empty")).help("give it at least one entry"),
        };
        self.faults.broken(fault);
    }

    fn array(&mut self, items: &[std::rc::Rc<Node>], schema: &Value, at: &str) -> Value {
        if items.is_empty() && schema["minItems"].as_u64().is_some_and(|min| min > 0) {
            let what = quoted(last(at));
            self.faults.broken(Fault::at(at, format!("{what} is empty")).help("give it at least one entry"));
        }
        let mut list: Vec<Value> = Vec::with_capacity(items.len());
        for (number, item) in items.iter().enumerate() {
            let below = format!("{at}/{number}");
            let Some(value) = self.value(item, &schema["items"], &below) else {
                continue;
            };
            let unique = schema["uniqueItems"] == true;
            if let Some(first) = list.iter().position(|other| unique && *other == value) {
                let shown = quoted(value.as_str().unwrap_or_default());
                self.faults.error(
                    Fault::at(below, format!("{shown} stands twice in {}", quoted(last(at))))
                        .also(format!("{at}/{first}"), "first written here")
                        .help("remove one of the two"),
                );
            }
            list.push(value);
        }
        Value::Array(list)
    }

    fn text(&mut self, text: &str, schema: &Value, at: &str) -> Option<Value> {
        let Some(allowed) = schema["enum"].as_array() else {
            return Some(Value::String(text.to_owned()));
        };
        if allowed.iter().any(|value| value == text) {
            return Some(Value::String(text.to_owned()));
        }
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        let message = format!("{} is not a value of {}", quoted(text), quoted(name_of(at)));
        self.faults.broken(Fault::at(at, message).help(hints::not_allowed(at, text, &allowed)));
        None
    }

    /// Text that may be written as a number or a truth value.
    fn loose_text(&mut self, scalar: &Scalar, node: &Node, schema: &Value, at: &str) -> Option<Value> {
        match scalar {
            Scalar::Text(text) | Scalar::Number(_, text) => Some(Value::String(text.clone())),
            Scalar::Bool(value) => Some(Value::String(value.to_string())),
            Scalar::Null => self.wrong_type(node, schema, at),
        }
    }

    fn integer(&mut self, value: &Number, node: &Node, schema: &Value, at: &str) -> Option<Value> {
        let Some(number) = value.as_i64().or_else(|| whole(value)) else {
            return self.wrong_type(node, schema, at);
        };
        let (min, max) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
        if min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max) {
            return Some(Value::from(number));
        }
        let range = match (min, max) {
            (Some(min), Some(max)) => format!("from {min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, max) => format!("at most {}", max.unwrap_or_default()),
        };
        let message = format!("{} must be {range}, not {number}", quoted(name_of(at)));
        self.faults.broken(Fault::at(at, message));
        None
    }

    fn wrong_type(&mut self, node: &Node, schema: &Value, at: &str) -> Option<Value> {
        if is_secret(schema) && matches!(node.content, Content::Scalar(Scalar::Text(_) | Scalar::Number(..))) {
            let message = format!("{} must not hold the secret itself", quoted(name_of(at)));
            self.faults.broken(
                Fault::at(at, message)
                    .because("this file is read, copied and committed by many")
                    .help("say where it is found: {env: NAME}, {file: path} or {command: [..]}")
                    .help("whoever saw this file may know the secret: change it")
                    .secret(),
            );
            return None;
        }
        let expected = expected(schema);
        let message = match (&node.content, at) {
            (_, "") => format!("the file must be a map of keys, not {}", node.what()),
            (Content::Scalar(Scalar::Null), _) => format!("{} has no value", quoted(name_of(at))),
            _ => format!("{} must be {expected}, not {}", quoted(name_of(at)), node.what()),
        };
        let hint = hints::wrong_type(at, expected, schema, node);
        let fault = Fault::at(at, message);
        self.faults.broken(hint.into_iter().fold(fault, Fault::help));
        None
    }
}

/// An integer that was written as `3.0` is one for JSON Schema too.
fn whole(value: &Number) -> Option<i64> {
    let float = value.as_f64().filter(|f| f.fract() == 0.0 && f.abs() < 1e15)?;
    format!("{float:.0}").parse().ok()
}

fn is_secret(schema: &Value) -> bool {
    schema["properties"].get("env").is_some() && schema["maxProperties"] == 1
}

fn expected(schema: &Value) -> &'static str {
    match schema["type"].as_str() {
        Some("object") => "a map",
        Some("array") => "a list",
        Some("string") => "text",
        Some("boolean") => "true or false",
        Some("integer") => "a whole number",
        _ => "text, a number or a truth value",
    }
}

fn missing(at: &str, name: &str) -> String {
    match at {
        "" => format!("the key {} is missing", quoted(name)),
        _ => format!("{} has no key {}", quoted(last(at)), quoted(name)),
    }
}

/// A line that shows what the missing key looks like.
fn example(name: &str, schema: &Value) -> String {
    let shown = match name {
        "hosts" => "{cp1: {address: 10.0.0.11, roles: [control-plane]}}".to_owned(),
        "kubernetes" => "{version: 1.31.4}".to_owned(),
        "endpoint" => "{address: 10.0.0.100, port: 8443}".to_owned(),
        "network" => "{plugin: bridge}".to_owned(),
        "roles" => "[control-plane]".to_owned(),
        _ => match (&schema["enum"][0], &schema["examples"][0]) {
            (Value::String(value), _) | (_, Value::String(value)) => value.clone(),
            (_, other) => other.to_string(),
        },
    };
    format!("add it, for example `{name}: {shown}`")
}

/// The last part of a pointer as it was written.
fn last(at: &str) -> &str {
    at.rsplit('/').next().unwrap_or_default()
}

/// The key that a pointer stands for: that of the list for an entry of a list.
fn name_of(at: &str) -> &str {
    at.rsplit('/').find(|part| part.bytes().any(|b| !b.is_ascii_digit())).unwrap_or_default()
}
