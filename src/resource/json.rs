//! A recorded JSON value. Most commands need few of them, so a value is decoded at its first use.

use std::ops::Deref;
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value that is decoded at its first use.
#[derive(Clone, Debug)]
pub struct Json {
    text: Box<str>,
    value: OnceLock<Box<Value>>,
}

impl Json {
    /// Valid JSON that has no value, for example half of a surrogate pair, becomes null, which no kind accepts.
    fn decode(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.value.get_or_init(|| Box::new(self.decode()))
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        Self { text: value.to_string().into(), value: OnceLock::new() }
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text || **self == **other
    }
}

impl Serialize for Json {
    /// The text has the whitespace of its file, so the value is written instead.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value.get() {
            Some(value) => value.serialize(serializer),
            None => self.decode().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?.into();
        Ok(Self { text, value: OnceLock::new() })
    }
}

impl schemars::JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Value::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Value::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_written_as_a_value_whatever_its_text() {
        let read: Json = serde_json::from_str("{ \"b\": [1, 0.1],\n\"a\": null }").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"a":null,"b":[1,0.1]}"#);
        assert_eq!(read["b"][1], 0.1);
        assert_eq!(serde_json::to_string(&read).unwrap(), r#"{"a":null,"b":[1,0.1]}"#);
        assert_eq!(read, Json::from(json!({"a": null, "b": [1, 0.1]})));
        assert_ne!(read, Json::from(json!({"a": null})));
        assert_eq!(serde_json::from_value::<Json>(json!({"a": 1})).unwrap()["a"], 1);
    }

    #[test]
    fn text_that_is_no_value_is_null_and_what_is_no_json_is_an_error() {
        assert_eq!(*serde_json::from_str::<Json>(r#""\ud800""#).unwrap(), Value::Null);
        assert!(serde_json::from_str::<Json>("{1").is_err());
    }
}
