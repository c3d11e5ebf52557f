//! Services that refuse their files: apply fails with the reason, and what ran before still runs.

use crate::checks::{nodes_are_ready, one_holder};
use crate::lab::{Lab, text};
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
        let said = format!("On cp2, socat (pid {}) listens on port 8443", pid.trim());
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
    let written = |host: &str| lab.sh(host, "stat -c %Y /etc/haproxy/haproxy.cfg");
    let before = (written("cp2"), written("cp3"));
    let client = Poll::start(lab.vip());
    fails(lab, "Cannot raise FD limit");
    let seen = client.end();
    assert!(seen.failed == 0, "a client saw {seen:?} while haproxy refused its file");
    assert_eq!((written("cp2"), written("cp3")), before, "the first load balancer tries it alone");
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
    is_pending(lab, "file[/etc/keepalived/keepalived.conf]");
    lab.sh(&holder, "chmod 755 /usr/libexec/keepalived");
    taken_back(lab, wish, "endpoint:");
}

/// A file that containerd cannot read reaches no host; one with which it does not start costs one host a restart; a good
/// one restarts it on one host after another, and a client notices nothing.
pub(crate) fn containerd_restarts_in_turns(lab: &Lab) {
    // In microseconds since the machine started, so that the times of all hosts can be compared.
    let started = |host: &String| -> u64 {
        lab.sh(host, "systemctl show -p ActiveEnterTimestampMonotonic --value containerd").trim().parse().unwrap()
    };
    let started_at = || lab.hosts.iter().map(started).collect::<Vec<_>>();
    let files = || {
        let of = |host: &String| lab.sh(host, "sha256sum /etc/containerd/config.toml; ls /etc/containerd");
        lab.hosts.iter().map(of).collect::<Vec<_>>()
    };
    let (began, written) = (started_at(), files());
    let client = Poll::start(lab.vip());

    // On machines with cgroup v1 the lab has a setting of its own there.
    let of_lab = std::fs::read_to_string(lab.dir.join("cluster.yaml")).unwrap().contains("containerRuntime: {");
    let without = if of_lab { "containerRuntime: {" } else { "endpoint:" };
    let end = if of_lab { ", " } else { "}\nendpoint:" };
    let with = |extra: &str| format!("containerRuntime: {{extra: {extra}{end}");

    let unreadable = with("{oom_score: many}");
    lab.edit(without, &unreadable);
    fails(lab, "oom_score");
    assert_eq!((started_at(), files()), (began.clone(), written.clone()), "a file that cannot be read changes nothing");
    lab.edit(&unreadable, without);

    let wrong = with("{root: /proc/nothing}");
    lab.edit(without, &wrong);
    fails(lab, "the previous /etc/containerd/config.toml was put back, and containerd.service runs with it again");
    let restarted = started_at();
    assert!(restarted[0] > began[0], "the first host tries it");
    assert_eq!((&restarted[1..], files()), (&began[1..], written), "no other host is changed");
    is_pending(lab, "file[/etc/containerd/config.toml]");
    lab.edit(&wrong, without);

    let good = with("{debug: {level: warn}}");
    lab.edit(without, &good);
    let planned = lab.expect(0, &["plan"]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(planned.contains("cp1 first; if cp1 does not become healthy again"), "{planned}");
    lab.expect(0, &["apply", "--auto-approve"]);
    let in_turns = started_at();
    assert!(restarted.iter().zip(&in_turns).all(|(before, after)| before < after), "{restarted:?} {in_turns:?}");
    assert!(in_turns.is_sorted(), "control planes first, then workers: {in_turns:?}");
    for host in &lab.hosts {
        lab.sh(host, "containerd config dump | grep -q 'level = \"warn\"'");
    }
    let seen = client.end();
    assert!(seen.failed == 0, "a client saw {seen:?} while containerd restarted");
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
    nodes_are_ready(lab);
    taken_back(lab, &good, without);
}

/// kubelet runs with an older configuration, then with an older program than on disk, as after an upgrade of its package.
pub(crate) fn kubelet_that_was_not_restarted(lab: &Lab) {
    let runs = || lab.sh("w1", "systemctl show -p MainPID --value kubelet");
    let by_hand = [
        "sleep 1; echo '# by hand' >>/var/lib/kubelet/config.yaml",
        "program=$(readlink /proc/$(systemctl show -p MainPID --value kubelet)/exe); cp -p $program $program.new; \
         mv $program.new $program",
    ];
    for change in by_hand {
        let before = runs();
        lab.sh("w1", change);
        let drift = lab.expect(2, &["drift"]);
        assert!(drift.contains("service[kubelet]") && drift.contains("older than on disk"), "{drift}");
        lab.expect(0, &["apply", "--auto-approve"]);
        assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
        assert_ne!(runs(), before, "kubelet was restarted after: {change}");
    }
    nodes_are_ready(lab);
}
