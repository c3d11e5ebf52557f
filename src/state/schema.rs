//! The JSON Schema of a state file.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::model::State;

/// The JSON Schema of a state file: the state and the checksum in front of it.
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<State>().to_value();
    schema["title"] = json!("State of mainstay");
    schema["properties"]["checksum"] = json!({
        "description": "SHA-256 of every byte after its own line.",
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
    });
    if let Some(required) = schema["required"].as_array_mut() {
        required.push(json!("checksum"));
    }
    schema
}
