//! `guards.preventDestroy`: resources that may not be destroyed.

use super::destroys;
use crate::plan::make::Inputs;
use crate::plan::model::{Mode, Problem};
use crate::plan::nodes::{Node, Nodes};
use crate::resource::Pattern;

/// Refuses to destroy resources that match a pattern of cluster.yaml or of the last apply.
pub(super) fn check(nodes: &mut Nodes<'_>, inputs: &Inputs<'_>) {
    let recorded: Vec<Pattern> = inputs.state.guards.iter().map(|guard| Pattern::new(guard.as_str())).collect();
    // An unreachable resource may exist. The rest of a destroy assumes that the whole cluster ends, so it is refused, too.
    let unknown =
        |node: &Node<'_>| inputs.mode == Mode::Destroy && matches!(node.verdict.problem, Some(Problem::Unknown { .. }));
    for node in nodes.all.iter_mut().filter(|node| destroys(node.verdict.action) || unknown(node)) {
        // A control plane that becomes a worker is destroyed under its previous address.
        let was = node.inherited.map(|(from, _)| from);
        let find = |guards: &[Pattern]| {
            let guarded = |guard: &&Pattern| guard.matches(node.address) || was.is_some_and(|was| guard.matches(was));
            guards.iter().find(guarded).map(|guard| guard.as_str().to_owned())
        };
        let text = if let Some(guard) = find(inputs.prevent_destroy) {
            format!("guards.preventDestroy `{guard}` protects it; remove the guard first")
        } else if let Some(guard) = find(&recorded) {
            let lift = match inputs.mode {
                Mode::Destroy => "remove it from cluster.yaml and run `mainstay apply` first",
                Mode::Apply | Mode::Refresh => {
                    "cluster.yaml no longer has this guard. `mainstay apply` removes the guard now and changes nothing else; \
                     run it again to make the change"
                }
            };
            format!("guards.preventDestroy `{guard}` of the last apply protects it; {lift}")
        } else {
            continue;
        };
        node.verdict.stop(Problem::Refused { text });
    }
}
