//! Plans to render in tests.

use std::collections::BTreeSet;

use crate::plan::{Change, Coverage, Mode, Plan, Problem, Reason, Warning};
use crate::resource::{Action, Address, FieldChange, HostName, Lane};

pub(super) fn change(name: &str, action: Action, reasons: Vec<Reason>) -> Change {
    Change {
        address: name.parse().unwrap(),
        action,
        fields: Vec::new(),
        reasons,
        problem: None,
        refused: None,
        warning: None,
        resource: None,
        recorded: None,
        before: None,
        prior: None,
        needs: BTreeSet::new(),
        reacting: BTreeSet::new(),
        after: BTreeSet::new(),
        lane: None,
        made_from: crate::resource::MadeFrom::default(),
        drift: None,
        act: None,
        resumes: false,
        reacts_to: BTreeSet::new(),
        moved: None,
        rerecord: false,
    }
}

pub(super) fn plan(changes: Vec<Change>) -> Plan {
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
        turns: None,
        left_out: 0,
        moved: 0,
    }
}

pub(super) fn address(name: &str) -> Address {
    name.parse().unwrap()
}

pub(super) fn new(name: &str) -> Change {
    change(name, Action::Create, vec![Reason::New])
}

/// A control plane is added, something drifted, a worker leaves.
pub(super) fn day_two() -> Plan {
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
    let join = new("cp4/control-plane/member");
    changes.push(Change { lane: Some(Lane::ControlPlane), ..join });
    for kind in ["node", "member"] {
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

pub(super) fn troubled() -> Plan {
    let problem = |name: &str, problem| Change { problem: Some(problem), ..change(name, Action::NoOp, vec![]) };
    let timeout = || Problem::Unknown { text: "w1 (10.0.0.21:22): cannot connect: connection timed out".into() };
    let blocked = || Problem::Blocked { by: address("w1/host/swap") };
    let refused = "guards.preventDestroy `cp*` keeps it; remove the guard first, then plan again and read it well";
    let mut plan = plan(vec![
        problem("w1/host/swap", timeout()),
        problem("w1/host/sysctl[a]", timeout()),
        problem("cp1/host/sysctl[b]", Problem::Unknown { text: "the probe answered something odd: 7".into() }),
        problem("w1/worker/member", blocked()),
        problem("cluster/network/node[w1]", blocked()),
        problem("cp1/control-plane/member", Problem::Refused { text: refused.into() }),
    ]);
    plan.coverage.unreached.insert(HostName::new("w1"), "timed out".into());
    let text = "10.0.0.100 is on 2 hosts at once: cp1, cp2; keepalived there does not hear each other".into();
    plan.warnings.push(Warning::danger("virtual-ip-on-several-hosts", text));
    plan
}

pub(super) const HOSTS: usize = 1000;

/// A plan of changes of `w1..w1000`, `each` of them on every host.
pub(super) fn thousand(each: &[&dyn Fn(usize) -> Change]) -> Plan {
    plan((1..=HOSTS).flat_map(|host| each.iter().map(move |change| change(host))).collect())
}

pub(super) fn updated(name: &str, field: &str, before: &str, after: &str) -> Change {
    let mut change = change(name, Action::Update, vec![Reason::Drift]);
    change.fields.extend(FieldChange::compare(field, before, after));
    change
}

pub(super) fn stopped(name: &str, problem: Problem) -> Change {
    Change { problem: Some(problem), ..change(name, Action::NoOp, vec![]) }
}
