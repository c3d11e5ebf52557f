//! Saved plans: `plan --out`, `apply FILE`, `show FILE`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::sandbox::{QUICKSTART, Said, Sandbox};

const FORWARD: &str = "cp1/host/sysctl[net.ipv4.ip_forward]";
const SWAPPINESS: &str = "w1/host/sysctl[net.ipv4.ip_forward]";
const P: &str = "prod.plan";

/// The quickstart, applied, with a saved plan that changes the load balancers.
fn reviewed() -> Sandbox {
    let it = Sandbox::applied();
    it.edit("network:", "loadBalancer: {haproxy: {maxconn: 8000}}\nnetwork:");
    it.expect(0, &["plan", "--out", P]);
    it
}

fn drift(it: &Sandbox, address: &str) {
    it.expect(0, &["sim", "set", &format!("{address}=0")]);
}

/// An apply that must be refused with this exit code and every one of these texts, and change nothing.
#[track_caller]
fn refused(it: &Sandbox, code: i32, args: &[&str], texts: &[&str]) -> Said {
    let now = || (fs::read(it.path("state/quickstart.json")).ok(), it.run(&["sim", "status"]).out);
    let before = now();
    let said = it.expect(code, args);
    for text in texts {
        assert!(said.err.contains(text), "`{text}` is missing:\n{}", said.err);
    }
    assert!(said.err.contains("= help: "), "{}", said.err);
    assert_eq!(said.out, "");
    assert!(before == now(), "something was changed");
    said
}

fn copied(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir_all(&to).unwrap();
            copied(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

#[test]
fn a_first_plan_is_saved_shown_and_carried_out_without_asking() {
    let it = Sandbox::of(QUICKSTART);
    let said = it.expect(2, &["plan", "--detailed-exitcode", "--out", P]);
    assert_eq!(said.err, "Saved to prod.plan. To apply it, run: mainstay apply prod.plan\n");
    assert_eq!(fs::metadata(it.path(P)).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!it.path("state/quickstart.json").exists(), "a plan writes no state");
    assert_eq!(it.expect(0, &["show", P]).out, said.out);
    let lineage = |text: String| text.split("\"lineage\":\"").nth(1).unwrap()[..36].to_owned();
    let planned = lineage(it.read(P));
    let said = it.expect(0, &["apply", P]);
    assert!(said.out.ends_with("Apply complete! Resources: 141 added, 0 changed, 0 destroyed.\n"), "{}", said.out);
    assert!(it.read("state/quickstart.json").contains(&planned), "the state has the lineage of the plan");
    refused(
        &it,
        1,
        &["apply", P],
        &["there was no state when this plan was saved", "already have been applied", "mainstay plan --out prod.plan"],
    );
    it.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn of_two_first_plans_only_one_is_applied() {
    let it = Sandbox::of(QUICKSTART);
    it.expect(0, &["plan", "--out", "a"]);
    it.expect(0, &["plan", "--out", "b"]);
    it.expect(0, &["apply", "a"]);
    refused(
        &it,
        1,
        &["apply", "b"],
        &["b: the plan was saved before the first apply, and another plan has been applied since"],
    );
}

#[test]
fn two_saves_of_the_same_input_are_the_same_and_an_old_one_is_stale() {
    let it = reviewed();
    let first = it.read(P);
    it.expect(0, &["plan", "--out", P]);
    it.expect(0, &["plan", "--out", "other.plan", "--parallelism", "1"]);
    assert!(first == it.read(P) && first == it.read("other.plan"));
    assert!(it.expect(0, &["apply", P]).out.contains("Apply complete!"));
    let texts = ["other.plan: the state has moved from serial 2 to 3", "already have been applied"];
    refused(&it, 1, &["apply", "other.plan"], &texts);
    it.edit("maxconn: 8000", "maxconn: 8001");
    it.expect(0, &["plan", "--out", P]);
    drift(&it, FORWARD);
    it.expect(0, &["apply", "--auto-approve"]);
    refused(&it, 1, &["apply", P], &["prod.plan: the state has moved from serial 3 to 4"]);
}

#[test]
fn a_plan_is_applied_from_a_copy_of_the_directory() {
    let (it, elsewhere) = (reviewed(), Sandbox::new(""));
    copied(it.dir(), elsewhere.dir());
    assert!(elsewhere.expect(0, &["apply", P]).out.contains("Apply complete!"));
    fs::remove_dir_all(it.path("state")).unwrap();
    let texts = ["the plan was made from state serial 2, but there is no state here", "restore the state file"];
    let said = it.expect(1, &["apply", P]);
    assert!(texts.iter().all(|text| said.err.contains(text)), "{}", said.err);
}

#[test]
fn cluster_yaml_that_changed_is_refused_even_in_a_comment() {
    let it = reviewed();
    it.edit("maxconn: 8000", "maxconn: 8000 ");
    refused(
        &it,
        1,
        &["apply", P],
        &["prod.plan: cluster.yaml has changed since the plan was saved", "mainstay plan --out prod.plan"],
    );
    it.edit("maxconn: 8000 ", "maxconn: 8000");
    it.edit("name: quickstart", "name: other");
    refused(
        &it,
        1,
        &["apply", P],
        &[
            "prod.plan: the plan is for cluster `quickstart`, but cluster.yaml describes cluster `other`",
            "-f OTHER apply",
        ],
    );
    it.edit("name: other", "name: quickstart");
    assert!(it.expect(0, &["apply", P]).out.contains("Apply complete!"));
    fs::rename(it.path("cluster.yaml"), it.path("prod.yaml")).unwrap();
    it.expect(5, &["apply", P]);
    let said = it.expect(0, &["-f", "prod.yaml", "plan", "--out", "a b"]);
    assert_eq!(said.err, "Saved to a b. To apply it, run: mainstay -f prod.yaml apply 'a b'\n");
}

#[test]
fn a_manifest_that_changed_is_refused() {
    let it = Sandbox::of(QUICKSTART);
    it.edit("{plugin: bridge}", "{plugin: manifest, manifest: {path: cni.yaml}}");
    let manifest =
        |data: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: {data}}}\n");
    fs::write(it.path("cni.yaml"), manifest("one")).unwrap();
    it.expect(0, &["plan", "--out", P]);
    fs::write(it.path("cni.yaml"), manifest("two")).unwrap();
    let said = it.expect(1, &["apply", P]);
    assert!(said.err.contains("prod.plan: the file behind `network.manifest` has changed"), "{}", said.err);
    fs::write(it.path("cni.yaml"), manifest("one")).unwrap();
    it.expect(0, &["apply", P]);
}

#[test]
fn hosts_that_moved_are_refused_by_name_unless_that_is_accepted() {
    let it = reviewed();
    drift(&it, FORWARD);
    drift(&it, SWAPPINESS);
    let texts = [
        "prod.plan: the hosts have changed since the plan was saved\n",
        "  cp1/host/sysctl[net.ipv4.ip_forward]: ",
        "value was 1, now 0",
        "  w1/host/sysctl[net.ipv4.ip_forward]: ",
        "--accept-drift 'cp1/host/sysctl[net.ipv4.ip_forward]' --accept-drift ",
    ];
    refused(&it, 1, &["apply", P], &texts);
    refused(&it, 1, &["apply", P, "--accept-drift", "cp1"], &["w1/host/sysctl"]);
    refused(&it, 5, &["apply", P, "--accept-drift", "cp1/hots"], &["--accept-drift cp1/hots", "did you mean cp1/host"]);
    let said = it.expect(0, &["apply", P, "--accept-drift", "cp1", "--accept-drift", "w*/host"]);
    assert!(said.err.contains("Warning: cp1/host/sysctl[net.ipv4.ip_forward]: "), "{}", said.err);
    assert!(said.err.contains("was 1, now 0; skipped"), "{}", said.err);
    // What was left alone is still drift.
    let left = it.expect(2, &["plan", "--detailed-exitcode"]).out;
    assert!(left.ends_with("Plan: 0 to add, 2 to change, 0 to destroy.\n"), "{left}");
}

#[test]
fn drift_on_what_is_changed_anyway_is_mended_when_accepted() {
    let it = reviewed();
    let cfg = "cp2/haproxy/file[/etc/haproxy/haproxy.cfg]";
    it.expect(0, &["sim", "set", &format!("{cfg}={{\"mode\":\"0666\"}}")]);
    refused(&it, 1, &["apply", P], &[&format!("{cfg}: mode was 0644, now 0666")]);
    let said = it.expect(0, &["apply", P, "--accept-drift", cfg, "--json"]);
    assert!(said.json().iter().any(|line| line["@message"].as_str().unwrap().contains("applied as reviewed")));
    it.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_host_that_is_lost_is_drift_too() {
    let it = reviewed();
    it.expect(0, &["sim", "down", "w2"]);
    refused(&it, 1, &["apply", P], &["w2/", "cannot be checked now: ", "... "]);
    assert!(it.expect(0, &["apply", P, "--accept-drift", "w2"]).out.contains("Apply complete!"));
}

#[test]
fn another_secret_is_refused_and_neither_is_shown() {
    let mut it = Sandbox::of(QUICKSTART);
    it.edit("network:", "loadBalancer: {keepalived: {authPassword: {env: VRRP_PASSWORD}}}\nnetwork:");
    it.env("VRRP_PASSWORD", "oldMark1");
    it.expect(0, &["plan", "--out", P]);
    it.env("VRRP_PASSWORD", "newMark1");
    let said = it.expect(1, &["apply", P]);
    let text = "cp1/keepalived/file[/etc/keepalived/keepalived.conf]: one of its secrets has changed";
    assert!(said.err.contains(text) && !said.err.contains("Mark1"), "{}", said.err);
    it.env("VRRP_PASSWORD", "oldMark1");
    // Masks stand in the document where the plan has secrets, so that it says the same of either.
    let document = it.expect(0, &["plan", "--format", "json"]).out;
    assert_eq!(it.expect(0, &["show", "--json", P]).out, document);
    it.expect(0, &["apply", P]);
}

#[test]
fn a_plan_with_problems_is_saved_and_shown_and_never_applied() {
    let it = Sandbox::applied();
    it.expect(0, &["sim", "down", "cp2"]);
    let said = it.expect(1, &["plan", "--out", P]);
    assert!(
        said.err.ends_with("Saved to prod.plan for review only: the plan has problems and cannot be applied.\n"),
        "{}",
        said.err
    );
    assert_eq!(it.expect(0, &["show", P]).out, said.out);
    refused(&it, 1, &["apply", P], &["cannot be applied: ", "unknown or blocked", "mainstay show prod.plan"]);
    it.expect(0, &["sim", "up", "cp2"]);
    refused(&it, 1, &["apply", P, "--accept-drift", "*"], &["cannot be applied"]);
    it.edit("network:", "guards: {preventDestroy: ['*']}\nnetwork:");
    it.expect(1, &["plan", "--destroy", "--out", P]);
    refused(&it, 1, &["apply", P], &["changes are refused"]);
}

#[test]
fn destroy_is_reviewed_too() {
    let it = Sandbox::applied();
    let said = it.expect(0, &["plan", "--destroy", "--out", P]);
    assert_eq!(it.expect(0, &["show", P]).out, said.out);
    let document = it.expect(0, &["plan", "--destroy", "--format", "json"]).out;
    assert_eq!(it.expect(0, &["show", "--json", P]).out, document);
    assert_eq!(it.expect(0, &["show", "--format", "json", P]).out, document);
    drift(&it, FORWARD);
    refused(&it, 1, &["apply", P], &[FORWARD, "mainstay plan --destroy --out prod.plan"]);
    it.expect(0, &["sim", "set", &format!("{FORWARD}=1")]);
    assert!(it.expect(0, &["apply", P]).out.contains("Destroy complete! Resources: "));
    assert_eq!(it.expect(0, &["state", "list"]).out, "");
}

#[test]
fn a_plan_with_nothing_to_do_is_applied_and_still_checked() {
    let it = Sandbox::applied();
    it.expect(0, &["plan", "--out", P]);
    for _ in 0..2 {
        assert_eq!(it.expect(0, &["apply", P]).out, "No changes. The hosts match cluster.yaml.\n");
    }
    drift(&it, FORWARD);
    refused(&it, 1, &["apply", P], &[FORWARD]);
    let said = it.expect(0, &["apply", P, "--accept-drift", "*"]);
    assert!(!said.out.contains("No changes"), "{}", said.out);
}

#[test]
fn how_it_was_planned_is_saved_with_the_plan() {
    let it = reviewed();
    it.expect(0, &["plan", "--target", "cp1/haproxy", "--out", P]);
    let shown = it.expect(0, &["show", P]).out;
    assert_eq!(it.expect(0, &["plan", "--target", "cp1/haproxy"]).out, shown);
    drift(&it, FORWARD);
    drift(&it, SWAPPINESS);
    // Only what the part is about may not have moved.
    refused(&it, 1, &["apply", P], &[FORWARD, "mainstay plan --target cp1/haproxy --out prod.plan"]);
    it.expect(0, &["sim", "set", &format!("{FORWARD}=1")]);
    let said = it.expect(0, &["apply", P]);
    assert!(said.out.ends_with("Apply complete! Resources: 0 added, 2 changed, 0 destroyed.\n"), "{}", said.out);

    let replaced = "w1/container-runtime/service[containerd]";
    it.expect(0, &["plan", "--exclude", "cp2", "--replace", replaced, "--out", P]);
    it.edit("maxconn: 8000", "maxconn: 8001");
    let again = format!("mainstay plan --exclude cp2 --replace '{replaced}' --out prod.plan");
    refused(&it, 1, &["apply", P], &[&again]);
    it.edit("maxconn: 8001", "maxconn: 8000");
    let said = it.expect(0, &["apply", P]);
    assert!(said.out.contains("Resources: 1 added, "), "{}\n{}", it.expect(0, &["show", P]).out, said.out);

    drift(&it, FORWARD);
    it.expect(0, &["plan", "--refresh-only", "--out", P]);
    let before = it.expect(0, &["sim", "status"]).out;
    assert!(it.expect(0, &["apply", P]).out.contains(" recorded"));
    assert_eq!(it.expect(0, &["sim", "status"]).out, before, "no host is changed");
    refused(&it, 1, &["apply", P], &["mainstay plan --refresh-only --out prod.plan"]);
}

#[test]
fn a_rehearsal_is_saved_with_the_plan() {
    let it = Sandbox::of(QUICKSTART);
    it.edit("fleet: simulated\n", "");
    it.expect(0, &["plan", "--simulate", "--out", P]);
    it.expect(0, &["apply", P]);
    assert!(it.path("state/quickstart.simulated.json").exists() && !it.path("state/quickstart.json").exists());
    drift_of_rehearsal(&it);
}

fn drift_of_rehearsal(it: &Sandbox) {
    it.expect(0, &["plan", "--simulate", "--out", P]);
    it.edit("port: 8443", "port: 9443");
    assert!(it.expect(1, &["apply", P]).err.contains("mainstay plan --simulate --out prod.plan"));
}

#[test]
fn planning_options_have_no_place_beside_a_plan() {
    let it = reviewed();
    let texts = ["--full, --simulate cannot be used with prod.plan", "mainstay plan --full --simulate --out prod.plan"];
    refused(&it, 5, &["apply", P, "--simulate", "--full"], &texts);
    it.expect(5, &["apply", "--accept-drift", "cp1"]);
    it.expect(5, &["show", "--full"]);
    it.expect(0, &["apply", P, "--parallelism", "2", "--fail-fast", "--auto-approve"]);
}

#[test]
fn what_is_no_plan_or_a_damaged_one_is_told_with_what_to_do() {
    let it = reviewed();
    let whole = fs::read(it.path(P)).unwrap();
    let body = whole.len() - whole.iter().position(|&byte| byte == b'\n').unwrap() - 1;
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    let newer = String::from_utf8(whole.clone()).unwrap().replacen("format 1", "format 2", 1).into_bytes();
    let damaged: [(&[u8], i32, &str); 6] = [
        (b"", 5, "prod.plan is empty"),
        (b"kind: Cluster\n", 5, "is not a saved plan"),
        (
            &whole[..whole.len() - 4096],
            1,
            &format!("prod.plan: the saved plan is truncated: 4096 of {body} bytes are missing"),
        ),
        (&whole[..40], 1, "prod.plan: the saved plan is truncated in its first line"),
        (&flipped, 1, "prod.plan: the saved plan is damaged: checksum mismatch"),
        (&newer, 1, "prod.plan: the saved plan has format 2; this version of mainstay"),
    ];
    for (bytes, code, text) in damaged {
        fs::write(it.path(P), bytes).unwrap();
        for command in [&["apply", P][..], &["show", P], &["show", "--json", P]] {
            let said = it.run(command);
            assert_eq!(said.code, code, "{command:?}: {}", said.err);
            assert!(said.err.contains(text) && said.err.contains("= help: "), "{command:?}: {}", said.err);
        }
    }
    for (path, text) in [("state", "state cannot be read: it is a directory"), ("nowhere", "nowhere cannot be read")] {
        refused(&it, 5, &["apply", path], &[text, "mainstay plan --out FILE"]);
    }
    refused(&it, 5, &["apply", "cluster.yaml"], &["is not a saved plan", "mainstay -f cluster.yaml apply"]);
}

#[test]
fn only_a_plan_is_overwritten_and_a_plan_that_cannot_be_saved_says_so() {
    let it = Sandbox::of(QUICKSTART);
    let before = it.read("cluster.yaml");
    fs::create_dir(it.path("folder")).unwrap();
    let wrong = [
        ("cluster.yaml", "the file already exists and is not a saved plan"),
        ("folder", "is a directory"),
        ("no/such/file", "its directory does not exist"),
        ("/dev/null", "is not a regular file"),
    ];
    for (out, text) in wrong {
        let said = it.expect(5, &["plan", "--out", out]);
        assert!(said.err.contains(out) && said.err.contains(text) && said.err.contains("with --out"), "{}", said.err);
        assert_eq!(said.out, "");
    }
    assert_eq!(it.read("cluster.yaml"), before);
    it.expect(0, &["plan", "--out", P]);
    fs::set_permissions(it.path(P), fs::Permissions::from_mode(0o644)).unwrap();
    it.expect(0, &["plan", "--out", P]);
    assert_eq!(fs::metadata(it.path(P)).unwrap().permissions().mode() & 0o777, 0o600);
    let left = fs::read_dir(it.dir()).unwrap().count();
    assert_eq!(left, 4, "cluster.yaml, folder, the plan and the simulated hosts");
}

/// Runs a line of shell in the sandbox's directory; `$M` is mainstay.
fn shell(it: &Sandbox, line: &str) -> Said {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(it.dir()).env("M", env!("CARGO_BIN_EXE_mainstay"));
    Said::of(&command.output().unwrap())
}

#[test]
fn a_full_disk_leaves_the_old_plan_and_says_so() {
    let it = Sandbox::of(QUICKSTART);
    it.expect(0, &["plan", "--out", P]);
    let before = it.read(P);
    // No file may grow beyond 16 KiB, and the plan is larger.
    let said = shell(&it, "trap '' XFSZ; ulimit -f 16; \"$M\" plan --out prod.plan");
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("cannot save the plan to prod.plan: File too large"), "{}", said.err);
    assert!(said.err.contains("name another file with --out") && !said.err.contains("Saved to"), "{}", said.err);
    assert!(said.out.contains("Plan: 141 to add"), "it is shown all the same");
    assert!(it.read(P) == before);
    assert_eq!(fs::read_dir(it.dir()).unwrap().count(), 3, "cluster.yaml, the plan and the simulated hosts");
}

#[test]
fn a_reader_that_leaves_early_does_not_lose_the_file() {
    let it = Sandbox::of(QUICKSTART);
    let said = shell(&it, "\"$M\" plan --full --out prod.plan | head -1");
    assert_eq!(said.out.lines().count(), 1);
    it.expect(0, &["apply", P]);
}

#[test]
fn of_two_applies_at_once_one_carries_it_out() {
    let it = Sandbox::of(QUICKSTART);
    it.expect(0, &["plan", "--out", P]);
    let both = [it.start(&["apply", P]), it.start(&["apply", P])];
    let [one, other] = both.map(|child| Said::of(&child.wait_with_output().unwrap()));
    let (done, refused) = if one.code == 0 { (one, other) } else { (other, one) };
    assert!(done.out.contains("Apply complete! Resources: 141 added"), "{}{}", done.out, done.err);
    let (locked, stale) = (refused.code == 6, refused.code == 1 && refused.err.contains("already have been applied"));
    assert!(locked || stale, "{}: {}", refused.code, refused.err);
    // The one that waits for the lock finds the plan applied.
    let lease = mainstay::state::acquire(
        &mainstay::state::local(&it.path("state/quickstart.json")),
        "apply",
        std::time::Duration::ZERO,
    )
    .unwrap();
    let waiting = it.start(&["apply", P, "--lock-timeout", "60s"]);
    it.expect(6, &["apply", P]);
    drop(lease);
    assert_eq!(Said::of(&waiting.wait_with_output().unwrap()).code, 1);
}

/// Every example of the help that names a saved plan, in the order in which they are of use.
#[test]
fn examples_of_the_help_work() {
    let it = Sandbox::of(QUICKSTART);
    for command in ["plan", "show", "apply"] {
        let help = it.expect(0, &[command, "--help"]).out;
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        let named: Vec<&str> = examples.lines().filter(|line| line.contains("prod.plan")).collect();
        assert!(!named.is_empty(), "{help}");
        for line in named {
            // A plan is applied once.
            let again =
                if command == "apply" { "\"$M\" destroy --auto-approve; \"$M\" plan --out prod.plan; " } else { "" };
            let said = shell(&it, &format!("{again}{}", line.trim().replacen("mainstay", "\"$M\"", 1)));
            assert_eq!(said.code, 0, "{line}\n{}", said.err);
        }
    }
}
