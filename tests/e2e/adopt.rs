//! A cluster that was built by hand, after the articles: taken over without being touched where it is right, and
//! given back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::checks::{cluster_works, etcd_members, nodes_are_ready, one_holder};
use crate::lab::{Lab, loudly, until};
use crate::life::NO_CHANGES;
use crate::poll::Poll;

/// In keepalived.conf as it was built by hand.
const PASSWORD: &str = "auth_pass 42";

/// What differs from what mainstay would have made, on each host of its component.
const DIFFERENT: [&str; 6] = [
    "container-runtime/file[/etc/containerd/config.toml]",
    "container-runtime/service[containerd]",
    "haproxy/file[/etc/haproxy/haproxy.cfg]",
    "haproxy/service[haproxy]",
    "keepalived/file[/etc/keepalived/keepalived.conf]",
    "keepalived/service[keepalived]",
];
/// What mainstay adds beside it.
const ADDED: [&str; 4] = [
    "haproxy/file[/etc/systemd/system/haproxy.service.d/mainstay.conf]",
    "host/file[/etc/modules-load.d/mainstay.conf]",
    "host/file[/etc/sysctl.d/90-mainstay.conf]",
    "keepalived/file[/usr/libexec/keepalived/check_haproxy.sh]",
];

#[test]
fn a_cluster_built_by_hand_is_adopted_and_given_back() {
    let Some(lab) = Lab::up("mainstay-e2e-adopt", 2, 1) else { return };
    let began = std::time::Instant::now();
    lab.build_by_hand();
    nodes_are_ready(&lab);
    loudly(&format!("figure: by hand it took {:.0} s", began.elapsed().as_secs_f64()));
    let before = files(&lab);

    a_cluster_that_is_described_wrongly_is_refused(&lab);
    the_plan_touches_nothing_that_is_right(&lab);
    apply_does_what_was_shown(&lab);
    cluster_works(&lab);
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
    lab.expect(0, &["drift"]);
    it_is_given_back(&lab, &before);
}

/// Addresses by what is planned for them, `host/` cut off the ones on hosts.
fn planned(lab: &Lab, args: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let said = lab.expect(0, args);
    let document: serde_json::Value = serde_json::from_str(&said).unwrap();
    let mut planned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for change in document["resource_changes"].as_array().unwrap() {
        let adopted = change["change"].get("importing").is_some_and(|it| !it.is_null());
        let actions: Vec<&str> =
            change["change"]["actions"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let action = if adopted { "adopt".to_owned() } else { actions.join(" ") };
        let address = change["address"].as_str().unwrap();
        planned.entry(action).or_default().insert(address.split_once('/').unwrap().1.to_owned());
    }
    planned
}

fn a_cluster_that_is_described_wrongly_is_refused(lab: &Lab) {
    let (right, wrong) = ("podSubnet: 10.244.0.0/16", "podSubnet: 10.20.0.0/16");
    lab.edit(right, wrong);
    let said = crate::lab::text(&lab.mainstay(&["plan"]));
    assert!(said.contains("kubernetes.podSubnet is 10.244.0.0/16 on the running cluster"), "{said}");
    lab.edit(wrong, right);
    lab.edit("  w1: {", "  w1: {nodeName: worker-1, ");
    let said = crate::lab::text(&lab.mainstay(&["plan"]));
    assert!(said.contains("this host's node is w1, not worker-1"), "{said}");
    lab.edit("nodeName: worker-1, ", "");
}

fn the_plan_touches_nothing_that_is_right(lab: &Lab) {
    let planned = planned(lab, &["plan", "--format", "json"]);
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(planned["update"], set(&DIFFERENT));
    assert_eq!(planned["create"], set(&ADDED));
    for name in ["control-plane/member", "control-plane/member", "worker/member"] {
        assert!(planned["adopt"].contains(name), "{name} is not adopted: {planned:?}");
    }
    for name in ["kubernetes/service[kubelet]", "network/manifest[kube-flannel]", "host/sysctl[net.ipv4.ip_forward]"] {
        assert!(planned["adopt"].contains(name), "{name} is not adopted: {planned:?}");
    }
    let actions: Vec<&str> = planned.keys().map(String::as_str).collect();
    assert_eq!(actions, ["adopt", "create", "update"]);

    let text = lab.expect(0, &["plan", "--full"]);
    assert!(text.contains("not created by mainstay") && text.contains("state MASTER"), "{text}");
    assert!(text.contains("releases the virtual IP"), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
}

/// Files below /etc and where programs lie, with what tells whether they were written again.
fn files(lab: &Lab) -> BTreeMap<String, String> {
    let find = "find /etc /usr/libexec /usr/local /var/lib/kubelet/config.yaml /var/lib/kubelet/kubeadm-flags.env \
                -type f -printf '%p|%m %U:%G %i %T@ ' -exec sha256sum {} ';'";
    let lines = lab.hosts.iter().flat_map(|host| {
        let listed = lab.sh(host, find);
        listed.lines().map(|line| format!("{host}:{line}")).collect::<Vec<_>>()
    });
    lines.map(|line| line.split_once('|').map(|(name, rest)| (name.to_owned(), rest.to_owned())).unwrap()).collect()
}

/// Ids and start times of all containers, as containerd's children tell them, and of kubelet.
fn processes(lab: &Lab) -> BTreeMap<String, String> {
    let list = "ps -eo pid=,lstart=,comm= | grep -E ' (etcd|kubelet|kube-[a-z-]*)$'";
    lab.hosts.iter().map(|host| (host.clone(), lab.sh(host, list))).collect()
}

fn apply_does_what_was_shown(lab: &Lab) {
    let (files_before, processes_before) = (files(lab), processes(lab));
    let members = etcd_members(lab);
    let client = Poll::start(lab.vip());
    let applied = lab.expect(0, &["apply", "--auto-approve"]);
    std::thread::sleep(Duration::from_secs(5));
    let seen = client.end();
    assert!(applied.contains("Apply complete!"), "{applied}");
    loudly(&format!("figure: adopting: outage {:.1?}", seen.outage));
    assert!(seen.outage < Duration::from_secs(20), "the API answers but for one short move: {seen:?}");

    assert_eq!(processes(lab), processes_before, "nothing of Kubernetes was started again");
    assert_eq!(etcd_members(lab), members);
    let after = files(lab);
    let changed = |name: &&String| files_before.get(*name) != after.get(*name);
    let names: BTreeSet<&String> = files_before.keys().chain(after.keys()).filter(changed).collect();
    let known = |name: &str| {
        DIFFERENT.iter().chain(&ADDED).any(|it| it.contains(&format!("file[{name}]")))
            || name == "/etc/keepalived/keepalived.conf.mainstay-prior"
    };
    let unknown: Vec<&&String> = names.iter().filter(|name| !known(name.split_once(':').unwrap().1)).collect();
    assert!(unknown.is_empty(), "written although right: {unknown:?}");
    let state = std::fs::read_to_string(lab.dir.join("state/lab.json")).unwrap();
    assert!(!state.contains(PASSWORD), "the state holds a password of others");
}

/// As it was, with what it read before, and Kubernetes all along.
fn it_is_given_back(lab: &Lab, before: &BTreeMap<String, String>) {
    let planned = planned(lab, &["plan", "--destroy", "--format", "json"]);
    let gone = planned["delete"].clone();
    let expected: BTreeSet<String> = DIFFERENT.iter().chain(&ADDED).map(|name| (*name).to_owned()).collect();
    assert_eq!(gone, expected);
    let text = lab.expect(0, &["plan", "--destroy"]);
    assert!(text.contains("Kubernetes was on cp1, cp2, w1 before mainstay and stays there"), "{text}");
    assert!(
        text.contains("restored to what it was before mainstay") && text.contains("releases the virtual IP"),
        "{text}"
    );

    let processes_before = processes(lab);
    // A watch keeps the haproxy worker alive that runs with mainstay's file; the next worker has another user.
    for host in ["cp1", "cp2"] {
        let watch = "nohup timeout 600 curl -sk --cert /etc/kubernetes/pki/apiserver-kubelet-client.crt \
                     --key /etc/kubernetes/pki/apiserver-kubelet-client.key \
                     'https://localhost:8443/api/v1/nodes?watch=1' >/tmp/watch 2>&1 &";
        lab.sh(host, watch);
        until("the watch is answered", 10, || lab.try_sh(host, "grep -q ADDED /tmp/watch").status.success());
    }
    let client = Poll::start(lab.vip());
    let destroyed = lab.expect(0, &["destroy", "--auto-approve"]);
    assert!(destroyed.contains("Destroy complete!"), "{destroyed}");
    for host in ["cp1", "cp2"] {
        lab.sh(host, "pkill -x curl; rm /tmp/watch");
    }
    until("the API answers by the hand-made load balancers", 30, || crate::poll::answers(lab.vip()));
    std::thread::sleep(Duration::from_secs(5));
    let seen = client.end();
    loudly(&format!("figure: giving back: outage {:.1?}", seen.outage));
    assert_eq!(processes(lab), processes_before);
    nodes_are_ready(lab);
    assert_eq!(one_holder(lab), "cp1", "the MASTER of the articles");

    let without_times = |files: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let kept = |facts: &str| {
            let words: Vec<&str> = facts.split(' ').collect();
            [words[0], words[1], words[4]].join(" ")
        };
        files.iter().map(|(name, facts)| (name.clone(), kept(facts))).collect()
    };
    assert_eq!(without_times(&files(lab)), without_times(before));
    for host in ["cp1", "cp2"] {
        let check = lab.sh(host, "journalctl -u keepalived --no-pager -o cat | tail -n 30");
        assert!(check.contains("VI_1"), "keepalived on {host} runs what is in its file again: {check}");
        let holder = lab.sh(host, "echo 'show stat' | socat - /run/haproxy/admin.sock");
        assert!(holder.contains("\napiserver,"), "haproxy on {host} runs what is in its file again: {holder}");
    }
}
