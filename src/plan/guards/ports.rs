//! Ports that something else listens on already.

use crate::plan::make::Inputs;
use crate::plan::model::{Mode, Problem};
use crate::plan::nodes::Nodes;
use crate::resource::Action;

/// Refuses services whose port another process uses.
pub(super) fn check(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    if inputs.mode != Mode::Apply {
        return;
    }
    let graph = inputs.graph;
    let acts = |action: Action| matches!(action, Action::Create | Action::Update | Action::Replace);
    for number in 0..nodes.all.len() {
        let node = &nodes.all[number];
        let (Some(declared), Some(facts)) = (node.declared, inputs.facts.hosts.get(node.address.host())) else {
            continue;
        };
        if node.left_out || node.verdict.problem.is_some() || facts.listeners.is_empty() {
            continue;
        }
        let begins = acts(node.verdict.action) || node.record.is_none();
        let mut causes = declared.reacts_to.iter().filter_map(|address| graph.number(address));
        if !begins && !causes.any(|cause| acts(nodes.all[cause].verdict.action)) {
            continue;
        }
        let listens = declared.resource.listens();
        let taken = listens.iter().find_map(|wanted| {
            let other = facts.listeners.iter().find(|it| it.process != wanted.process && it.takes(wanted.at))?;
            Some((wanted, other))
        });
        let Some((wanted, other)) = taken else { continue };
        let text = format!(
            "On {}, {} (pid {}) listens on port {}, which {} needs. Stop it, then plan again.",
            node.address.host(),
            other.process,
            other.pid,
            other.port,
            wanted.process
        );
        nodes.all[number].verdict.stop(Problem::Refused { text });
    }
}
