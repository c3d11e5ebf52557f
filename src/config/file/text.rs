//! Scalars that are written more freely than they are used.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// Pattern of a duration such as `250ms`, `10s` or `1h30m`.
pub(in crate::config) const DURATION: &str = "^([0-9]+(ms|s|m|h))+$";

/// Text that may be written as a number or a boolean: `audit-log-maxage: 30` means the characters
/// `30`, exactly as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(in crate::config) struct Text(pub(in crate::config) String);

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
