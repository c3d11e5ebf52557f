//! Mermaid, as Markdown pages show it.

use std::fmt::Write;

use super::drawing::Drawing;
use crate::resource::Action;

/// The drawing as a Mermaid flowchart, one subgraph a host.
pub fn mermaid(drawing: &Drawing<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    for (place, (host, numbers)) in drawing.by_host().into_iter().enumerate() {
        let _ = writeln!(text, "  subgraph h{place} [{}]", quoted(host.as_str()));
        for number in numbers {
            let class = drawing.nodes[number].1.and_then(class);
            let class = class.map(|class| format!(":::{class}")).unwrap_or_default();
            let _ = writeln!(text, "    n{number}[{}]{class}", quoted(&drawing.label(number)));
        }
        text.push_str("  end\n");
    }
    for (from, to) in &drawing.edges {
        let _ = writeln!(text, "  n{from} --> n{to}");
    }
    if drawing.nodes.iter().any(|(_, action)| action.and_then(class).is_some()) {
        text.push_str(
            "  classDef add stroke:#080\n  classDef change stroke:#b60\n  classDef destroy stroke:#c00\n  \
             classDef record stroke:#06c\n",
        );
    }
    text
}

fn class(action: Action) -> Option<&'static str> {
    match action {
        Action::NoOp => None,
        Action::Create => Some("add"),
        Action::Update | Action::Replace => Some("change"),
        Action::Destroy => Some("destroy"),
        Action::Adopt | Action::Forget => Some("record"),
    }
}

/// Mermaid has no backslash escapes; it takes character entities.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '#' | '<' | '>' | '&' | ';' | '`' => _ = write!(quoted, "#{};", u32::from(c)),
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
    fn hosts_are_subgraphs_and_keys_cannot_break_out() {
        let hostile = Address::new(HostName::new("cp1"), "host", "file", Some("a\"]<b>\n"));
        let plain: Address = "w1/host/swap".parse().unwrap();
        let nodes = vec![(&hostile, None), (&plain, Some(Action::Create))];
        let text = mermaid(&Drawing { nodes, edges: vec![(0, 1)] });
        insta::assert_snapshot!(text, @r#"
        flowchart LR
          subgraph h0 ["cp1"]
            n0["host/file[a#34;]#60;b#62; ]"]
          end
          subgraph h1 ["w1"]
            n1["+ host/swap"]:::add
          end
          n0 --> n1
          classDef add stroke:#080
          classDef change stroke:#b60
          classDef destroy stroke:#c00
          classDef record stroke:#06c
        "#);
    }
}
