//! What scenarios do not show: words on stderr, and parts in saved plans.

use crate::sandbox::Sandbox;

#[test]
fn an_apply_of_a_part_says_so_at_its_end_and_options_may_have_one_dash() {
    let it = Sandbox::of(crate::sandbox::QUICKSTART);
    let said = it.expect(0, &["apply", "-auto-approve", "-target=cp1/host", "-parallelism=2"]);
    assert!(said.err.contains("not included. To see what remains: mainstay plan"), "{}", said.err);
    let state = it.expect(0, &["state", "list"]).out;
    assert!(state.lines().all(|line| line.starts_with("cp1/host/")), "{state}");
}

#[test]
fn a_partial_first_apply_creates_a_cluster_or_leaves_it_out() {
    let members = |options: &[&str]| {
        let it = Sandbox::of(crate::sandbox::QUICKSTART);
        it.expect(0, &[&["apply", "--auto-approve"], options].concat());
        it.expect(0, &["plan", "--detailed-exitcode"].iter().chain(options).copied().collect::<Vec<_>>());
        it.expect(0, &["state", "list", "*/*/member"]).out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let cp1 = "cp1/control-plane/member".to_owned();
    assert_eq!(members(&["--target", "w1"]), [cp1.clone(), "w1/worker/member".to_owned()]);
    assert_eq!(members(&["--target", "cluster/kubernetes"]), [cp1]);
    assert_eq!(members(&["--target", "cp2/control-plane"]), ["cp2/control-plane/member"]);
    assert_eq!(members(&["--exclude", "*/control-plane"]), [""; 0]);
}

#[test]
fn an_apply_that_lifts_a_guard_says_so() {
    let it = Sandbox::of(crate::sandbox::QUICKSTART);
    it.edit("network:", "guards: {preventDestroy: [cp2/host]}\nnetwork:");
    it.expect(0, &["apply", "--auto-approve"]);
    it.edit("guards: {preventDestroy: [cp2/host]}\n", "");
    let refused = it.expect(1, &["destroy", "--auto-approve"]);
    assert!(refused.err.contains("are refused"), "{}", refused.err);
    // Nothing is to be done, so the guard goes without a word.
    it.expect(0, &["apply", "--auto-approve"]);
    it.edit("network:", "guards: {preventDestroy: [w1]}\nnetwork:");
    it.expect(0, &["apply", "--auto-approve"]);
    it.edit("guards: {preventDestroy: [w1]}\n", "");
    let text = it.read("cluster.yaml");
    let w1 = text.lines().find(|line| line.trim_start().starts_with("w1:")).unwrap();
    it.edit(&format!("{w1}\n"), "");
    let lifted = it.expect(1, &["apply", "--auto-approve"]);
    assert!(
        lifted.err.contains("Nothing was changed on the hosts. The guard is removed from the state: `w1`"),
        "{}",
        lifted.err
    );
    it.expect(0, &["apply", "--auto-approve"]);
}

#[test]
fn a_saved_plan_remembers_its_part_and_what_it_replaces() {
    let it = Sandbox::applied();
    let service = "cp1/haproxy/service[haproxy]";
    it.expect(0, &["sim", "set", "cp1/host/sysctl[net.ipv4.ip_forward]=0"]);
    it.expect(0, &["plan", "--target", "cp1/haproxy", "--replace", service, "--out", "part.plan"]);
    let shown = it.expect(0, &["show", "part.plan"]).out;
    assert!(shown.contains("Partial plan (--target cp1/haproxy)"), "{shown}");
    // What cp1/haproxy needs comes along: the setting is put right, too.
    let applied = it.expect(0, &["apply", "part.plan"]).out;
    assert!(applied.contains("Resources: 1 added, 1 changed, 1 destroyed."), "{applied}");
    it.expect(0, &["plan", "--detailed-exitcode"]);

    it.expect(0, &["sim", "set", "cp1/host/sysctl[net.ipv4.ip_forward]=0"]);
    it.expect(0, &["plan", "--refresh-only", "--out", "noted.plan"]);
    let applied = it.expect(0, &["apply", "noted.plan"]).out;
    assert!(applied.contains("0 changed, 0 destroyed, 1 recorded."), "{applied}");
    it.expect(5, &["apply", "noted.plan", "--target", "cp1"]);
}
