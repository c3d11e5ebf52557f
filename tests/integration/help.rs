//! No example rots: every one in every `--help`, and every command of the README, is run as its reader would run it: in
//! a terminal, answered, in a directory with a cluster that was applied.

use std::fs;
use std::sync::Mutex;

use crate::sandbox::{QUICKSTART, Sandbox, root};

/// Commands that have subcommands.
fn below(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = list.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

/// Every command with its help.
fn helps(it: &Sandbox) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut open = vec![String::new()];
    while let Some(command) = open.pop() {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = it.expect(0, &words).out;
        open.extend(below(&help).into_iter().map(|name| format!("{command} {name}").trim().to_owned()));
        all.push((command, help));
    }
    all.sort();
    assert!(all.len() > 30, "{}", all.len());
    all
}

/// The commands below `Examples:`; one may go on after a backslash.
fn examples(help: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let lines = help.lines().skip_while(|line| !matches!(*line, "Examples:" | "Example:")).skip(1);
    for line in lines {
        match all.last_mut() {
            Some(last) if last.ends_with('\\') => *last = format!("{last}\n{}", line.trim()),
            _ if line.starts_with("  mainstay ") => all.push(line.trim().to_owned()),
            _ => {}
        }
    }
    all
}

/// A cluster called prod that was applied, with a history, and what examples mention: a pulled state, a saved plan,
/// another directory, a rehearsal, a lock of a machine that is gone.
fn world() -> Sandbox {
    let it = Sandbox::of(QUICKSTART);
    it.edit("name: quickstart", "name: prod");
    let said = it.shell(
        r#"mainstay apply --auto-approve >/dev/null 2>&1
           mainstay apply --simulate --auto-approve >/dev/null 2>&1
           for folder in prod lab; do mkdir $folder; cp cluster.yaml $folder/; done
           mainstay state pull | sed 's/"serial": 2,/"serial": 12,/' > twelve.json
           sum=$(tail -n +3 twelve.json | sha256sum | cut -d' ' -f1)
           sed -i "2s/\"checksum\": \"[0-9a-f]*\"/\"checksum\": \"$sum\"/" twelve.json
           mainstay state push twelve.json --auto-approve >/dev/null 2>&1
           mainstay sim set 'w2/host/sysctl[net.ipv4.ip_forward]=0' 2>/dev/null
           mainstay apply --auto-approve >/dev/null 2>&1
           mainstay state pull > prod.state.json
           mainstay sim set 'w1/host/sysctl[net.ipv4.ip_forward]=0' 2>/dev/null
           mainstay plan --out prod.plan >/dev/null"#,
    );
    assert_eq!(said.code, 0, "{said:?}");
    let gone = r#"{"id":"5f3a09c1","operation":"apply","owner":"ann","host":"elsewhere","machine":null,"boot":"another",
                   "pid":7,"created":"2026-01-01T00:00:00Z","renewed":"2026-01-01T00:00:00Z"}"#;
    fs::write(it.path("gone.lock"), gone).unwrap();
    it
}

/// What an example needs beyond the world, or why it cannot succeed in it: the first that it contains holds.
/// The number is the exit code.
const SPECIAL: &[(&str, i32, &str)] = &[
    // Never over a file that exists.
    ("mainstay init ", 0, "rm -f cluster.yaml"),
    ("mainstay lock break ", 0, "mv gone.lock state/prod.lock"),
    ("plan --detailed-exitcode", 2, "true"),
    ("cluster.yaml is gone", 0, "rm cluster.yaml"),
    // Simulated hosts run no Kubernetes, so there is no admin.conf; the lab's tests fetch a real one.
    ("mainstay kubeconfig", 1, "true"),
    // An account of hosts that are reached over SSH; the lab's tests have one.
    ("mainstay drift --user", 5, "true"),
    // One resource of the world has drifted.
    ("mainstay drift", 2, "true"),
    // There must be something to end.
    ("--off", 0, "mainstay sim fail 'cp2/haproxy' 2>/dev/null"),
    ("mainstay completion bash", 0, "mkdir -p home/.local/share/bash-completion/completions"),
    ("mainstay completion zsh", 0, "mkdir -p home/.zfunc"),
];

/// Programs that examples hand output to and that need not be here.
const STAND_INS: &str = "dot() { cat >/dev/null; }; man() { cat >/dev/null; }; export -f dot man\n";

fn special(example: &str) -> (i32, &'static str) {
    let found = SPECIAL.iter().find(|(part, ..)| example.contains(part));
    found.map_or((0, "true"), |(_, code, before)| (*code, before))
}

/// Runs an example in a copy of the world; what it said if it did not go as it should.
fn wrong(world: &Sandbox, example: &str, (code, before): (i32, &str)) -> Option<String> {
    let mut it = Sandbox::new("");
    it.env("HOME", it.path("home").to_str().unwrap());
    it.env("SHELL", "/bin/bash");
    // `destroy` asks for the cluster's name, all else for `yes`.
    let answer = if example.contains("mainstay destroy") { "prod" } else { "yes" };
    fs::write(it.path("example"), format!("{STAND_INS}{example}\n")).unwrap();
    let said = it.shell(&format!(
        "cp -r {}/. .; mkdir -p home; {before}
         exec 3< <(echo {answer}; exec sleep 600 2>/dev/null); feeder=$! code=0
         timeout 500 script --quiet --return --command 'bash -uo pipefail example' log <&3 || code=$?
         kill $feeder; exit $code",
        world.dir().display()
    ));
    (said.code != code).then(|| format!("{example}\n  exit {}, not {code}: {}{}", said.code, said.out, said.err))
}

fn all_right(world: &Sandbox, all: Vec<(String, (i32, &'static str))>) {
    let (open, faults) = (Mutex::new(all), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let Some((example, how)) = open.lock().unwrap().pop() else { break };
                    let fault = wrong(world, &example, how);
                    faults.lock().unwrap().extend(fault);
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_example_in_every_help_works() {
    let world = world();
    let helps = helps(&world);
    let all: Vec<String> = helps.iter().flat_map(|(_, help)| examples(help)).collect();
    assert!(all.len() > 60, "{}", all.len());
    for (part, ..) in SPECIAL {
        assert!(all.iter().any(|example| example.contains(part)), "no example says {part} any more");
    }
    all_right(&world, all.into_iter().map(|example| (example.clone(), special(&example))).collect());
}

#[test]
fn every_command_of_the_readme_works() {
    let world = world();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut all = Vec::new();
    for block in readme.split("```sh\n").skip(1) {
        let block = block.split("```").next().unwrap().replace("\\\n", "\\ ");
        for line in block.lines().filter(|line| line.starts_with("mainstay ")) {
            all.push(line.replace("\\ ", ""));
        }
    }
    assert!(all.len() > 8, "{all:?}");
    all_right(&world, all.into_iter().map(|line| (line.clone(), special(&line))).collect());
}

#[test]
fn every_help_has_examples_and_fits_a_terminal() {
    let it = Sandbox::of(QUICKSTART);
    for (command, help) in helps(&it) {
        let group = help.contains("\nCommands:\n") && !command.is_empty();
        assert!(group || !examples(&help).is_empty(), "{command}: no example");
        assert!(!group || examples(&help).is_empty(), "{command}: its subcommands have the examples");
        let last = help.split("\nExample").nth(1).unwrap_or_default();
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
            assert!(!line.starts_with("      ") || !last.contains(line) || line.trim().is_empty(), "{command}: {line}");
        }
        let about = help.lines().next().unwrap();
        assert!(about.ends_with(|c: char| c.is_alphanumeric() || c == '`'), "{command}: {about}");
        assert!(!about.starts_with("Options"), "{command}: {about}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let it = Sandbox::of(QUICKSTART);
    it.expect(0, &["man", "--dir", "."]);
    for (command, _) in helps(&it) {
        let name = format!("mainstay {command}").trim().replace(' ', "-");
        let page = it.read(&format!("{name}.1"));
        assert!(page.starts_with(".ie") && page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{name}");
        let words: Vec<&str> = ["man"].into_iter().chain(command.split_whitespace()).collect();
        assert!(it.expect(0, &words).out.contains(".SH NAME"), "{name}");
    }
    assert!(it.expect(5, &["man", "nonsense"]).err.contains("mainstay --help"));
}
