//! The tree against the schema. What does not fit is reported and left out of the value, so that
//! the rest can still be checked for its meaning.

use super::hints;
use super::schema;
use super::suggest::nearest;
use crate::config::faults::{Fault, Faults};
use crate::config::pointer;
use crate::config::quote::quoted;
use crate::config::yaml::{Content, Entry, Node, Scalar};
use serde_json::{Map, Number, Value};

/// Checks a document and returns its valid part; `None` if nothing is valid.
pub(in crate::config) fn check(root: &Node, faults: &mut Faults<'_>) -> Option<Value> {
    let schema = schema::shared();
    Checker { schema, faults }.value(root, schema, "")
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
                ("integer", Content::Scalar(Scalar::Number(value, text))) => self.integer(value, text, schema, at),
                // A number for a text with fixed values: the type is not the mistake.
                ("string", Content::Scalar(Scalar::Number(_, text))) if at == "/kubernetes/version" => {
                    self.text(text, schema, at)
                }
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
        let mut meant = Vec::new();
        for Entry { key, value, .. } in entries {
            if self.faults.is_full() {
                return Value::Object(object);
            }
            let below = format!("{at}{}", pointer([key.as_str()]));
            match (known.get(key), &schema["additionalProperties"]) {
                (Some(schema), _) => {
                    object.extend(self.value(value, schema, &below).map(|v| (key.clone(), v)));
                }
                (None, Value::Bool(false)) => {
                    let help = hints::unknown_key(key, &names, self.schema);
                    meant.extend(nearest(key, names.iter().copied()));
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
            let below = format!("{at}/{name}");
            if meant.contains(&name) {
                self.faults.mark_broken(below);
            } else if !written(name) {
                let fault = Fault::at(below, missing(at, name)).help(hints::example(name, &known[name]));
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
        let what = quoted(&last(at));
        let fault = match limit("maxProperties") {
            Some(_) => Fault::at(
                at,
                format!("{what} names {} of the secret", if few { "no source" } else { "several sources" }),
            )
            .help("write exactly one of `env`, `file` and `command`"),
            None => Fault::at(at, format!("{what} is empty")).help("give it at least one entry"),
        };
        self.faults.broken(fault);
    }

    fn array(&mut self, items: &[std::rc::Rc<Node>], schema: &Value, at: &str) -> Value {
        if items.is_empty() && schema["minItems"].as_u64().is_some_and(|min| min > 0) {
            let what = quoted(&last(at));
            self.faults.broken(Fault::at(at, format!("{what} is empty")).help("give it at least one entry"));
        }
        let mut list: Vec<Value> = Vec::with_capacity(items.len());
        let mut of_item = schema["items"].clone();
        if let (Value::Object(of_item), Some(shown)) = (&mut of_item, schema["examples"].get(0)) {
            of_item.entry("examples").or_insert_with(|| Value::Array(vec![shown.clone()]));
        }
        for (number, item) in items.iter().enumerate() {
            let below = format!("{at}/{number}");
            let Some(value) = self.value(item, &of_item, &below) else {
                continue;
            };
            let unique = schema["uniqueItems"] == true;
            if let Some(first) = list.iter().position(|other| unique && *other == value) {
                let shown = quoted(value.as_str().unwrap_or_default());
                self.faults.error(
                    Fault::at(below, format!("duplicate value {shown} in {}", quoted(&last(at))))
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
        let message = format!("{} is not a valid value of {}", quoted(text), quoted(&name_of(at)));
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

    fn integer(&mut self, value: &Number, text: &str, schema: &Value, at: &str) -> Option<Value> {
        let number = value.as_i64().or_else(|| whole(value));
        let (min, max) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
        let fits = |n: &i64| min.is_none_or(|min| *n >= min) && max.is_none_or(|max| *n <= max);
        if let Some(number) = number.filter(fits) {
            return Some(Value::from(number));
        }
        let range = match (min, max) {
            (Some(min), Some(max)) => format!("a whole number from {min} to {max}"),
            _ => "a whole number".to_owned(),
        };
        let message = format!("{} must be {range}, not {text}", quoted(&name_of(at)));
        self.faults.broken(Fault::at(at, message));
        None
    }

    fn wrong_type(&mut self, node: &Node, schema: &Value, at: &str) -> Option<Value> {
        if is_secret(schema) && matches!(node.content, Content::Scalar(Scalar::Text(_) | Scalar::Number(..))) {
            let message = format!("{} must not contain the secret itself", quoted(&name_of(at)));
            self.faults.broken(
                Fault::at(at, message)
                    .because("cluster.yaml is often copied and committed")
                    .help("refer to it: {env: NAME}, {file: path} or {command: [..]}")
                    .help("if this file was shared, change the secret")
                    .secret(),
            );
            return None;
        }
        let expected = expected(schema);
        let message = match (&node.content, at) {
            (_, "") => format!("the file must be a map of keys, not {}", node.what()),
            (Content::Scalar(Scalar::Null), _) => format!("{} has no value", quoted(&name_of(at))),
            _ => format!("{} must be {expected}, not {}", quoted(&name_of(at)), node.what()),
        };
        let hint = hints::wrong_type(at, expected, schema, node)
            .or_else(|| hints::shown(at, node))
            .or_else(|| hints::by_example(at, schema));
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
        _ => "text, a number or a boolean",
    }
}

fn missing(at: &str, name: &str) -> String {
    let (parent, own) = at.rsplit_once('/').unwrap_or_default();
    match own.parse::<usize>() {
        _ if at.is_empty() => format!("the key {} is missing", quoted(name)),
        Ok(number) if parent != "/hosts" => {
            format!("entry {} of {} has no key {}", number + 1, quoted(&last(parent)), quoted(name))
        }
        _ => format!("{} has no key {}", quoted(&last(at)), quoted(name)),
    }
}

/// The last part of a pointer as it was written.
pub(super) fn last(at: &str) -> String {
    at.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}

/// The key that a pointer stands for: that of the list for an entry of a list.
fn name_of(at: &str) -> String {
    let entry = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match at.rsplit_once('/').filter(|(parent, own)| entry(own) && *parent != "/hosts") {
        Some((parent, _)) => last(parent),
        None => last(at),
    }
}
