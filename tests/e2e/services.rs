//! Services that refuse their files: apply fails with the reason, and what ran before still runs.

use std::time::Duration;

use crate::checks::one_holder;
use crate::lab::{Lab, text, until};
use crate::life::NO_CHANGES;
use crate::poll::Poll;

/// Before the first apply: another process on the endpoint's port is named, and nothing is begun.
pub(crate) fn a_taken_port_is_refused(lab: &Lab) {
    let listen =
        "setsid socat TCP-LISTEN:8443,fork,reuseaddr - >/dev/null 2>&1 & until ss -Hltn | grep -q :8443; do :; done";
    lab.sh("cp2", listen);
    for command in [&["plan"][..], &["apply", "--auto-approve"]] {
        let refused = text(&lab.mainstay(command));
        let pid = lab.sh("cp2", "pgrep -o socat");
        let said = format!("on cp2, socat (pid {}) listens on port 8443", pid.trim());
        assert!(refused.split_whitespace().collect::<Vec<_>>().join(" ").contains(&said), "{refused}");
    }
    assert_eq!(lab.sh("cp2", "pkill socat; dpkg -l haproxy 2>/dev/null | grep -c ^ii || true").trim(), "0");
}

/// The change that failed is still to be made, and is nobody's drift.
fn is_pending(lab: &Lab, file: &str) {
    let planned = lab.expect(2, &["plan", "--detailed-exitcode", "--full"]);
    assert!(planned.contains(file), "{file} is not planned:\n{planned}");
    let drift = lab.expect(3, &["drift"]);
    assert!(drift.contains(file), "{file} is not pending:\n{drift}");
}

fn fails(lab: &Lab, reason: &str) {
    let output = lab.mainstay(&["apply", "--auto-approve"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(reason), "`{reason}` is not the reason:\n{said}");
}

fn taken_back(lab: &Lab, from: &str, to: &str) {
    lab.edit(from, to);
    lab.expect(0, &["apply", "--auto-approve"]);
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
}

pub(crate) fn haproxy_that_cannot_raise_its_limit(lab: &Lab) {
    let wish = "loadBalancer: {haproxy: {maxconn: 1000000}}\nendpoint:";
    lab.edit("endpoint:", wish);
    let client = Poll::start(lab.vip());
    fails(lab, "Cannot raise FD limit");
    let seen = client.end();
    assert!(seen.failed == 0, "a client saw {seen:?} while haproxy refused its file");
    for host in lab.hosts.iter().filter(|host| host.starts_with("cp")) {
        lab.sh(
            host,
            "grep -q 'maxconn 4000' /etc/haproxy/haproxy.cfg && test ! -e /etc/haproxy/haproxy.cfg.mainstay-previous",
        );
        lab.sh(host, "systemctl is-active haproxy && haproxy -c -f /etc/haproxy/haproxy.cfg");
    }
    is_pending(lab, "file[/etc/haproxy/haproxy.cfg]");
    taken_back(lab, wish, "endpoint:");
}

pub(crate) fn keepalived_that_refuses_its_file(lab: &Lab) {
    let holder = one_holder(lab);
    let runs = "systemctl show -p MainPID --value keepalived";
    let before = lab.sh(&holder, runs);
    lab.sh(&holder, "chmod 777 /usr/libexec/keepalived");
    let wish = "loadBalancer: {keepalived: {check: {rise: 4}}}\nendpoint:";
    lab.edit("endpoint:", wish);
    fails(lab, "due to insecure");
    assert_eq!((lab.sh(&holder, runs), one_holder(lab)), (before, holder.clone()));
    is_pending(lab, &format!("{holder}/keepalived"));
    lab.sh(&holder, "chmod 755 /usr/libexec/keepalived");
    taken_back(lab, wish, "endpoint:");
}

pub(crate) fn kubelet_that_was_not_restarted(lab: &Lab) {
    std::thread::sleep(Duration::from_secs(1));
    lab.sh("w1", "echo '# by hand' >>/var/lib/kubelet/config.yaml");
    let drift = lab.expect(2, &["drift"]);
    assert!(drift.contains("w1/kubernetes/service[kubelet]") || drift.contains("service[kubelet]"), "{drift}");
    lab.expect(0, &["apply", "--auto-approve"]);
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
    until("w1 is Ready", 60, || {
        lab.kubectl("get node w1 -o jsonpath={.status.conditions[?(@.type==\"Ready\")].status}").contains("True")
    });
}
