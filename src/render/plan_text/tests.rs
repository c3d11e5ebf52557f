use std::collections::BTreeSet;

use super::*;
use crate::plan::{Change, Coverage, Problem, Reason};
use crate::resource::Address;

fn change(name: &str, action: Action, reasons: Vec<Reason>) -> Change {
    Change {
        address: name.parse().unwrap(),
        action,
        fields: Vec::new(),
        reasons,
        problem: None,
        warning: None,
        resource: None,
        recorded: None,
        before: None,
        prior: None,
        needs: BTreeSet::new(),
        reacting: BTreeSet::new(),
        after: BTreeSet::new(),
        lane: None,
        rerecord: false,
    }
}

fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        cluster: "prod".into(),
        mode: Mode::Apply,
        lineage: "x".into(),
        serial: 12,
        changes,
        control_planes: Vec::new(),
        coverage: Coverage {
            reached: ["cp1", "cp2", "cp3"].map(HostName::new).into(),
            resources: 141,
            ..Coverage::default()
        },
        warnings: Vec::new(),
    }
}

fn shown(plan: &Plan, width: usize, full: bool, colour: bool) -> String {
    let line_of = |pointer: &str| (pointer == "/hosts").then_some(17);
    PlanText { color: colour, width, full, file: "cluster.yaml", line_of: &line_of }.render(plan)
}

fn address(name: &str) -> Address {
    name.parse().unwrap()
}

fn new(name: &str) -> Change {
    change(name, Action::Create, vec![Reason::New])
}

/// A control plane is added, something drifted, a worker leaves.
fn day_two() -> Plan {
    let before = "global\n    maxconn 4096\n\nbackend kube-apiserver\n    option httpchk GET /readyz\n    \
        server cp1 10.0.0.11:6443\n    server cp2 10.0.0.12:6443\n    server cp3 10.0.0.13:6443\n";
    let after = format!("{before}    server cp4 10.0.0.14:6443\n");
    let mut changes = Vec::new();
    for host in ["cp1", "cp2", "cp3"] {
        let name = format!("{host}/haproxy/file[/etc/haproxy/haproxy.cfg]");
        let pending = Reason::Pending { source: "/hosts".into() };
        let mut file = change(&name, Action::Update, vec![pending]);
        file.fields.extend(FieldChange::compare("content", before, &after).map(FieldChange::as_text));
        let service = format!("{host}/haproxy/service[haproxy]");
        let mut service = change(&service, Action::Update, vec![Reason::Reacts { to: address(&name) }]);
        service.lane = Some(Lane::LoadBalancer);
        changes.extend([file, service]);
    }
    let sysctl = "cp2/host/sysctl[net.ipv4.ip_forward]";
    let mut sysctl = change(sysctl, Action::Update, vec![Reason::Drift, Reason::Pending { source: "/x".into() }]);
    sysctl.fields.extend(FieldChange::compare("live value", "0", "1"));
    sysctl
        .fields
        .extend(FieldChange::compare("a\u{1b}[2Jb", "x".repeat(50), "y".repeat(50)).map(FieldChange::replacing));
    sysctl.fields.push(FieldChange::sensitive("password"));
    changes.push(sysctl);
    for i in 0..10 {
        changes.push(new(&format!("cp4/host/sysctl[some.key.{i}]")));
    }
    let join = new("cp4/control-plane/kubeadm_join");
    changes.push(Change { lane: Some(Lane::ControlPlane), ..join });
    for kind in ["node", "kubeadm_join"] {
        let removed = change(&format!("w2/worker/{kind}"), Action::Destroy, vec![Reason::Removed]);
        changes.push(Change { warning: (kind == "node").then(|| "destroys what runs on w2".into()), ..removed });
    }
    for i in 0..4 {
        changes.push(change(&format!("cp1/host/package[p{i}]"), Action::Adopt, vec![Reason::AlreadyRight]));
    }
    changes.push(change("cp3/host/swap", Action::Forget, vec![Reason::Removed]));
    changes.push(change("cp3/host/fine", Action::NoOp, vec![]));
    plan(changes)
}

fn troubled() -> Plan {
    let problem = |name: &str, problem| Change { problem: Some(problem), ..change(name, Action::NoOp, vec![]) };
    let timeout = || Problem::Unknown { text: "w1 (10.0.0.21:22): cannot connect: connection timed out".into() };
    let blocked = || Problem::Blocked { by: address("w1/host/swap") };
    let refused = "guards.preventDestroy `cp*` keeps it; remove the guard first, then plan again and read it well";
    let mut plan = plan(vec![
        problem("w1/host/swap", timeout()),
        problem("w1/host/sysctl[a]", timeout()),
        problem("cp1/host/sysctl[b]", Problem::Unknown { text: "the probe answered something odd: 7".into() }),
        problem("w1/worker/kubeadm_join", blocked()),
        problem("cluster/network/node[w1]", blocked()),
        problem("cp1/control-plane/kubeadm_init", Problem::Refused { text: refused.into() }),
    ]);
    plan.coverage.unreached.insert(HostName::new("w1"), "timed out".into());
    plan.warnings.push("10.0.0.100 is on 2 hosts at once: cp1, cp2; keepalived there does not hear each other".into());
    plan
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
            changes.push(new(&format!("{host}/worker/kubeadm_join")));
            continue;
        }
        changes.push(Change { lane: Some(Lane::LoadBalancer), ..new(&format!("{host}/haproxy/service[haproxy]")) });
        let kind = if host == "cp1" { "kubeadm_init" } else { "kubeadm_join" };
        changes.push(Change { lane: Some(Lane::ControlPlane), ..new(&format!("{host}/control-plane/{kind}")) });
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
        "prod: looked at 3 of 3 hosts, 141 resources (state serial 12)\n\n\
         No changes. The hosts match cluster.yaml.\n"
    );
    nothing.mode = Mode::Destroy;
    assert!(shown(&nothing, 80, false, false).contains("No changes. Nothing is recorded"));
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
    all.warnings.push("look here".into());
    let lines = crate::render::plan_json(&all).into_iter().map(|mut line| {
        for key in ["@timestamp", "@level", "@message", "type"] {
            assert!(line[key].is_string(), "{line}");
        }
        line["@timestamp"] = "2026-11-20T12:00:00Z".into();
        line.to_string()
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

mod many;
