//! `schema/keys.md`, the effect of changing each key, is generated from the schema.

use std::fmt::Write;

use super::keys;
use crate::play;
use crate::sandbox::root;

const INTRODUCTION: &str = "\
# What changing a key of cluster.yaml does

Each key has one class, which says what changing it on a running cluster does. `mainstay plan` shows it before anything is
changed. `<name>` is any host, and the keys of a map, such as kernel parameters, have the class of the map.
[cluster.schema.json](cluster.schema.json) describes each key.

| key | class | what changing it does |
|---|---|---|
";

#[test]
fn the_reference_is_current() {
    let mut text = INTRODUCTION.to_owned();
    for key in keys().iter().filter(|key| key.holds_a_value) {
        let (class, meaning) = key.class.map_or(("none", ""), |class| (class.as_str(), class.meaning()));
        let _ = writeln!(text, "| `{}` | {class} | {meaning} |", key.path);
    }
    play::expect(&root().join("schema/keys.md"), &text);
}
