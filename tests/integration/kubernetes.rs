//! Whole clusters on simulated hosts that know kubeadm, etcd and the virtual address: mainstay's own order is right.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use mainstay::fleet::{SimulatedFleet, World};
use serde_json::json;

use crate::sandbox::Sandbox;

/// These many control planes, and a worker.
fn cluster(control_planes: usize) -> Sandbox {
    let mut text = "apiVersion: mainstay/v1\nkind: Cluster\nname: demo\nfleet: simulated\n\
        kubernetes: {version: 1.31.4}\nendpoint: {address: 10.0.0.100, port: 8443}\nhosts:\n"
        .to_owned();
    for i in 1..=control_planes {
        let _ = writeln!(text, "  {}", host(i));
    }
    text += "  w1: {address: 10.0.0.21, roles: [worker], labels: {disk: ssd}}\nnetwork: {plugin: bridge}\n";
    Sandbox::new(&text)
}

fn host(i: usize) -> String {
    format!("cp{i}: {{address: 10.0.0.1{i}, roles: [control-plane]}}")
}

/// etcd's members, all of which must vote and run, and who holds the virtual address.
#[track_caller]
fn healthy(it: &Sandbox, members: &[&str], holders: &[&str]) {
    let status = &it.expect(0, &["--json", "sim", "status"]).json()[0];
    let members: Vec<_> = members.iter().map(|it| json!({ "host": it, "voting": true, "up": true })).collect();
    assert_eq!(status["etcd"], json!({ "members": members, "quorum": !members.is_empty() }));
    assert_eq!(status["virtual_ips"]["10.0.0.100"].as_array().cloned().unwrap_or_default(), holders);
}

#[test]
fn clusters_of_all_sizes_are_made_grow_shrink_and_go() {
    let names = ["cp1", "cp2", "cp3", "cp4", "cp5", "cp6"];
    for count in [1, 3, 5] {
        let it = cluster(count);
        it.expect(0, &["apply", "--auto-approve"]);
        healthy(&it, &names[..count], &["cp1"]);
        it.edit("  w1:", &format!("  {}\n  w1:", host(count + 1)));
        it.expect(0, &["apply", "--auto-approve"]);
        it.expect(0, &["plan", "--detailed-exitcode"]);
        healthy(&it, &names[..=count], &["cp1"]);
        it.edit(&format!("  {}\n", host(count + 1)), "");
        it.expect(0, &["apply", "--auto-approve"]);
        it.expect(0, &["plan", "--detailed-exitcode"]);
        healthy(&it, &names[..count], &["cp1"]);
        it.expect(0, &["destroy", "--auto-approve"]);
        healthy(&it, &[], &[]);
        assert!(!it.read("state/demo.hosts.jsonl").contains("\"token\""), "a token stayed");
    }
}

#[test]
fn a_lost_quorum_is_felt_and_comes_back() {
    let it = cluster(3);
    it.expect(0, &["apply", "--auto-approve"]);
    it.edit("disk: ssd", "disk: hdd");
    it.expect(0, &["sim", "down", "cp2"]);
    it.expect(0, &["sim", "down", "cp3"]);
    let said = it.expect(1, &["plan"]);
    assert!(said.out.contains("the API server of this host does not answer"), "{}", said.out);
    let said = it.expect(0, &["sim", "status"]);
    assert!(said.out.contains("etcd on cp1, cp2 (not running), cp3 (not running): no quorum\n"), "{}", said.out);
    it.expect(0, &["sim", "up", "cp3"]);
    it.expect(0, &["apply", "--auto-approve", "--exclude", "cp2"]);
}

/// A worker becomes a control plane, and the other way round: it is reset in between.
#[test]
fn a_host_changes_its_role() {
    let it = cluster(3);
    it.expect(0, &["apply", "--auto-approve"]);
    it.edit("roles: [worker], ", "roles: [control-plane], ");
    it.expect(0, &["apply", "--auto-approve"]);
    it.expect(0, &["plan", "--detailed-exitcode"]);
    healthy(&it, &["cp1", "cp2", "cp3", "w1"], &["cp1"]);
    it.edit("roles: [control-plane], ", "roles: [worker], ");
    it.expect(0, &["apply", "--auto-approve"]);
    it.expect(0, &["plan", "--detailed-exitcode"]);
    healthy(&it, &["cp1", "cp2", "cp3"], &["cp1"]);
}

/// Every world that there was during a command, from the file in which each change is a line.
fn history(it: &Sandbox, code: i32, args: &[&str]) -> Vec<(String, World)> {
    it.expect(0, &["sim", "status"]);
    let before = it.read("state/demo.hosts.jsonl").lines().count();
    it.expect(code, args);
    let text = it.read("state/demo.hosts.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    let moment = |count: usize| {
        fs::write(it.path("moment"), lines[..count].join("\n")).unwrap();
        let world = SimulatedFleet::read(&it.path("moment"), BTreeMap::new()).unwrap().world();
        (lines[count - 1].to_owned(), world)
    };
    (before..=lines.len()).map(moment).collect()
}

/// Load balancers and control planes come, go and are exchanged: at no moment do two hold the address, and etcd never
/// lacks its majority.
#[test]
fn the_address_is_held_once_and_etcd_agrees_all_the_time() {
    let it = cluster(3);
    it.expect(0, &["apply", "--auto-approve"]);
    let (third, fourth) = (format!("  {}\n", host(3)), format!("  {}\n", host(4)));
    let first = format!("  {}\n", host(2));
    for (from, to) in
        [("  w1:", format!("{fourth}  w1:")), (third.as_str(), String::new()), (first.as_str(), third.clone())]
    {
        it.edit(from, &to);
        for (line, world) in history(&it, 0, &["apply", "--auto-approve"]) {
            assert!(world.kubernetes().has_quorum(), "{line}");
            assert!(world.virtual_ip_holders().values().all(|holders| holders.len() == 1), "{line}: {world:?}");
        }
        it.expect(0, &["plan", "--detailed-exitcode"]);
    }
}

/// All vote, one does not run, and there is a majority.
#[track_caller]
fn healthy_but(it: &Sandbox, down: &str) {
    let etcd = &it.expect(0, &["--json", "sim", "status"]).json()[0]["etcd"];
    let members = etcd["members"].as_array().unwrap();
    assert!(members.iter().all(|it| it["voting"] == true && (it["up"] == true) == (it["host"] != down)), "{members:?}");
    assert_eq!((members.len(), &etcd["quorum"]), (3, &true.into()));
}

/// With a member down, another one may not be taken out; with all of the cluster it may.
#[test]
fn etcd_keeps_its_majority() {
    let it = cluster(3);
    it.expect(0, &["apply", "--auto-approve"]);
    it.expect(0, &["sim", "down", "cp2"]);
    it.edit(&format!("  {}\n", host(3)), "");
    let said = it.expect(1, &["apply", "--auto-approve"]);
    let words = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("is unreachable, and quorum is"), "{}{}", said.out, said.err);
    healthy_but(&it, "cp2");
    it.expect(0, &["sim", "up", "cp2"]);
    it.expect(0, &["apply", "--auto-approve"]);
    healthy(&it, &["cp1", "cp2"], &["cp1"]);
    it.edit("  w1:", &format!("  {}\n  w1:", host(3)));
    it.expect(0, &["apply", "--auto-approve"]);
    it.expect(0, &["sim", "down", "cp3"]);
    it.expect(0, &["destroy", "--auto-approve", "--forget-unreachable"]);
}
