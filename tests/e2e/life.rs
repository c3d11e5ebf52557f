//! From bare hosts to a cluster, through drift and failover, and back to bare hosts.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::checks::{cluster_is_whole, one_holder};
use crate::failover::failover;
use crate::lab::{Lab, loudly, planned_changes, text};
use crate::poll::Poll;
use crate::roles::{roles_and_labels_follow, the_holder_leaves};
use crate::saved::saved_plans_hold;
use crate::services::{
    a_taken_port_is_refused, containerd_restarts_in_turns, haproxy_that_cannot_raise_its_limit,
    keepalived_that_refuses_its_file, kubelet_that_was_not_restarted,
};

pub(crate) const NO_CHANGES: &str = "No changes. The hosts match cluster.yaml.";

#[test]
fn a_cluster_from_bare_hosts_and_back() {
    let Some(lab) = Lab::up("mainstay-e2e", 3, 1) else { return };
    let before = lab.snapshots();
    a_taken_port_is_refused(&lab);

    let began = std::time::Instant::now();
    let applied = lab.expect(0, &["apply", "--auto-approve"]);
    assert!(applied.contains("Apply complete!"), "{applied}");
    loudly(&format!("figure: apply from bare hosts took {:.0} s", began.elapsed().as_secs_f64()));
    cluster_is_whole(&lab);
    checks_hold(&lab);
    destroy_puts_everything_back(&lab, &before);
}

/// The name of a check, and what it does.
type Check = (&'static str, fn(&Lab));

/// Checks of a running cluster share this one, and take turns: a lab of its own costs each two minutes. A check leaves the
/// cluster such that `plan` has nothing to do. `LAB_CHECKS=saved,leaves` runs those whose name has one of these in it.
const CHECKS: &[Check] = &[
    ("nothing_to_do_writes_nothing", nothing_to_do_writes_nothing),
    ("drift_is_named_and_mended", drift_is_named_and_mended),
    ("saved_plans_hold", saved_plans_hold),
    ("roles_and_labels_follow", roles_and_labels_follow),
    ("haproxy_that_cannot_raise_its_limit", haproxy_that_cannot_raise_its_limit),
    ("keepalived_that_refuses_its_file", keepalived_that_refuses_its_file),
    ("kubelet_that_was_not_restarted", kubelet_that_was_not_restarted),
    ("containerd_restarts_in_turns", containerd_restarts_in_turns),
    ("failover", failover),
    // Last: what else is asked of the cluster is asked on the first control plane, which may be the one that leaves.
    ("the_holder_leaves", the_holder_leaves),
];

/// All checks, the others too when one fails, as long as the cluster is whole after it.
fn checks_hold(lab: &Lab) {
    let wanted = std::env::var("LAB_CHECKS").unwrap_or_default();
    let mut failed = Vec::new();
    for (name, check) in CHECKS.iter().filter(|(name, _)| wanted.split(',').any(|it| name.contains(it))) {
        let began = std::time::Instant::now();
        let held = catch_unwind(AssertUnwindSafe(|| check(lab))).is_ok();
        let said = if held { "held" } else { "FAILED" };
        loudly(&format!("check {name}: {said}, {:.0} s", began.elapsed().as_secs_f64()));
        let plan = lab.mainstay(&["plan", "--detailed-exitcode"]);
        if !held || plan.status.code() != Some(0) {
            failed.push(*name);
        }
        if plan.status.code() != Some(0) {
            loudly(&format!("the cluster is not whole after {name}:\n{}", text(&plan)));
            break;
        }
    }
    assert!(failed.is_empty(), "checks of the running cluster failed: {}", failed.join(", "));
}

fn nothing_to_do_writes_nothing(lab: &Lab) {
    let written = |lab: &Lab| -> Vec<String> {
        // /var is a file system of its own, of which logs, etcd and kubelet are the daily writers.
        let find = "find / -xdev -newer /run/marker -not -path '/tmp/*' -not -path '/run/*' -type f; \
                    find /var -xdev -newer /run/marker -type f -not -path '/var/log/*' -not -path '/var/lib/etcd/*' \
                    -not -path '/var/lib/containerd/*' -not -path '/var/lib/kubelet/*' -not -path '/var/lib/cni/*'";
        lab.hosts.iter().map(|host| format!("{host}:{}", lab.sh(host, find).trim())).collect()
    };
    for host in &lab.hosts {
        lab.sh(host, "touch /run/marker");
    }
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
    assert!(lab.expect(0, &["apply", "--auto-approve"]).contains(NO_CHANGES));
    let nothing: Vec<String> = lab.hosts.iter().map(|host| format!("{host}:")).collect();
    assert_eq!(written(lab), nothing);
}

/// Six things at once, on several hosts; a client notices nothing while they are mended.
fn drift_is_named_and_mended(lab: &Lab) {
    let holder = one_holder(lab);
    let other = lab.hosts.iter().find(|host| host.starts_with("cp") && **host != holder).unwrap();
    let stopped = lab.hosts.iter().find(|host| host.starts_with("cp") && **host != holder && *host != other).unwrap();
    lab.sh("w1", "sysctl -w net.bridge.bridge-nf-call-ip6tables=0");
    lab.sh(&holder, "sed -i 's/ip_forward = 1/ip_forward = 0/' /etc/sysctl.d/90-mainstay.conf");
    lab.sh(other, "sed -i 's/maxconn [0-9]*/maxconn 77/' /etc/haproxy/haproxy.cfg");
    lab.sh(stopped, "systemctl disable --now keepalived");
    lab.sh("w1", "rm /etc/modules-load.d/mainstay.conf");
    lab.sh("w1", "systemctl stop kubelet");

    let planned = lab.expect(2, &["--json", "plan", "--detailed-exitcode"]);
    let mut named = planned_changes(&planned);
    named.sort();
    let mut expected = vec![
        format!("{holder}/host/file[/etc/sysctl.d/90-mainstay.conf]"),
        format!("{other}/haproxy/file[/etc/haproxy/haproxy.cfg]"),
        format!("{other}/haproxy/service[haproxy]"),
        format!("{stopped}/keepalived/service[keepalived]"),
        "w1/host/file[/etc/modules-load.d/mainstay.conf]".to_owned(),
        "w1/host/sysctl[net.bridge.bridge-nf-call-ip6tables]".to_owned(),
        "w1/kubernetes/service[kubelet]".to_owned(),
    ];
    expected.sort();
    assert_eq!(named, expected);

    let client = Poll::start(lab.vip());
    lab.expect(0, &["apply", "--auto-approve"]);
    let seen = client.end();
    assert!(seen.asked > 5 && seen.failed == 0, "a client saw {seen:?} while drift was mended");
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
}

fn destroy_puts_everything_back(lab: &Lab, before: &BTreeMap<String, String>) {
    let destroyed = lab.expect(0, &["destroy", "--auto-approve"]);
    assert!(destroyed.contains("Destroy complete!"), "{destroyed}");
    assert_eq!(lab.expect(0, &["state", "list"]).trim(), "");
    let after = lab.snapshots();
    for host in &lab.hosts {
        let after = &after[host];
        let diff = similar::TextDiff::from_lines(before[host].as_str(), after.as_str());
        let diff: Vec<String> = diff
            .iter_all_changes()
            .filter(|change| change.tag() != similar::ChangeTag::Equal && !is_exception(change.value()))
            .map(|change| format!("{}{}", change.tag(), change.value()))
            .collect();
        assert!(diff.is_empty(), "{host} is not as it was before the first apply:\n{}", diff.concat());
    }
}

/// What may stay: tables of the kernel's packet filter that kube-proxy made, empty and accepting all. They cannot be
/// deleted without a program that a host need not have, and do nothing.
fn is_exception(line: &str) -> bool {
    // These belong to the machine, which all hosts share: each puts back what it found, which the first kubelet had set.
    // A lab that starts raises the limit of inotify.
    let shared = [
        "vm.overcommit_memory =",
        "kernel.panic =",
        "kernel.panic_on_oops =",
        "fs.inotify.max_user_instances =",
        "user.max_inotify_instances =",
    ];
    if shared.iter().any(|name| line.starts_with(name)) {
        return true;
    }
    let of_ipv4 = line.strip_prefix("iptables-save: ");
    let Some(rule) = of_ipv4.or_else(|| line.strip_prefix("ip6tables-save: ")) else { return false };
    let rule = rule.trim();
    // Docker has rules in the nat table of IPv4, so that one is there before.
    let table = rule == "*mangle" || rule == "*filter" || of_ipv4.is_none() && rule == "*nat";
    table || rule == "COMMIT" || (rule.starts_with(':') && rule.ends_with(" ACCEPT"))
}
