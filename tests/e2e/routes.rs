//! Routes between the pods of all nodes: a node reboots, leaves and comes back.

use crate::checks::pods_reach_each_other;
use crate::lab::{Lab, until};
use crate::life::NO_CHANGES;

/// The routes that mainstay made on a host, one a line.
fn routes(lab: &Lab, host: &str) -> String {
    lab.sh(host, "ip route show proto 77")
}

/// Needs the hosts cp1, w1 and w2, with the network plugin `bridge`.
pub(crate) fn routes_follow_the_nodes(lab: &Lab) {
    let before = routes(lab, "w1");
    assert_eq!(before.lines().count(), 2, "to cp1 and w2: {before}");

    // The routes come back with the host.
    lab.docker("restart", "w1");
    until("w1 is back as it was", 120, || lab.mainstay(&["plan", "--detailed-exitcode"]).status.code() == Some(0));
    assert_eq!(routes(lab, "w1"), before);
    pods_reach_each_other(lab);

    let text = std::fs::read_to_string(lab.dir.join("cluster.yaml")).unwrap();
    let row = |host: &str| text.lines().find(|line| line.starts_with(&format!("  {host}: "))).unwrap();
    let both = format!("{}\n{}\n", row("w1"), row("w2"));
    lab.edit(&format!("{}\n", row("w2")), "");
    lab.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(routes(lab, "w1").lines().count(), 1, "to cp1: {}", routes(lab, "w1"));
    assert_eq!(routes(lab, "w2") + &lab.sh("w2", "ls -d /etc/mainstay 2>/dev/null || true"), "");
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));

    lab.edit(&format!("{}\n", row("w1")), &both);
    lab.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(routes(lab, "w1"), before);
    pods_reach_each_other(lab);
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));
}
