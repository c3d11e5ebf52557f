//! Edits of a running cluster: `tests/edits/<name>.txt` says what an operator changes in cluster.yaml, which commands follow, and
//! what they say. Each is a test of its own, by its name: `edits::sysctl_added`.
//!
//! `cluster.yaml` beside them is applied first, as the lines that begin with `given` change it. Further lines are those of
//! `play`, and `settled`, which runs `plan` and `drift` and says whether both have nothing to report. What is said is indented.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::play;
use crate::sandbox::{Sandbox, root};

fn folder() -> PathBuf {
    root().join("tests/edits")
}

fn settled(it: &Sandbox) -> String {
    let mut wrong = String::new();
    for command in [&["plan", "--detailed-exitcode"][..], &["drift"]] {
        let said = it.run(command);
        if said.code != 0 {
            let _ = write!(wrong, "no: {} says\n{}{}", command.join(" "), said.out, said.err);
        }
    }
    if wrong.is_empty() { "yes\n".to_owned() } else { wrong }
}

fn edit(name: &str) {
    let file = folder().join(name.replace('_', "-") + ".txt");
    let text = fs::read_to_string(&file).unwrap();
    let script: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.starts_with("    ")).collect();
    let it = Sandbox::of("tests/edits/cluster.yaml");
    for given in script.iter().filter_map(|line| line.strip_prefix("given ")) {
        play::play(&it, "", given);
    }
    it.expect(0, &["apply", "--auto-approve"]);
    let base = it.read("cluster.yaml");

    let mut transcript = String::new();
    for line in script {
        let said = match line {
            _ if line.starts_with("given ") => String::new(),
            "settled" => settled(&it),
            _ => play::play(&it, &base, line),
        };
        // A paragraph for each command and what led to it.
        let parted = transcript.lines().last().is_some_and(|last| last.starts_with("    ") || last.is_empty());
        let _ = writeln!(transcript, "{}{line}", if parted { "\n" } else { "" });
        for line in said.lines() {
            let _ = writeln!(transcript, "{}", format!("    {line}").trim_end());
        }
    }
    play::expect(&file, &transcript);
}

macro_rules! edit {
    ($name:ident) => {
        #[test]
        fn $name() {
            edit(stringify!($name));
        }
    };
}

include!("../edits/list.rs");

#[test]
fn each_file_is_a_test() {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = names.filter_map(|name| Some(name.strip_suffix(".txt")?.to_owned())).collect();
    play::expect_list(&folder().join("list.rs"), "edit", names, edit);
}
