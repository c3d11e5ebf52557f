//! Drift, seen through an account that can look and can do nothing else.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::lab::{Lab, docker, root, text};

const USER: &str = "mainstay-drift";

#[test]
fn an_account_that_can_only_look_sees_all_there_is_to_see() {
    let Some(lab) = Lab::up("mainstay-e2e-drift", 1, 1) else { return };
    let file = lab.dir.join("cluster.yaml");
    let labelled = fs::read_to_string(&file).unwrap().replace("[worker]}", "[worker], labels: {rack: a}}");
    fs::write(&file, labelled).unwrap();
    lab.expect(0, &["apply", "--auto-approve"]);
    make_the_account(&lab);

    // The same answers as root gets, and from here on without root.
    let as_root = lab.expect(0, &["drift", "--format", "json"]);
    assert_eq!(looked(&lab, 0, "json"), as_root);
    for host in &lab.hosts {
        lab.sh(host, "rm /root/.ssh/authorized_keys; touch /run/marker");
    }
    assert_eq!(lab.mainstay(&["plan"]).status.code(), Some(1), "root is not let in any more");
    assert!(looked(&lab, 0, "text").ends_with("No drift. The hosts match what was applied.\n"));
    for host in &lab.hosts {
        let written = lab.sh(host, "find /etc /usr /root /opt /home /srv -xdev -newer /run/marker -type f");
        assert_eq!(written, "", "looking wrote on {host}");
    }

    the_account_can_write_nothing(&lab);
    what_cannot_be_seen_is_told(&lab);
    drift_is_named_with_what_the_host_tells(&lab);
    the_account_goes_without_a_trace(&lab);
}

fn key(lab: &Lab) -> String {
    lab.dir.join("drift.key").display().to_string()
}

fn make_the_account(lab: &Lab) {
    let keys = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key(lab)]).output().unwrap();
    assert!(keys.status.success(), "{}", text(&keys));
    let public = fs::read_to_string(format!("{}.pub", key(lab))).unwrap();
    let setup = root().join("examples/drift-account/setup.sh").display().to_string();
    for host in &lab.hosts {
        let copied = docker(&["cp", &setup, &format!("{}:/root/setup.sh", lab.container(host))]);
        assert!(copied.status.success(), "{}", text(&copied));
        let make = format!("echo '{}' | sh /root/setup.sh", public.trim());
        lab.sh(host, &make);
        lab.sh(host, &format!("{make} && {make}"));
    }
}

/// What drift says as the account.
fn looked(lab: &Lab, code: i32, format: &str) -> String {
    lab.expect(code, &["drift", "--user", USER, "--identity", &key(lab), "--format", format])
}

/// Runs a script as whoever has the account's key can.
fn with_the_key(lab: &Lab, host: &str, command: &[&str], script: &str) -> Output {
    let address = lab.sh(host, "hostname -I").split_whitespace().next().unwrap().to_owned();
    let known = format!("UserKnownHostsFile={}", lab.dir.join("known_hosts").display());
    let mut ssh = Command::new("ssh");
    ssh.args(["-o", "BatchMode=yes", "-o", &known, "-i", &key(lab), &format!("{USER}@{address}")]).args(command);
    ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = ssh.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn the_account_can_write_nothing(lab: &Lab) {
    let reads = with_the_key(lab, "cp1", &[], "cat /etc/shadow /etc/kubernetes/admin.conf");
    assert!(
        reads.status.success() && text(&reads).contains("client-key-data"),
        "it reads everything: {}",
        text(&reads)
    );
    for harm in [
        "touch /etc/x",
        "touch /root/x",
        "touch /var/lib/mainstay-drift/x",
        "echo key >>/var/lib/mainstay-drift/.ssh/authorized_keys",
        "echo >>/etc/haproxy/haproxy.cfg",
        "echo 0 >/proc/sys/net/ipv4/ip_forward",
        "rm -f /etc/haproxy/haproxy.cfg",
        "chmod 777 /etc/haproxy/haproxy.cfg",
        "systemctl stop haproxy",
        "kill -9 $(pidof haproxy)",
        "ip link set lo down",
        "mount -t tmpfs x /mnt",
        "sudo -n id",
        "ctr -n k8s.io containers list",
    ] {
        let output = with_the_key(lab, "cp1", &[], harm);
        assert!(!output.status.success(), "{harm}: {}", text(&output));
    }
    // The key starts no other program, and sudo gives the account no other right.
    with_the_key(lab, "cp1", &["touch", "/tmp/by-key"], "");
    assert_eq!(lab.sh("cp1", "ls /tmp | grep by-key || true"), "");
    for command in ["sudo -n id", "sudo -n sh", "sudo -n /usr/local/sbin/mainstay-look more"] {
        let output = lab.try_sh("cp1", &format!("su {USER} -c '{command}' </dev/null"));
        assert!(!output.status.success(), "{command}: {}", text(&output));
    }
}

fn what_cannot_be_seen_is_told(lab: &Lab) {
    lab.docker("pause", "w1");
    let said = looked(lab, 4, "text");
    lab.docker("unpause", "w1");
    assert!(said.contains("on 1 of 2 hosts") && said.contains("Not checked\n  w1: "), "{said}");
}

fn drift_is_named_with_what_the_host_tells(lab: &Lab) {
    lab.sh("cp1", "sed -i 's/maxconn [0-9]*/maxconn 77/' /etc/haproxy/haproxy.cfg");
    lab.sh("cp1", "DEBIAN_FRONTEND=noninteractive apt-get -y remove keepalived");
    lab.sh("w1", "sysctl -w net.bridge.bridge-nf-call-ip6tables=0");
    lab.sh("w1", "systemctl stop kubelet");

    let document: Value = serde_json::from_str(&looked(lab, 2, "json")).unwrap();
    let resources = document["resources"].as_array().unwrap();
    let mut named: Vec<String> = resources.iter().map(|it| it["address"].as_str().unwrap().to_owned()).collect();
    named.sort();
    let expected = [
        "cp1/haproxy/file[/etc/haproxy/haproxy.cfg]",
        // It was not reloaded.
        "cp1/haproxy/service[haproxy]",
        "cp1/keepalived/package[keepalived]",
        "cp1/keepalived/service[keepalived]",
        &format!("cp1/keepalived/virtual_ip[{}]", lab.endpoint().0),
        "w1/host/sysctl[net.bridge.bridge-nf-call-ip6tables]",
        "w1/kubernetes/service[kubelet]",
    ];
    assert_eq!(named, expected);
    assert!(resources.iter().all(|it| it["label"] == "drift"), "{document:#}");
    let said = looked(lab, 2, "text");
    let today = lab.sh("cp1", "date -u +%Y-%m-%d").trim().to_owned();
    for told in [
        format!("changed {today} "),
        ", owner root:root\n".to_owned(),
        format!("removed {today} "),
        ", apt-get -y remove keepalived\n".to_owned(),
        format!("stopped {today} "),
        "live value  1 → 0\n".to_owned(),
    ] {
        assert!(said.contains(&told), "{told:?} is missing:\n{said}");
    }
}

fn the_account_goes_without_a_trace(lab: &Lab) {
    for host in &lab.hosts {
        lab.sh(host, "sh /root/setup.sh --remove && sh /root/setup.sh --remove");
        let left = lab.sh(
            host,
            "getent passwd mainstay-drift; ls -d /usr/local/sbin/mainstay-look \
                                 /etc/sudoers.d/mainstay-drift /var/lib/mainstay-drift 2>/dev/null || true",
        );
        assert_eq!(left, "", "on {host}");
    }
    let said = looked(lab, 4, "text");
    assert!(said.contains(&format!("login as {USER} failed")), "{said}");
}
