//! Graphviz.

use std::fmt::Write;

use super::drawing::Drawing;
use crate::resource::Action;

/// The drawing in Graphviz's language, one cluster a host.
pub fn dot(drawing: &Drawing<'_>) -> String {
    let mut text = String::from("digraph mainstay {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\"];\n");
    for (place, (host, numbers)) in drawing.by_host().into_iter().enumerate() {
        let _ = writeln!(text, "  subgraph cluster_{place} {{\n    label={};", quoted(host.as_str()));
        for number in numbers {
            let colour = drawing.nodes[number].1.and_then(colour);
            let colour = colour.map(|colour| format!(", color={colour}")).unwrap_or_default();
            let _ = writeln!(text, "    n{number} [label={}{colour}];", quoted(&drawing.label(number)));
        }
        text.push_str("  }\n");
    }
    for (from, to) in &drawing.edges {
        let _ = writeln!(text, "  n{from} -> n{to};");
    }
    text.push_str("}\n");
    text
}

fn colour(action: Action) -> Option<&'static str> {
    match action {
        Action::NoOp => None,
        Action::Create => Some("darkgreen"),
        Action::Update => Some("orange"),
        Action::Replace => Some("purple"),
        Action::Destroy => Some("red"),
        Action::Adopt => Some("blue"),
        Action::Forget => Some("gray"),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Address, HostName};

    #[test]
    fn hosts_are_clusters_and_keys_cannot_break_out() {
        let hostile = Address::new(HostName::new("cp1"), "host", "file", Some("a\"]\\;\n{"));
        let plain: Address = "w1/host/swap".parse().unwrap();
        let nodes = vec![(&hostile, None), (&plain, Some(Action::Update))];
        let text = dot(&Drawing { nodes, edges: vec![(0, 1)] });
        insta::assert_snapshot!(text, @r#"
        digraph mainstay {
          rankdir=LR;
          node [shape=box, fontname="monospace"];
          subgraph cluster_0 {
            label="cp1";
            n0 [label="host/file[a\"]\\; {]"];
          }
          subgraph cluster_1 {
            label="w1";
            n1 [label="~ host/swap", color=orange];
          }
          n0 -> n1;
        }
        "#);
    }
}
