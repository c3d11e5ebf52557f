//! The same input gives the same output, byte for byte; and a reader that leaves early is no error.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::sandbox::{Said, Sandbox};

/// Every output of plans, graphs, files and states.
const COMMANDS: &[&[&str]] = &[
    &["plan"],
    &["plan", "--full"],
    &["plan", "--format", "json"],
    &["plan", "--format", "markdown"],
    &["plan", "--format", "html"],
    &["plan", "--destroy"],
    &["--json", "plan"],
    &["graph"],
    &["graph", "--format", "mermaid"],
    &["graph", "--format", "svg"],
    &["--json", "graph"],
    &["render"],
    &["--json", "render"],
    &["facts"],
    &["--json", "facts"],
];

/// Those of what is on record.
const RECORDED: &[&[&str]] =
    &[&["show"], &["--json", "show"], &["state", "list"], &["--json", "state", "list"], &["drift"]];

/// Those of a plan that was saved as `it.plan`.
const SAVED: &[&[&str]] = &[
    &["show", "it.plan"],
    &["show", "--full", "it.plan"],
    &["show", "--format", "markdown", "it.plan"],
    &["show", "--format", "html", "it.plan"],
    &["show", "--json", "it.plan"],
    &["graph", "it.plan"],
    &["graph", "--format", "svg", "it.plan"],
];

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Events tell when they are told, and how long a run took.
fn timeless(said: &Said) -> String {
    let without = |line: &str, key: &str| match line.split_once(key) {
        Some((before, rest)) => format!("{before}{}", rest.split_once(',').unwrap().1),
        None => line.to_owned(),
    };
    let line = |line: &str| without(&without(line, "\"@timestamp\":"), "\"elapsed_seconds\":") + "\n";
    format!("{}\n{}{}", said.code, said.out.lines().map(line).collect::<String>(), said.err)
}

#[track_caller]
fn same(it: &Sandbox, commands: &[&[&str]]) {
    let other = Sandbox::new("");
    copy(it.dir(), other.dir());
    for args in commands {
        let (one, two) = (it.run(args), other.run(args));
        assert!(one.out.len() > 20, "{args:?}: {one:?}");
        let (one, two) = (timeless(&one), timeless(&two));
        let differ = one.lines().zip(two.lines()).find(|(one, two)| one != two);
        assert!(one == two, "{args:?}: {differ:#?}");
    }
}

/// Something of everything: drift, a change, hosts that come and go, one that does not answer.
fn day_two() -> Sandbox {
    let it = Sandbox::applied();
    it.expect(0, &["sim", "set", "cp1/host/sysctl[net.ipv4.ip_forward]=0"]);
    it.edit("w2: {address: 10.0.0.22", "w3: {address: 10.0.0.23");
    it.edit("network:", "hostConfig: {sysctls: {vm.swappiness: 10, kernel.panic: 10}}\nnetwork:");
    it.expect(0, &["plan", "--out", "it.plan"]);
    it.expect(0, &["sim", "down", "w1"]);
    it
}

#[test]
fn two_runs_on_the_same_input_say_the_same() {
    same(&Sandbox::of(crate::sandbox::QUICKSTART), COMMANDS);
    let it = day_two();
    same(&it, COMMANDS);
    same(&it, RECORDED);
    same(&it, SAVED);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let it = day_two();
    for args in [COMMANDS, RECORDED, SAVED].concat() {
        // `| head -0`: nobody reads.
        let mut child = it.start(args);
        drop(child.stdout.take());
        let said = Said::of(&child.wait_with_output().unwrap());
        // What it says and how it ends is what a reader who stays is told, or nothing.
        let stayed = it.run(args);
        assert!(said.err.is_empty() || said.err == stayed.err, "{args:?}: {}", said.err);
        assert!(said.code == 0 || said.code == stayed.code, "{args:?}: {}", said.code);
    }
    it.expect(0, &["sim", "up", "w1"]);
    // `| head -1`: more than a pipe holds is left unread.
    let long = "x".repeat(60);
    let sysctls: Vec<String> = (0..900).map(|i| format!("net.x.{long}{i}: 1")).collect();
    it.edit("vm.swappiness: 10,", &format!("{},", sysctls.join(", ")));
    for args in
        [&["plan", "--full"][..], &["--json", "plan"], &["plan", "--format", "json"], &["plan", "--format", "html"]]
    {
        let mut child = it.start(args);
        let mut line = String::new();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        reader.read_line(&mut line).unwrap();
        drop(reader);
        let said = Said::of(&child.wait_with_output().unwrap());
        assert!(!line.is_empty());
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{args:?}");
    }
}
