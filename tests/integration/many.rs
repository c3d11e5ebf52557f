//! A thousand hosts, through the command line: what changes alike is a screen of text.

use std::fmt::Write;
use std::fs;

use crate::sandbox::Sandbox;

const HOSTS: usize = 1000;

fn thousand() -> Sandbox {
    let mut text = "apiVersion: mainstay/v1\nkind: Cluster\nname: many\nfleet: simulated\n\
        kubernetes: {version: 1.31.4, podSubnet: 10.240.0.0/12}\nendpoint: {address: 10.1.100.100, port: 8443}\nhosts:\n"
        .to_owned();
    for i in 1..=3 {
        let _ = writeln!(text, "  cp{i}: {{address: 10.1.100.1{i}, roles: [control-plane]}}");
    }
    for i in 1..=HOSTS {
        let _ = writeln!(text, "  w{i}: {{address: 10.1.{}.{}, roles: [worker]}}", i / 250, i % 250 + 1);
    }
    Sandbox::new(&(text + "hostConfig: {sysctls: {vm.swappiness: 10}}\nnetwork: {plugin: none}\n"))
}

/// The plan, which must be short, narrow and name all workers as one range.
#[track_caller]
fn short(it: &Sandbox, code: i32, args: &[&str]) -> String {
    let text = it.expect(code, args).out;
    assert!(text.lines().count() < 100, "{} lines\n{text}", text.lines().count());
    // Changed lines of a file are never broken.
    let wide = text.lines().find(|line| line.chars().count() > 100 && !line.starts_with("      "));
    assert_eq!(wide, None, "{text}");
    assert!(text.contains("w1..w1000"), "{text}");
    text
}

#[test]
fn a_thousand_hosts_that_change_alike_are_a_screen_of_text() {
    let it = thousand();
    short(&it, 0, &["plan"]);
    let markdown = it.expect(0, &["plan", "--format", "markdown", "--full"]).out;
    assert!(markdown.len() < 65_536, "{}", markdown.len());
    assert!(markdown.contains(" more changes are not shown here.**"));
    it.expect(0, &["apply", "--auto-approve"]);

    it.edit("vm.swappiness: 10", "vm.swappiness: 20");
    let text = short(&it, 2, &["plan", "--detailed-exitcode"]);
    assert!(text.contains("w1..w1000 · host\n  ~ "), "{text}");

    let text = short(&it, 0, &["plan", "--destroy"]);
    assert!(text.contains("its pods and their local data"), "{text}");

    let hosts = it.path("state/many.hosts.jsonl");
    let mut down = fs::read_to_string(&hosts).unwrap();
    for i in 1..=HOSTS {
        let _ = writeln!(down, "{{\"down\":[\"w{i}\",true]}}");
    }
    fs::write(hosts, down).unwrap();
    let text = short(&it, 1, &["plan"]);
    assert!(text.contains("resources unknown\n      cannot connect: no route to host"), "{text}");
}
