//! Hosts that hang, and hosts that are not who they should be.

use std::fs;

use crate::checks::no_tokens;
use crate::lab::{Lab, text, until};
use crate::routes::routes_follow_the_nodes;
use crate::secrets::{MARKER, Watch};

#[test]
fn a_paused_worker_stops_nothing_else_and_is_resumed() {
    let Some(lab) = Lab::up("mainstay-e2e-faults", 1, 2) else { return };

    // A host key that does not match: refused, named, nothing sent.
    let known = lab.dir.join("known_hosts");
    let good = fs::read_to_string(&known).unwrap();
    let line = good.lines().next().unwrap();
    let other = good.lines().nth(1).unwrap();
    let swapped = format!("{} {}", line.split(' ').next().unwrap(), other.split_once(' ').unwrap().1);
    fs::write(&known, good.replace(line, &swapped)).unwrap();
    let refused = lab.mainstay(&["plan"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    let said = text(&refused);
    assert!(said.contains("host key") && said.contains("cp1"), "{said}");
    let sessions = lab.sh("cp1", "journalctl -u ssh --no-pager -q | grep -c 'Accepted publickey' || true");
    let before: u32 = sessions.trim().parse().unwrap();
    lab.mainstay(&["plan"]);
    let sessions = lab.sh("cp1", "journalctl -u ssh --no-pager -q | grep -c 'Accepted publickey' || true");
    assert_eq!(sessions.trim().parse::<u32>().unwrap(), before, "nothing is sent to a host that is not known");
    fs::write(&known, &good).unwrap();

    // From here on with a password, so that it can be searched for.
    let file = lab.dir.join("cluster.yaml");
    let password = "loadBalancer: {keepalived: {authPassword: {env: LAB_VRRP}, advertInterval: 1s}}\n";
    fs::write(&file, fs::read_to_string(&file).unwrap() + password).unwrap();
    let watch = Watch::start(&lab);

    // A worker that hangs in the middle of an apply.
    let log = lab.dir.join("debug.log");
    let events = lab.dir.join("events.jsonl");
    let child = lab
        .command(&["--verbose", "--log", log.to_str().unwrap(), "apply", "--auto-approve"])
        .arg("--json-into")
        .arg(&events)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    until("the apply works on w2", 60, || {
        let text = fs::read_to_string(&events).unwrap_or_default();
        text.lines().any(|line| line.contains("\"apply_start\"") && line.contains("\"w2/container-runtime/"))
    });
    lab.docker("pause", "w2");
    let output = child.wait_with_output().unwrap();
    let said = text(&output);
    lab.docker("unpause", "w2");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Apply incomplete.") && said.contains("w2"), "{said}");
    let nodes = lab.kubectl("get nodes -o name");
    assert!(nodes.contains("node/w1") && nodes.contains("node/cp1"), "everything else finished: {nodes}");

    let resumed = lab.expect(0, &["apply", "--auto-approve"]);
    assert!(resumed.contains("Apply complete!"), "{resumed}");
    assert!(lab.kubectl("get nodes -o name").contains("node/w2"));
    watch.end();
    nothing_holds_the_password(&lab, &[said, resumed]);
    no_tokens(&lab);
    routes_follow_the_nodes(&lab);
}

/// keepalived.conf must hold it; nothing else may, neither on the hosts nor here.
fn nothing_holds_the_password(lab: &Lab, said: &[String]) {
    assert!(said.iter().all(|text| !text.contains(MARKER)), "the output holds the password");
    for args in [&["show"][..], &["--json", "show"], &["plan"], &["--json", "plan"], &["render"]] {
        assert!(!text(&lab.mainstay(args)).contains(MARKER), "{args:?}");
    }
    let mut files = vec![lab.dir.clone()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let found = fs::read(&path).unwrap().windows(MARKER.len()).any(|part| part == MARKER.as_bytes());
            assert!(!found, "{} holds the password", path.display());
        }
    }
    for host in &lab.hosts {
        let found = lab.sh(
            host,
            &format!("grep -rlF {MARKER} /etc /root /tmp /run /var/log /var/lib/mainstay /home 2>/dev/null || true"),
        );
        let expected = if host == "cp1" { "/etc/keepalived/keepalived.conf\n" } else { "" };
        assert_eq!(found, expected, "on {host}");
    }
}
