//! The tree.

use crate::config::Span;
use std::rc::Rc;

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(in crate::config) struct Node {
    pub(in crate::config) content: Content,
    pub(in crate::config) span: Span,
    /// Number of values in it, aliases counted each time: what walking it costs.
    pub(in crate::config) size: usize,
}

#[derive(Debug, Clone)]
pub(in crate::config) enum Content {
    Scalar(Scalar),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Debug, Clone)]
pub(in crate::config) struct Entry {
    pub(in crate::config) key: String,
    pub(in crate::config) key_span: Span,
    pub(in crate::config) value: Rc<Node>,
}

/// A scalar as YAML 1.2 reads it. Numbers keep the text that was written.
#[derive(Debug, Clone)]
pub(in crate::config) enum Scalar {
    Null,
    Bool(bool),
    Number(serde_json::Number, String),
    Text(String),
}

impl Node {
    /// The type of the value, in words.
    pub(in crate::config) fn what(&self) -> &'static str {
        match &self.content {
            Content::Scalar(Scalar::Null) => "nothing",
            Content::Scalar(Scalar::Bool(_)) => "a boolean",
            Content::Scalar(Scalar::Number(..)) => "a number",
            Content::Scalar(Scalar::Text(_)) => "text",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a map",
        }
    }

    /// The value as JSON, as it is.
    pub(in crate::config) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.content {
            Content::Scalar(Scalar::Null) => Value::Null,
            Content::Scalar(Scalar::Bool(value)) => Value::Bool(*value),
            Content::Scalar(Scalar::Number(value, _)) => Value::Number(value.clone()),
            Content::Scalar(Scalar::Text(value)) => Value::String(value.clone()),
            Content::Sequence(items) => items.iter().map(|item| item.to_json()).collect(),
            Content::Mapping(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect())
            }
        }
    }
}
