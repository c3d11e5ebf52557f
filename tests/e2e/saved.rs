//! Plans that are saved, and what the hosts do between the review and the apply.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::lab::{Lab, text};
use crate::life::NO_CHANGES;
use crate::poll::Poll;

/// A host is changed after the review: refused by name, then accepted by name. `kill -9` in the middle of the next
/// one: the plan is stale, and a plain apply resumes.
pub(crate) fn saved_plans_hold(lab: &Lab) {
    let path = lab.dir.join("lab.plan");
    let plan = path.to_str().unwrap();
    lab.edit("network: {plugin: bridge}", "network: {plugin: bridge}\nloadBalancer: {haproxy: {maxconn: 5000}}");
    lab.expect(0, &["plan", "--out", plan]);
    assert!(lab.expect(0, &["show", plan]).contains("maxconn 5000"));

    // Both move: the file, and the service, which no longer runs with the file on disk.
    let drifted = ["cp2/haproxy/file[/etc/haproxy/haproxy.cfg]", "cp2/haproxy/service[haproxy]"];
    lab.sh("cp2", "sed -i 's/retries 3/retries 9/' /etc/haproxy/haproxy.cfg");
    let refused = lab.mainstay(&["apply", plan]);
    let said = text(&refused);
    assert!(refused.status.code() == Some(1) && drifted.iter().all(|it| said.contains(it)), "{said}");
    assert!(lab.sh("cp1", "cat /etc/haproxy/haproxy.cfg").contains("maxconn 4000"), "nothing is done");

    let client = Poll::start(lab.vip());
    let applied = lab.expect(0, &["apply", plan, "--accept-drift", drifted[0], "--accept-drift", drifted[1]]);
    assert!(applied.contains("Apply complete!"), "{applied}");
    let seen = client.end();
    assert!(seen.failed == 0, "a client saw {seen:?} while haproxy.cfg changed");
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));

    lab.edit("maxconn: 5000", "maxconn: 6000");
    lab.expect(0, &["plan", "--out", plan]);
    let mut child = lab.command(&["apply", plan]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with(": updated") || line.contains(": updated after")), "nothing was started");
    child.kill().unwrap();
    child.wait().unwrap();
    let stale = lab.mainstay(&["apply", plan]);
    assert_eq!(stale.status.code(), Some(1), "{}", text(&stale));
    lab.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(lab.expect(0, &["apply", "--auto-approve"]).contains("Apply complete!"));
    assert!(lab.expect(0, &["plan", "--detailed-exitcode"]).contains(NO_CHANGES));

    lab.edit("\nloadBalancer: {haproxy: {maxconn: 6000}}", "");
    lab.expect(0, &["apply", "--auto-approve"]);
}
