//! The event stream: whole, pure, the same each time, and no reason to stop half-way when nobody reads on.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use mainstay::state;
use serde_json::{Value, json};

use crate::sandbox::{QUICKSTART, Said, Sandbox};

const STATE: &str = "state/quickstart.json";
const FORWARD: &str = "cp1/host/sysctl[net.ipv4.ip_forward]";

fn count(lines: &[Value], kind: &str) -> usize {
    lines.iter().filter(|line| line["type"] == kind).count()
}

/// Without what is another one each time.
fn timeless(mut lines: Vec<Value>) -> Vec<Value> {
    for line in &mut lines {
        line.as_object_mut().unwrap().retain(|key, _| key != "@timestamp" && !key.ends_with("_seconds"));
    }
    lines
}

/// Begins with the version and ends with a summary that has this code.
#[track_caller]
fn whole(it: &Sandbox, code: i32, args: &[&str]) -> Vec<Value> {
    let lines = it.expect(code, &[args, &["--json"]].concat()).json();
    assert_eq!(lines[0]["type"], "version", "{args:?}");
    let last = lines.last().unwrap();
    assert_eq!((&last["type"], &last["exit_code"]), (&json!("run_summary"), &json!(code)), "{args:?}: {last}");
    assert_eq!((count(&lines, "version"), count(&lines, "run_summary")), (1, 1), "{args:?}");
    lines
}

#[test]
fn every_run_ends_with_a_summary_however_it_ends() {
    let it = Sandbox::of(QUICKSTART);
    whole(&it, 1, &["drift"]);
    whole(&it, 2, &["plan", "--detailed-exitcode"]);
    whole(&it, 5, &["apply"]);
    whole(&it, 5, &["plan", "--no-such-thing"]);
    whole(&it, 5, &["-f", "nowhere.yaml", "apply", "--auto-approve"]);
    it.expect(0, &["sim", "fail", "cp2/haproxy/service"]);
    let failed = whole(&it, 1, &["apply", "--auto-approve"]);
    let last = failed.last().unwrap();
    assert_eq!(last["failed"][0]["address"], "cp2/haproxy/service[haproxy]");
    assert_eq!(last["resources"]["skipped"].as_u64(), last["skipped"].as_array().map(|list| list.len() as u64));
    assert!(last["skipped"].as_array().unwrap().iter().any(|it| it["because"] == "cp2/haproxy/service[haproxy]"));
    assert_eq!((&last["complete"], &last["changes"]["add"]), (&json!(false), &json!(141)));
    it.expect(0, &["sim", "fail", "cp2/haproxy/service", "--off"]);
    whole(&it, 0, &["apply", "--auto-approve"]);
    whole(&it, 0, &["drift"]);
    let lease = state::acquire(&state::local(&it.path(STATE)), "apply", Duration::ZERO).unwrap();
    whole(&it, 6, &["apply", "--auto-approve"]);
    whole(&it, 6, &["destroy", "--auto-approve"]);
    drop(lease);
    it.expect(0, &["sim", "set", &format!("{FORWARD}=0")]);
    let drift = whole(&it, 2, &["drift"]);
    let change = &drift.iter().find(|line| line["type"] == "drift").unwrap()["change"];
    assert_eq!((&change["before"]["value"], &change["after"]["value"]), (&json!("1"), &json!("0")));
    it.edit("port: 8443", "port: 9443");
    assert_eq!(whole(&it, 1, &["apply", "--auto-approve"]).last().unwrap()["complete"], false);
    it.edit("port: 9443", "port: 0");
    let faults = whole(&it, 5, &["plan"]);
    let range = &faults[1]["diagnostic"]["range"];
    assert_eq!((&range["filename"], &faults[1]["diagnostic"]["severity"]), (&json!("cluster.yaml"), &json!("error")));
    it.edit("port: 0", "port: 8443");
    let done = whole(&it, 0, &["destroy", "--auto-approve"]);
    let gone = |what: &str| done.last().unwrap()["resources"][what].as_u64().unwrap();
    assert_eq!(gone("destroyed") + gone("forgotten"), 141);
}

#[test]
fn changes_carry_both_their_sides_and_hosts_are_told_one_by_one() {
    let it = Sandbox::applied();
    it.expect(0, &["sim", "set", &format!("{FORWARD}=0")]);
    it.expect(0, &["sim", "down", "w2"]);
    let lines = whole(&it, 1, &["plan"]);
    for kind in ["drift", "planned_change"] {
        let change = &lines.iter().find(|line| line["type"] == kind).unwrap()["change"];
        let sides = (&change["before"]["value"], &change["after"]["value"]);
        let expected = if kind == "drift" { ("1", "0") } else { ("0", "1") };
        assert_eq!((sides.0.as_str().unwrap(), sides.1.as_str().unwrap()), expected, "{change}");
    }
    let hosts: Vec<_> = lines.iter().filter(|line| line["type"] == "facts_progress").collect();
    let names: Vec<_> = hosts.iter().map(|line| line["host"].as_str().unwrap()).collect();
    assert_eq!(names, ["cp1", "cp2", "cp3", "w1", "w2"]);
    assert!(hosts[4]["error"].is_string() && hosts[0]["reached"] == true);
    let complete = lines.iter().find(|line| line["type"] == "facts_complete").unwrap();
    assert_eq!(complete["reached"].as_array().unwrap().len(), 4);
    assert!(complete["unreached"]["w2"].is_string());
    assert!(lines.iter().any(|line| line["type"] == "diagnostic" && line["diagnostic"]["severity"] == "error"));
}

#[test]
fn warnings_of_the_file_are_events() {
    let it = Sandbox::of(QUICKSTART);
    it.edit("cp3: {address: 10.0.0.13, roles: [control-plane]}", "cp3: {address: 10.0.0.13, roles: [worker]}");
    let lines = whole(&it, 0, &["plan"]);
    let diagnostic = &lines[1]["diagnostic"];
    assert_eq!((&diagnostic["severity"], &lines[1]["@level"]), (&json!("warning"), &json!("warn")), "{diagnostic}");
}

#[test]
fn a_warning_is_not_why_a_command_stopped() {
    let it = Sandbox::of(QUICKSTART);
    it.edit("cp3: {address: 10.0.0.13, roles: [control-plane]}", "cp3: {address: 10.0.0.13, roles: [worker]}");
    it.edit("plugin: bridge", "plugin: bridgge");
    let said = it.expect(5, &["plan"]).err;
    assert!(said.starts_with("warning: ") && said.contains("\nerror: "), "{said}");
    let lines = whole(&it, 5, &["plan"]);
    let error = lines.iter().find(|line| line["@level"] == "error").unwrap();
    assert_eq!(lines.last().unwrap()["@message"], error["diagnostic"]["summary"]);
    assert_eq!(lines[1]["@level"], "warn");
}

#[test]
fn two_runs_tell_the_same() {
    let run = || {
        let it = Sandbox::of(QUICKSTART);
        let commands: [&[&str]; 4] =
            [&["plan"], &["apply", "--auto-approve"], &["plan"], &["destroy", "--auto-approve"]];
        commands.map(|args| timeless(whole(&it, 0, args)))
    };
    let (one, other) = (run(), run());
    for (mine, theirs) in one.iter().zip(&other) {
        let at = mine.iter().zip(theirs).position(|(a, b)| a != b);
        assert_eq!((at, mine.len()), (None, theirs.len()), "{:?}", at.map(|at| (&mine[at], &theirs[at])));
    }
}

#[test]
fn the_events_go_into_a_file_beside_what_people_see() {
    let it = Sandbox::of(QUICKSTART);
    fs::write(it.path("events"), "{\"@level\":\"info\",\"of\":\"an earlier run\"}\n".repeat(1000)).unwrap();
    fs::set_permissions(it.path("events"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = it.expect(0, &["apply", "--auto-approve", "--json-into", "events"]);
    assert!(said.out.ends_with("\nApply complete! Resources: 141 added, 0 changed, 0 destroyed.\n"), "{}", said.out);
    assert!(said.err.contains("acting on 141 resources"), "progress for people");
    assert_eq!(fs::metadata(it.path("events")).unwrap().permissions().mode() & 0o777, 0o600);
    let file = Said { code: 0, out: it.read("events"), err: String::new() };
    let other = Sandbox::of(QUICKSTART);
    assert_eq!(timeless(file.json()), timeless(whole(&other, 0, &["apply", "--auto-approve"])));
    for command in [&["plan"][..], &["drift"], &["destroy", "--auto-approve"]] {
        it.expect(0, &[command, &["--json-into", "events"]].concat());
        assert!(it.read("events").contains("\"run_summary\""), "{command:?}");
    }
}

#[test]
fn a_file_that_cannot_be_made_stops_everything_before_it_begins() {
    let it = Sandbox::of(QUICKSTART);
    let said = it.expect(5, &["apply", "--auto-approve", "--json-into", "no/such/folder"]);
    assert!(said.err.contains("no/such/folder") && said.err.contains("--json-into"), "{}", said.err);
    let before = it.read("cluster.yaml");
    for command in [&["plan"][..], &["apply", "--auto-approve"]] {
        let said = it.expect(5, &[command, &["--json-into", "cluster.yaml"]].concat());
        assert!(said.err.contains("is not overwritten"), "{}", said.err);
    }
    assert_eq!(it.read("cluster.yaml"), before);
    assert!(!it.path("state").exists());
    assert!(it.expect(0, &["sim", "status"]).out.starts_with("All simulated hosts are reset"));
}

#[test]
fn an_apply_is_finished_although_nobody_reads_on() {
    for args in [&["apply", "--auto-approve", "--json"][..], &["apply", "--auto-approve", "--full"]] {
        let it = Sandbox::of(QUICKSTART);
        let mut child = it.start(args);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        let said = Said::of(&child.wait_with_output().unwrap());
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(!said.err.contains("error"), "{}", said.err);
        it.expect(0, &["plan", "--detailed-exitcode"]);
        assert_eq!(it.expect(0, &["lock", "show"]).out, "Nobody holds the lock.\n");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let it = Sandbox::applied();
    let commands: [&[&str]; 6] =
        [&["plan", "--json"], &["plan"], &["graph"], &["show", "--json"], &["render"], &["drift", "--json"]];
    for args in commands {
        let mut child = it.start(args);
        drop(child.stdout.take());
        let said = Said::of(&child.wait_with_output().unwrap());
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let it = Sandbox::of(QUICKSTART);
    for args in [&["plan", "--json"][..], &["plan"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
        let output = command.args(args).current_dir(it.dir()).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("cannot write the output"), "{args:?}");
    }
}

/// Whether a process catches SIGINT.
fn catches_sigint(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(caught.trim(), 16).unwrap_or(0) & 0b10 != 0
}

#[test]
fn an_interruption_before_anything_is_begun_is_told_too() {
    let it = Sandbox::applied();
    let lease = state::acquire(&state::local(&it.path(STATE)), "apply", Duration::ZERO).unwrap();
    let mut child = it.start(&["apply", "--auto-approve", "--json", "--lock-timeout", "1m"]);
    while !catches_sigint(child.id()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let said = Said { out, ..Said::of(&child.wait_with_output().unwrap()) };
    let last = said.json().pop().unwrap();
    assert_eq!((said.code, &last["type"], &last["exit_code"]), (130, &json!("run_summary"), &json!(130)));
    assert_eq!((&last["interrupted"], &last["complete"]), (&json!(true), &json!(false)));
    drop(lease);
    it.expect(0, &["plan", "--detailed-exitcode"]);
}

/// How long a plan takes to be shown is its reader's business.
#[test]
fn after_an_interruption_while_the_plan_is_shown_nothing_begins() {
    let it = Sandbox::of(QUICKSTART);
    let more: String = (3..30).map(|n| format!("  w{n}: {{address: 10.0.1.{n}, roles: [worker]}}\n")).collect();
    it.edit("hosts:\n", &format!("hosts:\n{more}"));
    let mut child = it.start(&["apply", "--auto-approve", "--json"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("planned_change") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.len() > 70_000, "it did not wait for its reader: {}", rest.len());
    let code = child.wait().unwrap().code();
    let told = rest.lines().last().unwrap().contains("nothing was started");
    // One that is heard only after the plan was shown is the run's, which tells so.
    let begun = [STATE, "state/quickstart.journal"].iter().any(|file| it.path(file).exists());
    assert_eq!((code, begun), (Some(130), !told), "{rest}");
}

/// Real hosts, of which none lets anybody in: what carries a plan out for them is not what simulated ones have.
#[test]
fn a_run_on_real_hosts_that_let_nobody_in_ends_in_good_order() {
    let mut it = Sandbox::of(QUICKSTART);
    it.env("HOME", "/nonexistent");
    it.edit("fleet: simulated", "ssh: {user: root, bastion: {address: 127.0.0.1, port: 1, user: root}}");
    let lines = whole(&it, 1, &["apply", "--auto-approve"]);
    let last = lines.last().unwrap();
    assert!(
        last["@message"].as_str().unwrap().starts_with("Apply incomplete. Resources: 0 done, 141 failed"),
        "{last}"
    );
    assert_eq!(it.expect(0, &["lock", "show"]).out, "Nobody holds the lock.\n");
}

#[test]
fn help_beside_json_does_not_spoil_stdout() {
    let it = Sandbox::of(QUICKSTART);
    for args in [&["--json", "--help"][..], &["--json", "--version"], &["plan", "--json", "--help"]] {
        let said = it.expect(0, args);
        assert!(said.out.is_empty() && said.err.contains("mainstay"), "{args:?}");
    }
    assert_eq!(it.expect(5, &["--json", "plam"]).json()[0]["type"], "diagnostic");
}
