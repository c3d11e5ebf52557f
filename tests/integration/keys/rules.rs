//! The rules of each class for plan, drift and apply.

use std::collections::BTreeSet;

use mainstay::config::Class;
use serde_json::{Value, json};

use super::Key;
use super::applied::Applied;
use super::changes::Change;
use crate::sandbox::Said;

/// The output of the commands before and after the apply of a change.
struct Seen {
    /// `mainstay plan`.
    text: Said,
    /// The plan as JSON, if there is one.
    plan: Value,
    /// `mainstay drift --format json`.
    drift: Said,
    report: Value,
}

/// The note of changes that count only at creation.
const AT_CREATION: &str = "counts only at creation";

/// Changes a key and returns the violated rule of its class, if any.
pub(super) fn check(applied: &Applied, change: &Change, class: Class, keys: &[Key]) -> Result<(), String> {
    let changed = applied.change(change.to, keys);
    let mut wanted: Vec<&str> = [&[change.key], change.beside].concat();
    wanted.sort_unstable();
    if changed != wanted {
        return Err(format!("the change is one of {changed:?}, not of {wanted:?}"));
    }
    if let Some((from, to)) = change.moves {
        applied.rename(from, to);
    }
    let said = promised(applied, change, class);
    let refused = change.refused.map_or(Ok(()), |to| {
        applied.restore(None);
        applied.change(to, keys);
        let said = applied.run(&["plan"]);
        let guarded = said.code == 1 && said.out.contains("etcd");
        if guarded { Ok(()) } else { Err(format!("etcd's quorum does not refuse {to}: {}{}", said.out, said.err)) }
    });
    applied.restore(change.moves.map(|(_, to)| to));
    said.and(refused)
}

fn promised(applied: &Applied, change: &Change, class: Class) -> Result<(), String> {
    let json = |said: &Said| serde_json::from_str(&said.out).unwrap_or(Value::Null);
    let text = applied.run(&["plan"]);
    let plan = json(&applied.run(&["plan", "--format", "json"]));
    let drift = applied.run(&["drift", "--format", "json"]);
    let report = json(&drift);
    let seen = Seen { text, plan, drift, report };
    let told = |why: &str| {
        let said = [&seen.text.out, &seen.text.err, &seen.drift.err].map(String::as_str).concat();
        format!("{why}\n{said}drift: {}", seen.report["summary"].as_str().unwrap_or_default())
    };
    if class == Class::Fixed {
        seen.is_refused(change).map_err(|why| told(&why))?;
        let apply = applied.run(&["apply", "--auto-approve"]);
        return match apply.code {
            0 => Err(told("plan refuses it, and apply does not")),
            _ if !applied.is_as_applied() => Err(told("apply refuses it, and changes the state")),
            _ => Ok(()),
        };
    }
    seen.agrees().map_err(|why| told(&why))?;
    match class {
        Class::Live => seen.is_live(),
        Class::Rolling => seen.takes_turns(),
        Class::Member => seen.moves_a_member(),
        Class::Creation => seen.counts_at_creation(&applied.run(&["drift"])),
        Class::Tool => seen.is_nothing(),
        Class::Fixed | Class::Drain | Class::Migration => Err(format!(
            "no key had class {} so far: write its rule in tests/integration/keys/rules.rs",
            class.as_str()
        )),
    }
    .map_err(|why| told(&why))?;
    let apply = applied.run(&["apply", "--auto-approve"]);
    if apply.code != 0 {
        return Err(format!("apply fails:\n{}{}", apply.out, apply.err));
    }
    for args in [&["plan", "--detailed-exitcode"][..], &["drift"]] {
        let said = applied.run(args);
        if said.code != 0 {
            return Err(format!("after the apply, {} says:\n{}{}", args.join(" "), said.out, said.err));
        }
    }
    Ok(())
}

impl Seen {
    fn rows(&self) -> impl Iterator<Item = &Value> {
        self.plan["resource_changes"].as_array().into_iter().flatten()
    }

    /// Rows with an action.
    fn acts(&self) -> impl Iterator<Item = &Value> {
        self.rows().filter(|row| row["action"] != "no_op")
    }

    fn turns(&self) -> bool {
        let warnings = self.plan["warnings"].as_array().into_iter().flatten();
        warnings.filter_map(|it| it["text"].as_str()).any(|text| text.contains("one after another"))
    }

    /// Plan and drift agree: pending changes are in the plan, and nothing is recorded silently.
    fn agrees(&self) -> Result<(), String> {
        if self.text.code != 0 || self.plan.is_null() {
            return Err("the plan is refused".to_owned());
        }
        let acts: BTreeSet<&str> = self.acts().filter_map(|row| row["address"].as_str()).collect();
        let entries = self.report["resources"].as_array().into_iter().flatten();
        let pending: BTreeSet<&str> = entries.filter_map(|entry| entry["address"].as_str()).collect();
        let silent: Vec<&&str> = pending.difference(&acts).collect();
        if !silent.is_empty() {
            return Err(format!("drift says {silent:?} is pending, and the plan does not show it"));
        }
        if pending.is_empty() && !acts.is_empty() {
            return Err("the plan has changes, and drift says that nothing is pending".to_owned());
        }
        Ok(())
    }

    /// Whether a row affects pods, the API or a member.
    fn interrupts(row: &Value) -> bool {
        let address = row["address"].as_str().unwrap_or_default();
        let restarted = ["/service[containerd]", "/service[kubelet]"].iter().any(|it| address.ends_with(it));
        row["action"] != "adopt" && (restarted || is_member(row))
    }

    fn is_live(&self) -> Result<(), String> {
        let interrupts: Vec<&Value> =
            self.acts().filter(|row| Self::interrupts(row)).map(|row| &row["address"]).collect();
        match () {
            () if self.acts().next().is_none() => Err("the plan changes nothing".to_owned()),
            () if self.turns() => Err("the plan restarts hosts in turns".to_owned()),
            () if !interrupts.is_empty() => Err(format!("the plan restarts {interrupts:?}")),
            () => Ok(()),
        }
    }

    fn takes_turns(&self) -> Result<(), String> {
        let updates = self.acts().all(|row| row["action"] == "update");
        match () {
            () if self.acts().next().is_none() => Err("the plan changes nothing".to_owned()),
            () if !self.turns() => Err("the plan restarts nothing, or all hosts at once".to_owned()),
            () if !updates => Err("the plan does more than change what is there".to_owned()),
            () => Ok(()),
        }
    }

    fn moves_a_member(&self) -> Result<(), String> {
        let moves = |row: &Value| {
            let comes_or_goes = ["create", "destroy", "replace"].iter().any(|action| row["action"] == *action);
            let balances = row["address"].as_str().is_some_and(|it| it.ends_with("/service[keepalived]"));
            comes_or_goes && (is_member(row) || balances)
        };
        if self.acts().any(moves) { Ok(()) } else { Err("no member joins or leaves".to_owned()) }
    }

    fn counts_at_creation(&self, drift: &Said) -> Result<(), String> {
        let pending =
            |row: &Value| row["reasons"].as_array().is_some_and(|all| all.iter().any(|it| it["reason"] == "pending"));
        let only = self.acts().all(|row| row["action"] == "adopt" && pending(row));
        match () {
            () if self.acts().next().is_none() => Err("the plan changes nothing".to_owned()),
            () if !only => Err("the plan does more than record the new value".to_owned()),
            () if !self.text.out.contains(AT_CREATION) => Err(format!("the plan does not say that it {AT_CREATION}")),
            () if !drift.out.contains(AT_CREATION) => Err(format!("drift does not say that it {AT_CREATION}")),
            () => Ok(()),
        }
    }

    fn is_nothing(&self) -> Result<(), String> {
        let touched: Vec<&Value> = self.acts().map(|row| &row["address"]).collect();
        match () {
            () if !touched.is_empty() => Err(format!("the plan changes {touched:?}")),
            () if self.drift.code != 0 => Err("drift says that something is pending".to_owned()),
            () => Ok(()),
        }
    }

    fn is_refused(&self, change: &Change) -> Result<(), String> {
        let refusal = format!("{}{}", self.text.out, self.text.err);
        // All forms of a reference to a secret are one value.
        let mut parts = change.key.rsplit('.');
        let name = parts.find(|part| !["env", "file", "command"].contains(part)).unwrap();
        match self.text.code {
            // Refused by the plan or by validation.
            1 | 5 if !refusal.contains(name) => Err("the refusal does not name the key".to_owned()),
            1 | 5 if self.drift.code == 0 => Err("drift says that nothing is pending".to_owned()),
            1 | 5 => Ok(()),
            _ => Err("the plan does not refuse it".to_owned()),
        }
    }
}

fn is_member(row: &Value) -> bool {
    row["type"] == "member"
}

/// A plan with these rows, and a drift report with the same pending changes.
fn seen(code: i32, text: &str, rows: &[(&str, &str)], warning: &str) -> Seen {
    let said = |code: i32, out: &str| Said { code, out: out.to_owned(), err: String::new() };
    let row = |(address, action): &(&str, &str)| {
        let kind = address.rsplit('/').next().unwrap().split('[').next().unwrap();
        json!({"address": address, "type": kind, "action": action, "reasons": [{"reason": "pending", "source": "/x"}]})
    };
    let pending: Vec<Value> = rows.iter().map(|(address, _)| json!({"address": address})).collect();
    let rows: Vec<Value> = rows.iter().map(row).collect();
    Seen {
        text: said(code, text),
        plan: json!({"resource_changes": rows, "warnings": [{"level": "notice", "code": "turns", "text": warning}]}),
        drift: said(if pending.is_empty() { 0 } else { 3 }, ""),
        report: json!({"resources": pending}),
    }
}

#[test]
fn plan_and_drift_that_disagree_are_found() {
    let file = [("cp1/haproxy/file[a]", "update")];
    assert_eq!(seen(0, "", &file, "").agrees(), Ok(()));
    let mut silent = seen(0, "No changes.", &[], "");
    assert_eq!(silent.agrees(), Ok(()));
    silent.report = json!({"resources": [{"address": "cp1/control-plane/member"}]});
    assert!(silent.agrees().unwrap_err().contains("the plan does not show it"));
    let mut unknown = seen(0, "", &file, "");
    unknown.report = json!({"resources": []});
    assert!(unknown.agrees().unwrap_err().contains("nothing is pending"));
    assert!(seen(1, "", &file, "").agrees().unwrap_err().contains("refused"));
}

#[test]
fn each_rule_can_fail() {
    let nothing: &[(&str, &str)] = &[];
    let file: &[(&str, &str)] = &[("cp1/haproxy/file[a]", "update")];
    let restart: &[(&str, &str)] = &[("cp1/container-runtime/service[containerd]", "update")];
    let joins: &[(&str, &str)] = &[("w3/worker/member", "create")];
    let records: &[(&str, &str)] = &[("cluster/kubernetes/cluster_settings", "adopt")];
    let turns = "containerd restarts on 5 running hosts, one after another: cp1 first";

    assert_eq!(seen(0, "", file, "").is_live(), Ok(()));
    for wrong in [seen(0, "", nothing, ""), seen(0, "", file, turns), seen(0, "", restart, ""), seen(0, "", joins, "")]
    {
        assert!(wrong.is_live().is_err());
    }
    assert_eq!(seen(0, "", restart, turns).takes_turns(), Ok(()));
    for wrong in [seen(0, "", nothing, turns), seen(0, "", restart, ""), seen(0, "", joins, turns)] {
        assert!(wrong.takes_turns().is_err());
    }
    assert_eq!(seen(0, "", joins, "").moves_a_member(), Ok(()));
    assert!(seen(0, "", file, "").moves_a_member().is_err());

    let words = |text: &str| Said { code: 3, out: text.to_owned(), err: String::new() };
    assert_eq!(seen(0, AT_CREATION, records, "").counts_at_creation(&words(AT_CREATION)), Ok(()));
    for (plan, rows, drift) in [
        ("", records, AT_CREATION),
        (AT_CREATION, records, ""),
        (AT_CREATION, file, AT_CREATION),
        (AT_CREATION, nothing, AT_CREATION),
    ] {
        assert!(seen(0, plan, rows, "").counts_at_creation(&words(drift)).is_err());
    }
    assert_eq!(seen(0, "", nothing, "").is_nothing(), Ok(()));
    assert!(seen(0, "", file, "").is_nothing().is_err());

    let change = super::changes::all().into_iter().find(|change| change.key == "endpoint.port").unwrap();
    assert_eq!(seen(1, "endpoint.port: 8443 → 9443", file, "").is_refused(&change), Ok(()));
    for wrong in [seen(0, "port", file, ""), seen(1, "no key", file, ""), seen(1, "port", nothing, "")] {
        assert!(wrong.is_refused(&change).is_err());
    }
}
