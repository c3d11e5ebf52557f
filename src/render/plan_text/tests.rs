use super::*;
use crate::plan::{Change, Problem, Reason, Warning};
use crate::render::fixture::{change, day_two, new, plan, troubled};

fn shown(plan: &Plan, width: usize, full: bool, colour: bool) -> String {
    let line_of = |pointer: &str| (pointer == "/hosts").then_some(17);
    PlanText { color: colour, width, full, source: Source { file: "cluster.yaml", line_of: &line_of } }.render(plan)
}

#[test]
fn a_day_two_plan_at_80_columns() {
    insta::assert_snapshot!(shown(&day_two(), 80, false, false));
}

#[test]
fn a_day_two_plan_in_full_is_neither_grouped_nor_cut() {
    insta::assert_snapshot!(shown(&day_two(), 100, true, false));
}

#[test]
fn a_narrow_terminal_with_colour() {
    insta::assert_snapshot!(shown(&day_two(), 40, false, true).replace('\u{1b}', "^"));
}

#[test]
fn problems_and_warnings() {
    insta::assert_snapshot!(shown(&troubled(), 80, false, false));
}

#[test]
fn a_new_cluster_says_what_is_common_once() {
    let mut changes = Vec::new();
    for host in ["cp1", "cp2", "cp3", "w1", "w2"] {
        changes.push(new(&format!("{host}/host/swap")));
        changes.push(new(&format!("{host}/runtime/package[containerd]")));
        changes.push(new(&format!("{host}/runtime/service[containerd]")));
        if host.starts_with('w') {
            changes.push(new(&format!("{host}/worker/member")));
            continue;
        }
        changes.push(Change { lane: Some(Lane::LoadBalancer), ..new(&format!("{host}/haproxy/service[haproxy]")) });
        changes.push(Change { lane: Some(Lane::ControlPlane), ..new(&format!("{host}/control-plane/member")) });
    }
    changes.push(new("cluster/network/manifest[flannel]"));
    insta::assert_snapshot!(shown(&plan(changes), 80, false, false));
}

#[test]
fn hosts_are_named_in_the_order_of_their_numbers() {
    let changes = ["w10", "w2", "cp1", "w1"].map(|host| change(&format!("{host}/c/k"), Action::Destroy, vec![]));
    assert!(shown(&plan(changes.into()), 80, false, false).contains("\ncp1 w1 w2 w10 · c\n"));
}

#[test]
fn nothing_to_do_says_so_word_for_word() {
    let mut nothing = plan(vec![change("cp3/host/fine", Action::NoOp, vec![])]);
    assert_eq!(
        shown(&nothing, 80, false, false),
        "prod: refreshed 141 resources on 3 of 3 hosts (state serial 12)\n\n\
         No changes. The hosts match cluster.yaml.\n"
    );
    nothing.mode = Mode::Destroy;
    assert!(shown(&nothing, 80, false, false).contains("No changes. The state is empty"));
}

#[test]
fn the_summary_is_word_for_word() {
    let line = |changes| plan_summary(&plan(changes));
    assert_eq!(
        line(vec![new("a/c/k"), change("a/c/r", Action::Replace, vec![])]),
        "Plan: 2 to add, 0 to change, 1 to destroy."
    );
    let adopt = change("a/c/k", Action::Adopt, vec![]);
    let forget = change("a/c/l", Action::Forget, vec![]);
    assert_eq!(line(vec![adopt, forget]), "Plan: 0 to add, 0 to change, 0 to destroy, 1 to adopt, 1 to forget.");
}

#[test]
fn json_lines_for_machines() {
    let mut all = day_two();
    all.changes.truncate(2);
    all.changes.extend(troubled().changes.into_iter().take(1));
    all.changes.push(change("cp2/host/swap", Action::Create, vec![Reason::Gone]));
    all.warnings.push(Warning::notice("here", "look here".into()));
    let lines = crate::render::plan_events(&all).into_iter().map(|(message, event)| {
        let mut line: serde_json::Value = serde_json::from_str(&event.line(&message)).unwrap();
        line["@timestamp"] = "2026-11-20T12:00:00Z".into();
        line.to_string()
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

mod many;
