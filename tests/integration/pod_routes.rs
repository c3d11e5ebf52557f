//! States of an earlier version, in which each route between two nodes was a resource of its own.

use std::fs;

use crate::sandbox::{Sandbox, root};

/// What such a version left: its cluster.yaml, its state and its simulated hosts.
fn earlier() -> Sandbox {
    let folder = root().join("tests/scenarios/pod-routes-of-earlier-version");
    let it = Sandbox::new("");
    for file in ["cluster.yaml", "old.json", "old.hosts.jsonl"] {
        fs::copy(folder.join(file), it.path(file)).unwrap();
    }
    assert!(it.read("old.json").contains("w1/network/route[10.244.0.0/24]"));
    it
}

fn nothing_is_left(it: &Sandbox) {
    let left = it.expect(0, &["sim", "status"]).out;
    assert!(!left.contains("/network/"), "{left}");
}

#[test]
fn such_a_state_is_destroyed_as_it_is() {
    let it = earlier();
    let plan = it.expect(0, &["plan", "--destroy", "--full"]).out;
    assert_eq!(plan.matches("- route[").count(), 6, "{plan}");
    it.expect(0, &["destroy", "--auto-approve"]);
    nothing_is_left(&it);
}

#[test]
fn an_unreachable_host_keeps_its_records_until_its_routes_are_taken_over() {
    let it = earlier();
    it.expect(0, &["sim", "down", "w1"]);
    let said = it.run(&["apply", "--auto-approve"]);
    assert_eq!(said.code, 1, "{said:?}");
    let state = it.expect(0, &["state", "list", "*/network"]).out;
    let lists = |address: &str| state.lines().any(|line| line == address);
    assert!(lists("cp1/network/pod_routes") && !lists("cp1/network/route[10.244.1.0/24]"), "{state}");
    assert!(!lists("w1/network/pod_routes") && lists("w1/network/route[10.244.0.0/24]"), "{state}");

    it.expect(0, &["sim", "up", "w1"]);
    it.expect(0, &["apply", "--auto-approve"]);
    it.expect(0, &["plan", "--detailed-exitcode"]);
    it.expect(0, &["drift"]);
    assert!(!it.read("old.json").contains("/route["), "no record of a single route is left");
    it.expect(0, &["destroy", "--auto-approve"]);
    nothing_is_left(&it);
}

#[test]
fn a_take_over_that_fails_is_resumed() {
    let it = earlier();
    it.expect(0, &["sim", "fail", "cp1/network/pod_routes"]);
    assert_eq!(it.run(&["apply", "--auto-approve"]).code, 1);
    let plan = it.expect(0, &["plan"]).out;
    assert!(plan.contains("pod_routes") && !plan.contains("- route["), "no route is deleted: {plan}");
    it.expect(0, &["sim", "fail", "cp1/network/pod_routes", "--off"]);
    it.expect(0, &["apply", "--auto-approve"]);
    it.expect(0, &["plan", "--detailed-exitcode"]);
    it.expect(0, &["destroy", "--auto-approve"]);
    nothing_is_left(&it);
}
