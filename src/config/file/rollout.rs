//! How changes go from host to host.

use super::Text;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// How changes that restart something on running nodes are rolled out.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::config) struct Rollout {
    /// How many workers may be unavailable at once while a change restarts something that their
    /// pods depend on: a number, or a percentage of the workers, rounded up. Control planes restart
    /// before the workers, always one at a time.
    #[schemars(schema_with = "at_once", extend("default" = 1, "examples" = [2, "10%"]))]
    pub(in crate::config) max_unavailable: Option<Text>,
}

fn at_once(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["integer", "string"], "minimum": 1, "pattern": "^([1-9][0-9]*|([1-9][0-9]?|100)%)$" })
}
