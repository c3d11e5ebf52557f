//! The commands, as their users run them, on simulated hosts.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::process::Command;
use std::time::Duration;

use mainstay::state;

use crate::sandbox::{QUICKSTART, Said, Sandbox, root};

const STATE: &str = "state/quickstart.json";
const FORWARD: &str = "cp1/host/sysctl[net.ipv4.ip_forward]";

/// A simulated cluster with so many hosts that applying it takes a while.
fn large() -> Sandbox {
    let mut text = fs::read_to_string(root().join(QUICKSTART)).unwrap();
    let workers: String =
        (3..18).fold(String::new(), |text, n| format!("{text}  w{n}: {{address: 10.0.1.{n}, roles: [worker]}}\n"));
    let last = "  w2: {address: 10.0.0.22, roles: [worker]}\n";
    assert!(text.contains(last));
    text = text.replace(last, &format!("{last}{workers}"));
    Sandbox::new(&text)
}

/// Applies until something is made, then sends a signal. The rest of what it says is kept.
fn signalled(it: &Sandbox, signal: &str) -> Said {
    let mut child = it.start(&["apply", "--auto-approve"]);
    let mut lines = child.stderr.take().unwrap();
    // What is made on simulated hosts is in a line of their file.
    let made =
        || fs::read_to_string(it.path("state/quickstart.hosts.jsonl")).is_ok_and(|text| text.lines().count() > 30);
    while !made() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it acted");
        std::thread::sleep(Duration::from_millis(1));
    }
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let reader = std::thread::spawn(move || {
        let mut rest = String::new();
        lines.read_to_string(&mut rest).map(|_| rest).unwrap()
    });
    let output = child.wait_with_output().unwrap();
    Said { err: reader.join().unwrap(), ..Said::of(&output) }
}

#[test]
fn the_quickstart_s_life() {
    let it = Sandbox::of(QUICKSTART);
    let said = it.expect(0, &["apply", "--auto-approve"]);
    assert!(said.out.ends_with("\nApply complete! Resources: 141 added, 0 changed, 0 destroyed.\n"), "{}", said.out);
    assert_eq!(it.expect(0, &["state", "list"]).out.lines().count(), 141);
    for command in [&["apply", "--auto-approve"][..], &["plan", "--detailed-exitcode"]] {
        let said = it.expect(0, command);
        assert!(said.out.ends_with("No changes. The hosts match cluster.yaml.\n"), "{}", said.out);
    }
    it.expect(0, &["sim", "set", &format!("{FORWARD}=0")]);
    it.expect(0, &["plan"]);
    let plan = it.expect(2, &["plan", "--detailed-exitcode", "--json"]).json();
    let planned: Vec<&str> = plan
        .iter()
        .filter(|line| line["type"] == "planned_change")
        .map(|line| line["change"]["address"].as_str().unwrap())
        .collect();
    assert_eq!(planned, [FORWARD]);
    let said = it.expect(0, &["apply", "--auto-approve"]);
    assert!(said.out.ends_with("Apply complete! Resources: 0 added, 1 changed, 0 destroyed.\n"), "{}", said.out);
    let said = it.expect(0, &["destroy", "--auto-approve"]);
    assert!(said.out.contains("Destroy complete! Resources: "), "{}", said.out);
    assert_eq!(it.expect(0, &["state", "list"]).out, "");
    assert_eq!(it.expect(0, &["--json", "state", "list"]).out, "[]\n");
    assert!(it.expect(0, &["destroy", "--auto-approve"]).out.contains("there is nothing to destroy"));
}

#[test]
fn a_wrong_file_or_command_line_is_exit_5() {
    let it = Sandbox::of(QUICKSTART);
    for args in [&["nonsense"][..], &["plan", "--nonsense"], &["-f", "nowhere.yaml", "plan"], &[]] {
        let said = it.expect(5, args);
        assert_eq!(said.out, "", "{args:?}");
        assert!(!said.err.is_empty());
    }
    assert!(it.expect(5, &["-f", "nowhere.yaml", "plan"]).err.contains("`mainstay -f nowhere.yaml init`"));
    it.edit("version: 1.31.4", "version: latest");
    for command in ["validate", "plan", "apply", "destroy", "show", "facts", "render", "graph"] {
        let said = it.expect(5, &[command]);
        assert!(said.err.contains("cluster.yaml:11:23"), "{command}: {}", said.err);
    }
    assert!(!it.path("state").exists(), "a wrong file leaves nothing behind");
    for args in [&["--help"][..], &["--version"], &["plan", "--help"]] {
        assert!(!it.expect(0, args).out.is_empty());
    }
}

#[test]
fn a_state_that_somebody_holds_is_exit_6_and_is_readable_all_the_same() {
    let it = Sandbox::applied();
    let lease = state::acquire(&state::local(&it.path(STATE)), "apply", Duration::ZERO).unwrap();
    for command in ["apply", "destroy"] {
        let said = it.expect(6, &[command, "--auto-approve"]);
        let (pid, id) = (std::process::id().to_string(), lease.holder().id.clone());
        assert!(said.err.contains(&pid) && said.err.contains(&id), "{}", said.err);
    }
    for command in [&["plan"][..], &["show"], &["state", "list"], &["facts"]] {
        it.expect(0, command);
    }
    assert!(it.expect(0, &["lock", "show"]).out.contains(&format!("process {}", std::process::id())));
    let shown = &it.expect(0, &["--json", "lock", "show"]).json()[0];
    assert_eq!((&shown["pid"], &shown["held"]), (&std::process::id().into(), &"alive".into()));
    let said = it.expect(1, &["lock", "break", "wrong", "--force"]);
    assert!(said.err.contains("is not held with id wrong") && said.err.contains("mainstay lock show"), "{}", said.err);
    it.expect(5, &["lock", "break", &lease.holder().id]);
    let waiting = it.start(&["apply", "--auto-approve", "--lock-timeout", "60s"]);
    std::thread::sleep(Duration::from_millis(200));
    drop(lease);
    assert_eq!(Said::of(&waiting.wait_with_output().unwrap()).code, 0);
    assert_eq!(it.expect(0, &["lock", "show"]).out, "Nobody holds the lock.\n");
}

#[test]
fn an_unreachable_host_is_exit_1_and_nothing_is_guessed() {
    let it = Sandbox::applied();
    it.expect(0, &["sim", "down", "cp2"]);
    it.expect(0, &["sim", "set", &format!("{FORWARD}=0")]);
    for args in [&["plan"][..], &["plan", "--detailed-exitcode"], &["facts"]] {
        let said = it.expect(1, args);
        assert!(said.out.contains("cp2"), "{}", said.out);
    }
    let said = it.expect(1, &["apply", "--auto-approve"]);
    assert!(said.out.contains("Apply incomplete. Resources: 1 done, "), "{}", said.out);
    assert_eq!(it.expect(0, &["state", "list", "cp2"]).out.lines().count(), 31, "nothing was forgotten");
    it.expect(0, &["sim", "up", "cp2"]);
    it.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn the_first_ctrl_c_ends_an_apply_in_good_order() {
    let it = large();
    let said = signalled(&it, "-INT");
    assert_eq!(said.code, 130, "{}", said.err);
    assert!(said.out.contains("\nNot started\n") && !said.out.contains("\nFailed\n"), "{}", said.out);
    assert_eq!(it.expect(0, &["lock", "show"]).out, "Nobody holds the lock.\n");
    assert!(!it.expect(0, &["show"]).out.contains("interrupted"));
    assert!(!it.expect(0, &["state", "list"]).out.is_empty());
    it.expect(0, &["apply", "--auto-approve"]);
    it.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_killed_apply_loses_nothing() {
    let it = large();
    let said = signalled(&it, "-KILL");
    assert_eq!(said.code, 137);
    // Of etcd it tells besides, once that is there.
    let made = it.expect(0, &["sim", "status"]).out.lines().filter(|line| line.contains('/')).count();
    let recorded = it.expect(0, &["state", "list"]).out.lines().count();
    assert!(made > 0 && recorded >= made, "{made} made, {recorded} recorded");
    let journal: Vec<_> = fs::read_dir(it.path("state"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("journal"))
        .collect();
    assert_eq!(journal.len(), 1, "what was done is in the journal");
    assert!(it.expect(0, &["lock", "show"]).out.contains("the process is gone"));
    let said = it.expect(0, &["apply", "--auto-approve"]);
    assert!(said.out.contains("Apply complete!"), "{}", said.out);
    it.expect(0, &["plan", "--detailed-exitcode"]);
    it.expect(0, &["destroy", "--auto-approve"]);
    assert_eq!(it.expect(0, &["state", "list"]).out, "");
}

#[test]
fn json_is_pure() {
    let it = Sandbox::of(QUICKSTART);
    it.expect(0, &["apply", "--auto-approve", "--json"]).json();
    let record = it.expect(0, &["state", "show", FORWARD, "--json"]).json();
    assert_eq!((record.len(), &record[0]["status"]), (1, &"ready".into()));
    it.expect(0, &["sim", "set", &format!("{FORWARD}=0")]);
    let commands: [&[&str]; 14] = [
        &["validate"],
        &["plan"],
        &["plan", "--destroy"],
        &["show"],
        &["state", "list"],
        &["facts"],
        &["render"],
        &["graph"],
        &["lock", "show"],
        &["schema", "cluster"],
        &["sim", "status"],
        &["sim", "down", "w2"],
        &["sim", "up", "w2"],
        &["destroy", "--auto-approve"],
    ];
    for command in commands {
        let args: Vec<&str> = ["--json"].iter().chain(command).copied().collect();
        let said = it.expect(0, &args);
        assert_eq!(said.json().is_empty(), command[0] == "sim" && command[1] != "status", "{command:?}");
    }
    let failing: [(i32, &[&str]); 7] = [
        (1, &["kubeconfig"]),
        (5, &["apply"]),
        (5, &["completion", "bash"]),
        (5, &["man"]),
        (5, &["facts", "cp9"]),
        (5, &["-f", "nowhere.yaml", "plan"]),
        (1, &["state", "show", FORWARD]),
    ];
    for (code, command) in failing {
        let args: Vec<&str> = ["--json"].iter().chain(command).copied().collect();
        let lines = it.expect(code, &args).json();
        let told: Vec<_> = lines.iter().filter(|line| line["type"] == "diagnostic").collect();
        assert_eq!((told.len(), &told[0]["exit_code"]), (1, &code.into()), "{command:?}");
    }
    it.edit("version: 1.31.4", "version: latest");
    let verdict = it.expect(5, &["--json", "validate"]).json();
    assert_eq!((verdict.len(), &verdict[0]["valid"], &verdict[0]["error_count"]), (1, &false.into(), &1.into()));
    let files = ["cluster.yaml", "nowhere.yaml", "cluster.yaml"];
    let verdicts = it.expect(5, &[&["--json", "validate"], &files[..]].concat()).json();
    assert!(verdicts.iter().all(|it| it["valid"] == false));
    assert_eq!(verdicts.iter().map(|it| it["filename"].as_str().unwrap()).collect::<Vec<_>>(), files);
    assert!(verdicts[1]["diagnostics"][0]["message"].as_str().unwrap().starts_with("cannot read nowhere.yaml"));
    assert_eq!(it.expect(5, &["--json", "validate", "nowhere.yaml"]).json().len(), 1);
}

#[test]
fn a_run_told_in_json_is_told_whole() {
    let it = Sandbox::of(QUICKSTART);
    it.expect(0, &["sim", "fail", "cp2/haproxy/service"]);
    let lines = it.expect(1, &["apply", "--auto-approve", "--json"]).json();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    let kinds: BTreeSet<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(of("planned_change"), 141, "{kinds:?}");
    assert!(lines.iter().all(|line| line["@timestamp"].is_string() && line["@message"].is_string()));
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["type"], &last["complete"], &last["exit_code"]),
        (&"run_summary".into(), &false.into(), &1.into())
    );
}

#[test]
fn simulated_hosts_can_be_played_with() {
    let it = Sandbox::applied();
    assert_eq!(it.expect(0, &["sim", "status"]).out.lines().count(), 142);
    it.expect(0, &["sim", "down", "cp2"]);
    it.expect(0, &["sim", "fail", "cp1/haproxy"]);
    let status = &it.expect(0, &["--json", "sim", "status"]).json()[0];
    assert_eq!((&status["down"], &status["faults"]), (&["cp2"].into(), &["cp1/haproxy"].into()));
    assert!(
        it.expect(0, &["sim", "status"])
            .out
            .starts_with("cp2 is down\nsteps on cp1/haproxy fail\netcd on cp1, cp2 (not running), cp3\n")
    );
    it.expect(0, &["sim", "up", "cp2"]);
    it.expect(0, &["sim", "set", "cp1/haproxy/service[haproxy]={\"state\":\"inactive\"}"]);
    it.expect(0, &["sim", "set", "w1/host/swap=absent"]);
    let said = it.expect(1, &["apply", "--auto-approve"]);
    assert!(said.out.contains("simulated failure"), "{}", said.out);
    it.expect(0, &["sim", "fail", "cp1/haproxy", "--off"]);
    it.expect(0, &["apply", "--auto-approve"]);
    it.expect(0, &["plan", "--detailed-exitcode"]);
    it.expect(0, &["sim", "reset"]);
    assert!(it.expect(0, &["sim", "status"]).out.starts_with("All simulated hosts are reset"));
    let said = it.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(said.out.contains("Plan: 141 to add, 0 to change, 0 to destroy."), "{}", said.out);
}

/// What the help shows must work.
#[test]
fn the_examples_of_sim_set_are_good() {
    let it = Sandbox::applied();
    let help = it.expect(0, &["sim", "set", "--help"]).out;
    let examples: Vec<&str> = help.lines().filter_map(|line| line.trim().strip_prefix("mainstay sim set '")).collect();
    assert_eq!(examples.len(), 3, "{help}");
    for example in examples {
        it.expect(0, &["sim", "set", example.strip_suffix('\'').unwrap()]);
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_right_ones() {
    let it = Sandbox::applied();
    for args in [&["facts", "cp9"][..], &["render", "cp9"], &["sim", "down", "cp9"], &["sim", "up", "cp9"]] {
        let said = it.expect(5, args);
        assert!(
            said.err.contains("no host is named `cp9`") && said.err.contains("cp1, cp2, cp3, w1, w2"),
            "{}",
            said.err
        );
    }
    let said = it.expect(5, &["sim", "set", "cp1/host/sysctl[nope]=1"]);
    assert!(said.err.contains(FORWARD), "{}", said.err);
    let said = it.expect(5, &["sim", "set", &format!("{FORWARD}={{\"nope\":1}}")]);
    assert!(said.err.contains("no field `nope`") && said.err.contains("fields: [\"value\"]"), "{}", said.err);
    assert!(it.expect(5, &["sim", "set", "cp1/host/sysctl[nope]=absent"]).err.contains("does not exist"));
    assert!(it.expect(5, &["sim", "set", "nonsense"]).err.contains("ADDRESS=VALUE"));
    assert!(it.expect(1, &["state", "show", "cp1/host/sysctl[nope]"]).err.contains("mainstay state list"));
    assert!(it.expect(5, &["plam"]).err.contains("'plan'"));
    let said = it.expect(5, &["show", FORWARD]);
    assert!(said.err.contains(&format!("run: mainstay state show '{FORWARD}'")), "{}", said.err);
    assert!(it.expect(5, &["sim", "set", "cp9/host/swap=absent"]).err.contains("no host is named `cp9`"));
    it.expect(0, &["sim", "reset"]);
    let said = it.expect(5, &["sim", "set", &format!("{FORWARD}=1")]);
    assert!(said.err.contains("nothing has been applied on cp1 yet; run: mainstay apply"), "{}", said.err);
}

#[test]
fn what_is_recorded_can_be_seen() {
    let it = Sandbox::applied();
    let said = it.expect(0, &["show"]);
    assert!(said.out.starts_with("quickstart: 141 resources on 5 hosts, state serial "), "{}", said.out);
    let shown = &it.expect(0, &["--json", "show"]).json()[0];
    assert_eq!(shown["resources"].as_object().unwrap().len(), 141);
    assert!(shown.get("salt").is_none(), "the key of the digests stays in the state file");
    let record: serde_json::Value = serde_json::from_str(&it.expect(0, &["state", "show", FORWARD]).out).unwrap();
    assert_eq!((&record["status"], &record["prior"]["before"]), (&"ready".into(), &"absent".into()));
    let listed = it.expect(0, &["state", "list", "cp*/haproxy/file", FORWARD]).out;
    assert!(listed.lines().any(|line| line == FORWARD) && listed.lines().count() > 3, "{listed}");
    assert!(listed.lines().all(|line| line == FORWARD || line.contains("/haproxy/file[")), "{listed}");
    let facts = it.expect(0, &["facts", "cp1", "w2"]).out;
    assert_eq!(facts.lines().count(), 3, "{facts}");
    assert!(facts.contains("10.0.0.11/24 eth0"), "{facts}");
}

#[test]
fn files_and_graph_are_shown_without_a_host() {
    let it = Sandbox::of(QUICKSTART);
    let files = it.expect(0, &["render", "cp1"]).out;
    assert!(files.contains("# cp1:/etc/haproxy/haproxy.cfg\n") && !files.contains("# cp2:"), "{files}");
    assert!(files.contains("    bind *:8443\n"), "{files}");
    assert!(files.contains("# cp1:kubeadm-init.yaml\n") && !files.contains("SLOT-"), "{files}");
    assert!(it.expect(0, &["render", "cp2"]).out.contains("# cp2:kubeadm-join.yaml\n"));
    let dot = it.expect(0, &["graph"]).out;
    assert!(dot.starts_with("digraph mainstay {") && dot.ends_with("}\n") && dot.contains(" -> "));
    let mermaid = it.expect(0, &["graph", "--format", "mermaid"]).out;
    assert!(mermaid.starts_with("flowchart LR\n") && mermaid.contains(" --> "));
    let graph = &it.expect(0, &["--json", "graph"]).json()[0];
    let list = graph.as_array().unwrap();
    let kubelet = list.iter().find(|it| it["address"] == "cp1/control-plane/member").unwrap();
    assert!(kubelet["needs"].as_array().unwrap().contains(&"cp1/kubernetes/package[kubeadm]".into()), "{kubelet}");
    assert_eq!(list.len(), 141);
    assert!(!it.path("state").exists(), "looking leaves nothing behind");
}

#[test]
fn init_writes_a_good_file_and_never_over_another() {
    let it = Sandbox::new("mine\n");
    let hosts = "cp1=10.0.0.11,cp2=10.0.0.12,cp3=10.0.0.13,w1=10.0.0.21";
    let args = ["init", "--name", "prod", "--endpoint", "10.0.0.100:8443", "--hosts", hosts, "--simulated"];
    assert!(it.expect(5, &args).err.contains("already exists"));
    assert_eq!(it.read("cluster.yaml"), "mine\n");
    fs::remove_file(it.path("cluster.yaml")).unwrap();
    it.expect(0, &args);
    let said = it.expect(0, &["validate"]);
    assert!(said.out.contains("cluster prod") && said.out.contains("3 control planes, 1 worker,"), "{}", said.out);
    it.expect(0, &["apply", "--auto-approve"]);
    fs::remove_file(it.path("cluster.yaml")).unwrap();
    for (flag, wrong) in [("--endpoint", "10.0.0.100:x"), ("--hosts", "cp1"), ("--name", "Not A Name")] {
        let mut args = args;
        let at = args.iter().position(|it| *it == flag).unwrap();
        args[at + 1] = wrong;
        it.expect(5, &args);
        assert!(!it.path("cluster.yaml").exists(), "{flag} {wrong}");
    }
    assert!(it.expect(5, &["init"]).err.contains("--name"), "nobody is asked without a terminal");
}

#[test]
fn destroy_needs_the_state_alone() {
    let it = Sandbox::applied();
    fs::remove_file(it.path("cluster.yaml")).unwrap();
    assert!(it.expect(5, &["destroy", "--auto-approve"]).err.contains("destroy --state FILE"));
    it.expect(5, &["destroy", "--auto-approve", "--state", "some/where.json"]);
    assert!(!it.path("some").exists(), "a wrong name leaves nothing behind");
    let said = it.expect(0, &["destroy", "--auto-approve", "--state", STATE]);
    assert!(said.out.contains("Destroy complete!"), "{}", said.out);
    assert_eq!(
        mainstay::state::Store::read_only(&mainstay::state::local(&it.path(STATE))).unwrap().unwrap().resources.len(),
        0
    );
}

#[test]
fn records_of_a_host_that_is_gone_are_dropped_only_when_asked_for() {
    let it = Sandbox::applied();
    it.expect(0, &["sim", "down", "w2"]);
    let said = it.expect(1, &["destroy", "--auto-approve"]);
    assert!(said.out.contains("Destroy incomplete."), "{}", said.out);
    let left = it.expect(0, &["state", "list"]).out;
    assert!(left.lines().any(|line| line.starts_with("w2/")), "{left}");
    it.expect(0, &["destroy", "--auto-approve", "--forget-unreachable"]);
    assert_eq!(it.expect(0, &["state", "list"]).out, "");
    assert!(it.expect(0, &["sim", "status"]).out.contains("\nw2/"), "nothing on it was undone");
}

/// Half of such a plan would leave a cluster that is neither the old one nor the new one.
#[test]
fn a_refused_change_stops_the_whole_plan() {
    let it = Sandbox::applied();
    it.edit("port: 8443", "port: 9443");
    for args in [&["plan"][..], &["apply", "--auto-approve"]] {
        let said = it.expect(1, args);
        assert!(said.out.contains("endpoint.port: 8443 → 9443"), "{}", said.out);
    }
    it.edit("port: 9443", "port: 8443");
    it.expect(0, &["plan", "--detailed-exitcode"]);
    it.edit("network:", "guards: {preventDestroy: [cp1]}\nnetwork:");
    assert!(it.expect(1, &["destroy", "--auto-approve"]).err.contains("Nothing was changed"));
    assert_eq!(it.expect(0, &["state", "list"]).out.lines().count(), 141);
}

#[test]
fn nothing_is_carried_out_unasked() {
    let it = Sandbox::of(QUICKSTART);
    for args in [&["apply"][..], &["apply", "--json"]] {
        assert!(it.expect(5, args).err.contains("--auto-approve"));
    }
    assert!(it.expect(0, &["sim", "status"]).out.starts_with("All simulated hosts are reset"));
    it.expect(0, &["apply", "--auto-approve"]);
    assert!(it.expect(5, &["destroy"]).err.contains("--auto-approve"));
    assert_eq!(it.expect(0, &["state", "list"]).out.lines().count(), 141);
}

#[test]
fn the_environment_may_give_arguments() {
    let mut it = Sandbox::applied();
    it.expect(0, &["sim", "set", &format!("{FORWARD}=0")]);
    it.env("MAINSTAY_CLI_ARGS_PLAN", "--detailed-exitcode --full");
    it.expect(2, &["plan"]);
    fs::rename(it.path("cluster.yaml"), it.path("other.yaml")).unwrap();
    it.env("MAINSTAY_FILE", "other.yaml");
    it.expect(2, &["plan"]);
    it.expect(0, &["help", "plan"]);
    fs::rename(it.path("other.yaml"), it.path("plan")).unwrap();
    it.expect(0, &["-f", "plan", "validate"]);
    // What is typed wins, and an empty variable is none.
    it.env("MAINSTAY_CLI_ARGS_PLAN", "--parallelism=4 -format=json");
    assert!(it.expect(0, &["-f", "plan", "plan", "--parallelism", "8", "--format", "text"]).out.contains("Plan: "));
    it.env("MAINSTAY_CLI_ARGS_APPLY", "-auto-approve");
    it.expect(0, &["-f", "plan", "apply", "-auto-approve"]);
    fs::rename(it.path("plan"), it.path("cluster.yaml")).unwrap();
    it.env("MAINSTAY_FILE", "");
    it.env("MAINSTAY_LOG", "");
    it.expect(0, &["validate"]);
}

#[test]
fn completion_is_printed() {
    let it = Sandbox::of(QUICKSTART);
    for shell in ["bash", "zsh", "fish"] {
        let script = it.expect(0, &["completion", shell]).out;
        assert!(script.contains("detailed-exitcode"), "{shell}");
    }
    let script = it.expect(0, &["completion", "bash"]).out;
    fs::write(it.path("script"), script).unwrap();
    let checked = Command::new("bash").arg("-n").arg(it.path("script")).output();
    assert!(checked.map_or(true, |output| output.status.success()), "bash cannot read it");
}

/// Commands below `Commands:` in a help text.
fn commands(help: &str) -> BTreeSet<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn the_readme_lists_every_command_and_every_exit_code() {
    let it = Sandbox::of(QUICKSTART);
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme.split("\n## Commands\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = || section.lines().filter(|line| line.starts_with('|')).map(|line| line.split('|').nth(1).unwrap());
    let listed: Vec<&str> = rows().flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let help = it.expect(0, &["--help"]).out;
    let first = listed.iter().map(|it| it.split(' ').next().unwrap().to_owned());
    assert_eq!(first.collect::<BTreeSet<_>>(), commands(&help));
    for command in ["state", "lock"] {
        let below = listed.iter().filter_map(|it| it.strip_prefix(command)?.strip_prefix(' ')).map(str::to_owned);
        assert_eq!(below.collect::<BTreeSet<_>>(), commands(&it.expect(0, &[command, "--help"]).out), "{command}");
    }
    let codes: BTreeSet<i32> = rows().filter_map(|cell| cell.trim().parse().ok()).collect();
    let told = help.split("Exit codes:").nth(1).unwrap();
    let told = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(codes, told);
}

#[test]
fn a_manifest_is_found_beside_a_cluster_yaml_elsewhere() {
    let it = Sandbox::of(QUICKSTART);
    it.edit("{plugin: bridge}", "{plugin: manifest, manifest: {path: cni.yaml}}");
    fs::create_dir(it.path("below")).unwrap();
    fs::rename(it.path("cluster.yaml"), it.path("below/cluster.yaml")).unwrap();
    fs::write(it.path("below/cni.yaml"), "kind: ConfigMap\napiVersion: v1\nmetadata: {name: cni}\n").unwrap();
    assert!(it.expect(0, &["-f", "below/cluster.yaml", "plan", "--full"]).out.contains("+ manifest[cni]"));
}
