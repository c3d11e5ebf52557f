//! The class of every key in the schema. A section that has a class hands it down to its keys; the entries of a map
//! whose keys are free, such as `hosts`, have classes of their own.

use crate::config::Class;
use serde_json::{Value, json};

const CLASS: &str = "x-class";

/// Gives every key its class, and its description the sentence that says what the class means.
pub(super) fn spread(schema: &mut Value, section: Option<Class>) {
    let keys = schema.get_mut("properties").and_then(Value::as_object_mut);
    for (_, key) in keys.into_iter().flatten() {
        let class = written(key).or(section);
        if let Some(class) = class {
            key[CLASS] = json!(class);
            if let Some(Value::String(text)) = key.get_mut("description") {
                text.push(' ');
                text.push_str(&class.sentence());
            }
        }
        spread(key, class);
        for (inner, class) in [("items", class), ("additionalProperties", None)] {
            if let Some(inner) = key.get_mut(inner) {
                spread(inner, class);
            }
        }
    }
}

fn written(key: &Value) -> Option<Class> {
    let name = key.get(CLASS)?.as_str()?;
    Class::ALL.into_iter().find(|class| class.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::shape::schema::as_written;

    fn twice(schema: &Value, section: Option<Class>, found: &mut Vec<String>) {
        for key in schema["properties"].as_object().into_iter().flat_map(|keys| keys.values()) {
            let own = written(key);
            if own.is_some() && section.is_some() {
                found.push(key["title"].to_string());
            }
            let class = own.or(section);
            twice(key, class, found);
            twice(&key["items"], class, found);
            twice(&key["additionalProperties"], None, found);
        }
    }

    #[test]
    fn a_class_is_written_once() {
        let mut found = Vec::new();
        twice(&as_written(), None, &mut found);
        assert!(found.is_empty(), "the section of these keys has a class already (src/config/file): {found:?}");
    }

    #[test]
    fn every_class_is_known_by_the_name_that_it_is_written_with() {
        for class in Class::ALL {
            assert_eq!(written(&json!({CLASS: class})), Some(class));
        }
    }

    #[test]
    fn sections_hand_their_class_down_and_maps_do_not() {
        let key = |inner: Value| json!({"description": "A key.", "properties": {"inner": inner}});
        let entry = json!({"properties": {"inner": {"description": "A key."}}});
        let mut schema = json!({"properties": {
            "section": {"x-class": "tool", "description": "S.", "items": key(json!({"description": "A key."}))},
            "map": {"x-class": "member", "description": "M.", "additionalProperties": entry},
        }});
        spread(&mut schema, None);
        let section = &schema["properties"]["section"];
        assert_eq!(section["items"]["properties"]["inner"]["x-class"], "tool");
        let text = section["items"]["properties"]["inner"]["description"].as_str().unwrap();
        assert!(text.starts_with("A key. Changing it: tool, "), "{text}");
        let inner = &schema["properties"]["map"]["additionalProperties"]["properties"]["inner"];
        assert_eq!((&inner["x-class"], &inner["description"]), (&Value::Null, &json!("A key.")));
    }
}
