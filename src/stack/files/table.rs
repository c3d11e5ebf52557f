//! Typed values as tables, onto which the user's own settings can be laid.

use serde::Serialize;
use serde_json::{Map, Value};

/// The value as a table.
pub(super) fn table<T: Serialize>(value: &T) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        other => unreachable!("a struct of ours is a JSON object, not {other:?}"),
    }
}
