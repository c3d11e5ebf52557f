//! Roles, labels and taints of nodes that run, and a control plane that leaves.

use crate::checks::one_holder;
use crate::lab::{Lab, loudly};
use crate::life::NO_CHANGES;
use crate::poll::Poll;

/// A control plane that is a worker, too, loses its taint, and labels come and go one by one, while others' taints stay.
pub(crate) fn roles_and_labels_follow(lab: &Lab) {
    let of = |path: &str, node: &str| lab.kubectl(&format!("get node {node} -o jsonpath={{{path}}}"));
    let taints = || of(".spec.taints[*].key", "cp2");
    let apply = || {
        lab.expect(0, &["apply", "--auto-approve"]);
        assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
        lab.expect(0, &["drift"]);
    };
    lab.kubectl("taint node cp2 example.com/others=x:PreferNoSchedule");
    assert!(taints().contains("node-role.kubernetes.io/"), "{}", taints());
    let row = |host: &str| {
        let text = std::fs::read_to_string(lab.dir.join("cluster.yaml")).unwrap();
        text.lines().find(|line| line.starts_with(&format!("  {host}: "))).unwrap().to_owned()
    };
    let (cp2, w1) = (row("cp2"), row("w1"));
    lab.edit(&cp2, &cp2.replace("[control-plane]", "[control-plane, worker]"));
    lab.edit(&w1, &w1.replace("roles", "labels: {disk: ssd, zone: a}, taints: ['dedicated=db:NoSchedule'], roles"));
    lab.expect(3, &["drift"]);
    apply();
    assert_eq!((taints(), of(".spec.taints[*].value", "w1")), ("example.com/others".into(), "db".into()));
    assert_eq!(of(".metadata.labels.disk", "w1"), "ssd");
    // What leaves cluster.yaml is pending, not drift.
    lab.edit("disk: ssd, ", "");
    lab.edit("dedicated=db", "dedicated=web");
    lab.edit("[control-plane, worker]", "[control-plane]");
    lab.expect(3, &["drift"]);
    apply();
    assert!(taints().contains("node-role.kubernetes.io/") && taints().contains("example.com/others"), "{}", taints());
    assert_eq!((of(".metadata.labels.disk", "w1"), of(".metadata.labels.zone", "w1")), (String::new(), "a".into()));
    assert_eq!(of(".spec.taints[*].value", "w1"), "web");
    lab.edit(&row("w1"), &w1);
    apply();
    assert_eq!(of(".metadata.labels.zone", "w1") + &of(".spec.taints[*].key", "w1"), "");
}

/// A control plane leaves, the one that holds the virtual IP; a client notices nothing.
pub(crate) fn the_holder_leaves(lab: &Lab) {
    let holder = one_holder(lab);
    let text = std::fs::read_to_string(lab.dir.join("cluster.yaml")).unwrap();
    let row = text.lines().find(|line| line.starts_with(&format!("  {holder}: "))).unwrap();
    lab.edit(&format!("{row}\n"), "");
    let client = Poll::start(lab.vip());
    lab.expect(0, &["apply", "--auto-approve"]);
    let seen = client.end();
    loudly(&format!("figure: {holder} left: {} of {} requests failed", seen.failed, seen.asked));
    assert!(seen.asked > 5 && seen.failed == 0, "a client saw {seen:?} while {holder} left");
    // Another control plane is recorded as the first one now.
    lab.expect(0, &["apply", "--auto-approve"]);
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
}
