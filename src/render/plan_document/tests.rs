use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::kinds::{Content, File, FileCheck, Package};
use crate::resource::testing::{Thing, absent, seen};
use crate::resource::{AnyKind, Seen};

fn change(action: Action, reasons: &[Reason], resource: impl AnyKind + 'static, before: Option<Seen>) -> Change {
    let key = resource.key().unwrap_or_default();
    Change {
        address: format!("cp1/host/{}[{key}]", resource.name()).parse().unwrap(),
        action,
        fields: Vec::new(),
        reasons: reasons.to_vec(),
        problem: None,
        refused: None,
        warning: None,
        resource: Some(Arc::new(resource)),
        recorded: None,
        before: before.map(Into::into),
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

fn recorded(change: Change, resource: &impl AnyKind) -> Change {
    Change { recorded: Some(resource.attributes()), ..change }
}

fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        cluster: "prod".into(),
        mode: Mode::Apply,
        lineage: "lineage".into(),
        serial: 12,
        changes,
        control_planes: Vec::new(),
        coverage: Coverage {
            unreached: BTreeMap::from([(HostName::new("w1"), "no route".into())]),
            ..Coverage::default()
        },
        warnings: vec![Warning::danger("last", "the last control plane".into())],
        turns: None,
        left_out: 0,
        moved: 0,
    }
}

/// One change of the document, by its number.
fn change_of(document: &Value, number: usize) -> &Value {
    &document["resource_changes"][number]["change"]
}

#[test]
fn every_action_has_its_words_and_its_two_sides() {
    let (old, new) = (Thing::new("a", "1"), Thing::new("a", "2"));
    let here = || Some(seen("1"));
    let moved = Reason::Moved { other: "cp0/host/thing[a]".parse().unwrap() };
    let mut replace = recorded(change(Action::Replace, &[], new.clone(), here()), &old);
    replace.fields = vec![FieldChange::compare("size", 1, 2).unwrap().replacing()];
    let document = plan_document(&plan(vec![
        change(Action::NoOp, &[], old.clone(), here()),
        change(Action::Create, &[Reason::New], new.clone(), Some(absent())),
        recorded(change(Action::Update, &[], new.clone(), here()), &old),
        replace,
        recorded(change(Action::Destroy, &[Reason::Removed], old.clone(), here()), &old),
        change(Action::Adopt, &[Reason::AlreadyRight], old.clone(), here()),
        recorded(change(Action::Adopt, &[moved], old.clone(), here()), &old),
        recorded(change(Action::Forget, &[Reason::Removed], old.clone(), Some(absent())), &old),
    ]));
    let lines = document["resource_changes"].as_array().unwrap().iter().map(|it| {
        let (change, value) = (&it["change"], |side: &str| it["change"][side]["value"].to_string());
        let rest = [&change["replace_paths"], &change["importing"], &it["previous_address"], &it["action_reason"]];
        let rest: Vec<String> = rest.iter().filter(|it| !it.is_null()).map(ToString::to_string).collect();
        format!("{} {} -> {} {}", change["actions"], value("before"), value("after"), rest.join(" "))
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    ["no-op"] "1" -> "1" 
    ["create"] null -> "2" 
    ["update"] "1" -> "2" 
    ["delete","create"] "1" -> "2" [["size"]] "replace_because_cannot_update"
    ["delete"] "1" -> null "delete_because_no_resource_config"
    ["no-op"] "1" -> "1" {"id":"cp1/host/thing[a]"}
    ["no-op"] "1" -> "1" "cp0/host/thing[a]"
    ["forget"] null -> null 
    "#);
}

#[test]
fn the_document_says_what_it_was_made_from_and_whether_it_can_be_carried_out() {
    let mut refused = change(Action::NoOp, &[], Thing::new("a", "1"), None);
    refused.problem = Some(Problem::Refused { text: "guarded".into() });
    refused.warning = Some("destroys".into());
    let added =
        change(Action::Create, &[Reason::Pending { source: "/hosts".into() }], Thing::new("b", "1"), Some(absent()));
    let mut document = plan_document(&plan(vec![refused, added]));
    document["mainstay_version"] = json!("0");
    insta::assert_json_snapshot!(document);
    let part = plan_document(&Plan { left_out: 1, ..plan(Vec::new()) });
    assert_eq!((&part["complete"], &part["errored"]), (&json!(false), &json!(false)));
    let first = plan_document(&Plan { serial: 0, ..plan(Vec::new()) });
    assert_eq!(
        (&first["lineage"], &first["applyable"], &first["errored"]),
        (&json!(null), &json!(false), &json!(false))
    );
}

const PATH: &str = "/etc/keepalived/keepalived.conf";

fn conf(password: &str) -> File {
    let content = Content::builder().text("auth_pass ").secret(Secret::new(password)).text("\n").build();
    File::new(PATH, content).checked_by(FileCheck::Keepalived)
}

fn look(file: &File) -> Seen {
    let observation = Observation::Present(AnyKind::simulate(file));
    Seen { digest: observation.digest(), observation }
}

#[test]
fn secrets_and_hashes_of_them_are_masked_and_the_trees_say_where() {
    let (old, new) = (conf("hunter2"), conf("hunter3"));
    let mut update = recorded(change(Action::Update, &[Reason::Drift], new, Some(look(&old))), &old);
    update.fields = vec![FieldChange::sensitive("content")];
    let document = plan_document(&plan(vec![update]));
    insta::assert_json_snapshot!(change_of(&document, 0), @r#"
    {
      "actions": [
        "update"
      ],
      "after": {
        "check": "keepalived",
        "content": [
          {
            "text": "auth_pass "
          },
          {
            "secret": "(sensitive)"
          },
          {
            "text": "\n"
          }
        ],
        "mode": "0644",
        "owner": "root:root",
        "path": "/etc/keepalived/keepalived.conf",
        "sha256": "(sensitive)"
      },
      "after_sensitive": {
        "content": [
          {},
          {
            "secret": true
          },
          {}
        ],
        "sha256": true
      },
      "after_unknown": {},
      "before": {
        "check": "keepalived",
        "content": [
          {
            "text": "auth_pass "
          },
          {
            "secret": "(sensitive)"
          },
          {
            "text": "\n"
          }
        ],
        "mode": "0644",
        "owner": "root:root",
        "path": "/etc/keepalived/keepalived.conf",
        "sha256": "(sensitive)"
      },
      "before_sensitive": {
        "content": [
          {},
          {
            "secret": true
          },
          {}
        ],
        "sha256": true
      }
    }
    "#);
    let text = document.to_string();
    assert!(!text.contains("hunter") && !text.contains(&conf("hunter2").content.sha256()), "{text}");
}

#[test]
fn what_only_the_act_will_tell_is_unknown_and_what_is_good_enough_stays() {
    let package =
        |version: Option<&str>, hold| Package { name: "kubelet".into(), version: version.map(Into::into), hold };
    let found = |version: &str| {
        let observation = Observation::Present(json!({"version": version, "held": false, "complete": true}));
        Some(Seen { digest: String::new(), observation })
    };
    let document = plan_document(&plan(vec![
        change(Action::Create, &[], package(None, false), Some(absent())),
        change(Action::Update, &[], package(Some("1.31.4"), true), found("1.31.4-1.1")),
        change(Action::Update, &[], package(Some("1.32.0"), true), found("1.31.4-1.1")),
    ]));
    let said = |number: usize| {
        let change = change_of(&document, number);
        (change["after"]["version"].clone(), change["after_unknown"].clone())
    };
    assert_eq!(said(0), (json!(null), json!({"version": true})));
    assert_eq!(said(1), (json!("1.31.4-1.1"), json!({})));
    assert_eq!(said(2), (json!("1.32.0"), json!({})));
}

#[test]
fn drift_goes_from_what_was_applied_to_what_was_seen() {
    let (applied, wanted) = (Thing::new("a", "1"), Thing::new("a", "3"));
    let pending = Reason::Pending { source: "/".into() };
    let document = plan_document(&plan(vec![
        recorded(change(Action::Update, &[Reason::Drift], applied.clone(), Some(seen("2"))), &applied),
        recorded(change(Action::Update, &[Reason::Drift, pending], wanted, Some(seen("2"))), &applied),
        recorded(change(Action::Create, &[Reason::Gone], applied.clone(), Some(absent())), &applied),
    ]));
    let drift = document["resource_drift"].as_array().unwrap();
    let said: Vec<_> = drift
        .iter()
        .map(|it| &it["change"])
        .map(|it| (&it["actions"][0], &it["before"]["value"], &it["after"]["value"]))
        .collect();
    assert_eq!(said[0], (&json!("update"), &json!("1"), &json!("2")));
    assert_eq!(said[1], (&json!("update"), &json!("1"), &json!("2")));
    assert_eq!(said[2], (&json!("delete"), &json!("1"), &json!(null)));
}

#[test]
fn what_will_be_there_is_said_once_more_for_readers_of_terraform() {
    let (old, new) = (Thing::new("a", "1"), Thing::new("a", "2"));
    let here = || Some(seen("1"));
    let written = plan(vec![
        change(Action::NoOp, &[], old.clone(), here()),
        recorded(change(Action::Update, &[], new.clone(), here()), &old),
        recorded(change(Action::Destroy, &[Reason::Removed], old.clone(), here()), &old),
        recorded(change(Action::Forget, &[Reason::Removed], old.clone(), Some(absent())), &old),
        change(Action::Create, &[Reason::New], conf("hunter2"), Some(absent())),
    ]);
    let document: Value = serde_json::from_str(&plan_json(&written)).unwrap();
    assert_eq!(document, plan_document(&written));
    assert_eq!((&document["terraform_version"], &document["format_version"]), (&json!("1.9.0"), &json!("1.2")));
    assert_eq!(document["configuration"]["provider_config"]["mainstay"]["name"], "mainstay");
    let planned = document["planned_values"]["root_module"]["resources"].as_array().unwrap();
    let values: Vec<_> = planned.iter().map(|it| it["values"]["value"].clone()).collect();
    assert_eq!(values, [json!("1"), json!("2"), Value::Null], "what goes is not there");
    let [.., file] = planned.as_slice() else { panic!("{planned:?}") };
    assert_eq!((&file["type"], &file["name"], &file["index"]), (&json!("file"), &json!("host"), &json!(PATH)));
    assert_eq!(file["values"], change_of(&document, 4)["after"]);
    assert_eq!(file["sensitive_values"], change_of(&document, 4)["after_sensitive"]);
    assert!(!document.to_string().contains("hunter2"));
}
