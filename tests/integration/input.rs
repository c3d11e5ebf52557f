//! What is named on the command line and in cluster.yaml: files that are none, files without end, selections of nothing.

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::sandbox::{QUICKSTART, Said, Sandbox};

/// Ends one that would hang or read without end.
fn at_once(mut child: Child, what: &str) -> Said {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_mins(1) {
            child.kill().unwrap();
            panic!("{what} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Said::of(&child.wait_with_output().unwrap())
}

/// The quickstart, with `/dev/zero` as `zero` and a pipe that nobody writes to as `pipe`.
fn with_streams() -> Sandbox {
    let it = Sandbox::of(QUICKSTART);
    assert!(Command::new("mkfifo").arg(it.path("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", it.path("zero")).unwrap();
    it
}

#[track_caller]
fn refused(it: &Sandbox, args: &[&str], code: i32, why: &str) {
    let said = at_once(it.start(args), &args.join(" "));
    assert!(said.code == code && said.err.contains(why), "mainstay {}\n{}: {}", args.join(" "), said.code, said.err);
}

#[test]
fn streams_are_refused_at_once_wherever_a_file_is_named() {
    let it = with_streams();
    for (name, what) in [("zero", "it is a device"), ("pipe", "it is a pipe")] {
        let why = format!("{what}, not a regular file");
        let wrong: [&[&str]; 9] = [
            &["-f", name, "validate"],
            &["-f", name, "--json", "plan"],
            &["-f", name, "plan"],
            &["validate", name],
            &["show", name],
            &["apply", name],
            &["graph", name],
            &["plan", "--out", name],
            &["state", "push", name],
        ];
        for args in wrong {
            refused(&it, args, 5, if args[0] == "plan" { "not a regular file" } else { &why });
        }
        let failed: [&[&str]; 3] = [
            &["drift", "--state", name],
            &["state", "list", "--state", name],
            &["destroy", "--auto-approve", "--state", name],
        ];
        for args in failed {
            refused(&it, args, 1, &why);
        }
    }
    // A line that is known is not enough to read on.
    let plan = it.path("large.plan");
    fs::write(&plan, "not a plan\n").unwrap();
    fs::OpenOptions::new().write(true).open(&plan).unwrap().set_len(1 << 40).unwrap();
    refused(&it, &["show", "large.plan"], 5, "is not a saved plan");
    refused(&it, &["-f", "large.plan", "validate"], 5, "is larger than 4 MiB");
    refused(&it, &["state", "push", "large.plan"], 5, "is larger than 2 GiB");
    // The sandbox reads what is left in it.
    fs::remove_file(plan).unwrap();
}

#[test]
fn streams_are_refused_at_once_where_cluster_yaml_names_them() {
    for (name, what) in [("zero", "it is a device"), ("pipe", "it is a pipe")] {
        let why = format!("{what}, not a regular file");
        let it = with_streams();
        it.edit("network: {plugin: bridge}", &format!("network: {{plugin: manifest, manifest: {{path: {name}}}}}"));
        for args in [&["validate"][..], &["plan"], &["render"]] {
            refused(&it, args, 5, &why);
        }
        let it = with_streams();
        let text =
            it.read("cluster.yaml") + &format!("loadBalancer: {{keepalived: {{authPassword: {{file: {name}}}}}}}\n");
        fs::write(it.path("cluster.yaml"), text).unwrap();
        refused(&it, &["plan"], 1, &why);
    }
    let it = Sandbox::of(QUICKSTART);
    let text = it.read("cluster.yaml") + "loadBalancer: {keepalived: {authPassword: {command: [cat, /dev/zero]}}}\n";
    fs::write(it.path("cluster.yaml"), text).unwrap();
    refused(&it, &["plan"], 1, "the program printed more than 1 MiB");
}

#[test]
fn an_output_that_cannot_be_written_stops_nothing_that_began() {
    let it = with_streams();
    for option in ["--log", "--json-into"] {
        refused(&it, &["plan", option, "pipe"], 5, "nobody reads from this pipe");
        refused(&it, &["plan", option, "new"], 0, "");
        fs::remove_file(it.path("new")).unwrap();
        refused(&it, &["plan", option, "/"], 5, "it is a directory");
        assert_eq!(at_once(it.start(&["plan", option, "/dev/null"]), option).code, 0);
    }
    let said = it.shell("mainstay plan --json-into >(cat > copy) > /dev/null; sleep 0.2; tail -n 1 copy");
    assert!(said.code == 0 && said.out.contains("\"run_summary\""), "{said:?}");
}

#[test]
fn a_stream_has_no_folder_so_it_can_only_be_validated() {
    let it = Sandbox::applied();
    for command in ["cat cluster.yaml | mainstay -f /dev/stdin plan", "mainstay -f <(cat cluster.yaml) plan"] {
        let said = it.shell(command);
        assert_eq!(said.code, 5, "{said:?}");
        assert!(said.err.contains("this is a stream") && said.err.contains("`mainstay validate -`"), "{}", said.err);
    }
    let said = it.shell("cat cluster.yaml | mainstay validate -");
    assert!(said.code == 0 && said.out.starts_with("standard input is valid: "), "{said:?}");
    let said = it.shell("echo 'name: x' | mainstay --json validate -");
    assert!(said.code == 5 && said.out.contains("\"filename\":\"standard input\""), "{said:?}");
    let said = it.shell("mainstay validate - < /dev/zero");
    assert!(said.code == 5 && said.err.contains("is larger than 4 MiB"), "{said:?}");
    it.expect(5, &["-f", "/dev/null", "validate"]);
}

#[test]
fn options_that_would_do_nothing_are_errors() {
    let it = Sandbox::applied();
    for command in ["plan", "apply", "destroy", "drift"] {
        let said = it.expect(5, &[command, "--parallelism", "0"]);
        assert!(said.err.contains("must be at least 1"), "{}", said.err);
    }
    for args in [&["plan", "--exclude", "*"][..], &["apply", "--exclude", "cp*", "--exclude", "w*"]] {
        let said = it.expect(5, args);
        assert!(said.err.contains("leaves no resource to plan"), "{}", said.err);
    }
    let said = it.expect(5, &["sim", "fail", "cp2/haprox"]);
    assert!(said.err.contains("no resource matches `cp2/haprox`") && said.err.contains("cp2/haproxy"), "{}", said.err);
    let said = it.expect(5, &["sim", "fail", "cp2", "--off"]);
    assert!(said.err.contains("`cp2` is not set to fail"), "{}", said.err);
    it.expect(0, &["sim", "fail", "cp2/haproxy"]);
    let said = it.expect(5, &["sim", "fail", "cp2", "--off"]);
    assert!(said.err.contains("set to fail: cp2/haproxy"), "{}", said.err);
    it.expect(0, &["sim", "fail", "cp2/haproxy", "--off"]);
}

#[test]
fn every_command_has_one_version() {
    let it = Sandbox::new("");
    let version = it.expect(0, &["--version"]).out;
    for args in [&["plan", "--version"][..], &["state", "--version"], &["state", "list", "--version"]] {
        assert_eq!(it.expect(0, args).out, version);
    }
}

#[test]
fn the_log_says_what_happened_on_simulated_hosts() {
    let it = Sandbox::of(QUICKSTART);
    it.expect(0, &["apply", "--auto-approve", "--log", "log"]);
    let log = it.read("log");
    for part in ["apply --auto-approve", "cp1: ", "Plan: ", "cp1/control-plane/member", "exit code 0"] {
        assert!(log.contains(part), "{part}\n{log}");
    }
}

#[test]
fn off_a_terminal_a_first_apply_is_no_list_of_all_resources() {
    let it = Sandbox::of(QUICKSTART);
    let said = it.expect(0, &["apply", "--auto-approve"]);
    assert!(said.err.lines().count() < 10, "{}", said.err);
    it.expect(0, &["sim", "set", "cp1/host/sysctl[net.ipv4.ip_forward]=0"]);
    let said = it.expect(0, &["apply", "--auto-approve"]);
    assert!(said.err.contains("cp1/host/sysctl[net.ipv4.ip_forward]: updated after"), "{}", said.err);
}

/// `script` gives the command a terminal.
#[test]
fn init_checks_each_answer_and_asks_again() {
    let it = Sandbox::of(QUICKSTART);
    let init = |answers: &str| {
        it.shell(&format!(
            "rm -f new.yaml; printf '{answers}' | script -qec 'mainstay -f new.yaml init' /dev/null || echo failed; \
             cat new.yaml 2>/dev/null || true"
        ))
    };
    let good = init("Prod\\nprod\\n10.0.0\\n10.0.0.100:x\\n10.0.0.100\\ncp1\\ncp1=10.0.0.11\\n");
    assert!(!good.out.contains("failed") && good.out.contains("name: prod\n"), "{}", good.out);
    let once = ["`Prod` is not", "the endpoint `10.0.0`", "`x` is not a port", "`cp1` is not NAME=ADDRESS"];
    assert!(once.iter().all(|part| good.out.matches(part).count() == 1), "{}", good.out);
    // Hosts that do not go with the endpoint: both are asked for again, and Enter keeps an answer.
    let other = init("prod\\n10.9.9.100\\ncp1=10.0.0.11\\n10.0.0.100\\n\\n");
    assert!(other.out.contains("[cp1=10.0.0.11]:") && other.out.contains("name: prod\n"), "{}", other.out);
    let cancelled = init("prod\\n10.0.0.100\\n");
    assert!(cancelled.out.contains("cancelled. Nothing was written"), "{}", cancelled.out);
    assert!(cancelled.out.contains("failed") && !it.path("new.yaml").exists());
}
