//! A plan document is read by what reads Terraform's: a Rego policy in the form that `conftest` takes, and the scan for
//! deletes that is everybody's first policy.

use std::fs;

use serde_json::Value;

use crate::sandbox::{QUICKSTART, Sandbox, root};

/// What the policy of the examples objects to.
fn denied(plan: &str) -> Vec<String> {
    let mut engine = regorus::Engine::new();
    let policy = fs::read_to_string(root().join("examples/policy/etcd.rego")).unwrap();
    engine.add_policy("etcd.rego".into(), policy).unwrap();
    engine.set_input_json(plan).unwrap();
    let denied = engine.eval_rule("data.main.deny".into()).unwrap();
    denied.as_set().unwrap().iter().map(|message| message.as_string().unwrap().to_string()).collect()
}

/// Addresses of what is deleted, as `jq` finds them.
fn deleted(plan: &str) -> Vec<String> {
    let plan: Value = serde_json::from_str(plan).unwrap();
    let changes = plan["resource_changes"].as_array().unwrap().iter();
    let deletes = changes.filter(|it| it["change"]["actions"].as_array().unwrap().contains(&"delete".into()));
    deletes.map(|it| it["address"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_policy_denies_the_delete_of_an_etcd_member_and_nothing_else() {
    let it = Sandbox::of(QUICKSTART);
    let plan = |it: &Sandbox| it.expect(0, &["plan", "--format", "json"]).out;
    assert!(denied(&plan(&it)).is_empty(), "a new cluster deletes nothing");
    it.expect(0, &["apply", "--auto-approve"]);

    let worker = "  w2: {address: 10.0.0.22, roles: [worker]}\n";
    it.edit(worker, "");
    let without_worker = plan(&it);
    assert!(deleted(&without_worker).contains(&"w2/worker/member".into()));
    assert!(denied(&without_worker).is_empty(), "{:?}", denied(&without_worker));

    it.edit("  cp3: {address: 10.0.0.13, roles: [control-plane]}\n", "");
    it.expect(0, &["plan", "--out", "small.plan"]);
    let saved = it.expect(0, &["show", "--json", "small.plan"]).out;
    for document in [plan(&it), saved] {
        assert!(deleted(&document).contains(&"cp3/control-plane/member".into()));
        let said = denied(&document);
        assert_eq!(said, ["cp3/control-plane/member: an etcd member must not be deleted (delete)"]);
    }

    it.expect(0, &["plan", "--destroy"]);
    let everything = it.expect(0, &["plan", "--destroy", "--format", "json"]).out;
    let count = serde_json::from_str::<Value>(&everything).unwrap()["counts"]["destroy"].clone();
    assert_eq!(count, deleted(&everything).len());
    assert_eq!(denied(&everything).len(), 3);
}
