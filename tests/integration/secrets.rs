//! A secret of cluster.yaml is used, and shows nowhere.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::sandbox::{QUICKSTART, Sandbox};

const CONF: &str = "cp1/keepalived/file[/etc/keepalived/keepalived.conf]";
const MARKER: &str = "mArKeR4x";

/// Everything that lies in a folder, except what the test itself wrote.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes())
}

#[test]
fn a_secret_is_used_and_shows_nowhere() {
    let mut it = Sandbox::of(QUICKSTART);
    it.edit("network:", "loadBalancer: {keepalived: {authPassword: {env: VRRP_PASSWORD}}}\nnetwork:");
    assert!(it.expect(1, &["plan"]).err.contains("environment variable VRRP_PASSWORD is not set"), "it must be there");
    it.env("VRRP_PASSWORD", MARKER);
    let fails = ["sim", "fail", "cp2/keepalived/file"];
    let heals = ["sim", "fail", "cp2/keepalived/file", "--off"];
    let commands: [(i32, &[&str]); 33] = [
        (0, &["-v", "--log", "log", "validate"]),
        (0, &["-v", "--log", "log", "plan", "--full"]),
        (0, &["-v", "--log", "log", "--json", "plan"]),
        (0, &["-v", "--log", "log", "plan", "--out", "first.plan"]),
        (0, &["show", "first.plan"]),
        (0, &["show", "--json", "first.plan"]),
        (0, &["render"]),
        (0, &["--json", "render"]),
        (0, &["graph"]),
        (0, &fails),
        (1, &["-v", "--log", "log", "--json", "apply", "--auto-approve"]),
        (0, &heals),
        (0, &["-v", "--log", "log", "apply", "--auto-approve"]),
        (0, &["plan", "--detailed-exitcode"]),
        (0, &["show"]),
        (0, &["--json", "show"]),
        (0, &["state", "show", CONF]),
        (0, &["sim", "status"]),
        (0, &["--json", "sim", "status"]),
        (0, &["-v", "facts"]),
        (0, &["plan", "--destroy", "--full"]),
        (0, &["sim", "set", &format!("{CONF}={{\"mode\":\"0666\"}}")]),
        (2, &["plan", "--json", "--detailed-exitcode"]),
        (2, &["-v", "--log", "log", "drift", "--full"]),
        (2, &["drift", "--format", "json"]),
        (2, &["drift", "--format", "junit"]),
        (2, &["drift", "--format", "markdown"]),
        (2, &["drift", "--state", "state/quickstart.json"]),
        (0, &["-v", "--log", "log", "plan", "--out", "second.plan"]),
        (0, &["-v", "--log", "log", "plan", "--destroy", "--out", "destroy.plan"]),
        (0, &["show", "--full", "second.plan"]),
        (0, &["show", "--json", "second.plan"]),
        (1, &["-v", "--log", "log", "apply", "first.plan"]),
    ];
    for (code, args) in commands {
        let said = it.expect(code, args);
        assert!(!holds(said.out.as_bytes()) && !holds(said.err.as_bytes()), "mainstay {}", args.join(" "));
    }
    let drift = it.expect(2, &["drift"]).out;
    assert!(drift.contains("      mode  ") && !drift.contains("content"), "the secret is as applied: {drift}");
    no_plain_hash(&it);
    assert!(it.expect(0, &["render", "cp1"]).out.contains("auth_pass (sensitive)"));
    // It counts all the same: another one is a change, which does not show either, and not one for several at a time.
    let same = it.expect(0, &["apply", "--auto-approve"]);
    assert!(same.out.contains("Apply complete! Resources: 0 added, 2 changed"), "{}", same.out);
    it.env("VRRP_PASSWORD", "aNother1");
    let other = it.expect(1, &["plan", "--detailed-exitcode"]);
    assert!(other.out.contains("authPassword cannot change") && !other.out.contains("aNother1"), "{}", other.out);
    it.env("VRRP_PASSWORD", MARKER);
    it.expect(0, &["plan", "--detailed-exitcode"]);
    let said = it.expect(0, &["-v", "--log", "log", "--json", "destroy", "--auto-approve"]);
    assert!(!holds(said.out.as_bytes()) && !holds(said.err.as_bytes()));
    let mut left = Vec::new();
    files(it.dir(), &mut left);
    assert!(left.len() > 3, "state, its generations, simulated hosts and log: {}", left.len());
    for (path, bytes) in left {
        assert!(!holds(&bytes), "{path}");
    }
}

/// From the plain hash of a file that holds a short secret, the secret can be found by trying.
fn no_plain_hash(it: &Sandbox) {
    let hosts = it.read("state/quickstart.hosts.jsonl");
    let (_, conf) = hosts.rsplit_once(CONF).unwrap();
    let hash = conf.split("\"sha256\":\"").nth(1).unwrap().split('"').next().unwrap();
    let recorded = it.read("state/quickstart.json");
    let (_, record) = recorded.split_once(CONF).unwrap();
    let observed = record.split("\"observed\": \"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!((hash.len(), observed.len()), (64, 64));
    for plan in ["first.plan", "second.plan", "destroy.plan"] {
        assert!(it.read(plan).contains(CONF));
        assert!(!it.read(plan).contains(hash) && !it.read(plan).contains(observed), "{plan}");
    }
}

/// A journal is what a killed run leaves; one that has ended before it could be killed is taken back, and another is run.
#[test]
fn a_secret_is_in_no_journal() {
    let mut it = Sandbox::of(QUICKSTART);
    it.edit("network:", "loadBalancer: {keepalived: {authPassword: {env: VRRP_PASSWORD}}}\nnetwork:");
    it.env("VRRP_PASSWORD", MARKER);
    let written = (0..20).find_map(|_| {
        let mut child = it.start(&["--json", "apply", "--auto-approve"]);
        let mut progress = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !(line.contains(CONF) && line.contains("apply_complete")) {
            line.clear();
            assert!(progress.read_line(&mut line).unwrap() > 0, "it ended, and said nothing of {CONF}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let journal = fs::read_to_string(it.path("state/quickstart.journal"));
        if journal.is_err() {
            it.expect(0, &["destroy", "--auto-approve"]);
        }
        journal.ok()
    });
    let written = written.expect("a run is killed before it ends");
    assert!(written.contains(CONF), "{} bytes", written.len());
    assert!(!holds(written.as_bytes()));
}
