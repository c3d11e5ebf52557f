//! The user's own settings laid over mainstay's.

use serde_json::{Map, Value};

/// Lays `over` onto `base`: tables are merged deep, everything else is replaced, null removes.
pub(in crate::stack) fn merge(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (_, Value::Null) => {
                base.remove(key);
            }
            (Some(Value::Object(base)), Value::Object(over)) => merge(base, over),
            (_, Value::Object(over)) => {
                let mut fresh = Map::new();
                merge(&mut fresh, over);
                base.insert(key.clone(), Value::Object(fresh));
            }
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn deep_for_tables_whole_for_the_rest_and_null_removes() {
        let mut base = json!({"a": {"b": 1, "c": [1, 2]}, "d": "x", "e": 1});
        let over = json!({"a": {"c": [3], "n": {"gone": null, "kept": 1}}, "d": {"deep": true}, "e": null});
        merge(base.as_object_mut().unwrap(), over.as_object().unwrap());
        assert_eq!(base, json!({"a": {"b": 1, "c": [3], "n": {"kept": 1}}, "d": {"deep": true}}));
    }
}
