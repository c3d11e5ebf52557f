//! Plays the lines of scenarios and of edits, and compares what was said with what is expected.
//!
//! `$ mainstay ARGS` runs a command, whose output is expected; `% mainstay ARGS` too, of which only the last line is;
//! `edit FROM => TO` replaces a text in cluster.yaml (`\n` is a new line); `add TEXT` appends to it, and `undo` puts back
//! the first one; `> FILE mainstay ARGS` keeps what a command says in a file; `empty FILE` empties a file and
//! `remove FILE` removes it, or a folder. `# TEXT` is a comment.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::sandbox::{Said, Sandbox};

pub(crate) fn updating() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// Words of a line; single quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (i, part) in line.split('\'').enumerate() {
        for (j, word) in if i % 2 == 1 { vec![part] } else { part.split(' ').collect() }.into_iter().enumerate() {
            if j > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(word);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `0.1 s` is another one each time, and so are times of day and random names.
fn redacted(text: &str) -> String {
    let known = |word: &str| match word.len() {
        20 if word.ends_with('Z') && word.as_bytes()[10] == b'T' => Some("YYYY-MM-DDTHH:MM:SSZ"),
        36 if word.split('-').map(str::len).eq([8, 4, 4, 4, 12]) => Some("LINEAGE"),
        _ => None,
    };
    let plain = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == ':');
    let words: Vec<&str> = text.split(plain).filter(|word| known(word).is_some()).collect();
    let mut named = text.to_owned();
    for word in words {
        named = named.replace(word, known(word).unwrap());
    }
    let sized = |line: &str| match line.split_once(" KiB") {
        Some((before, after)) => format!("{}N KiB{after}", before.trim_end_matches(|c: char| c.is_ascii_digit())),
        None => line.to_owned(),
    };
    let named: String = named.split_inclusive('\n').map(sized).collect();
    without_durations(&named)
}

fn without_durations(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" s") {
        let number = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let is_time = number.len() < before.len() && !after.starts_with(char::is_alphabetic);
        shown.push_str(if is_time { number } else { before });
        shown.push_str(if is_time { "N s" } else { " s" });
        rest = after;
    }
    shown + rest
}

/// What is shown of a command. Progress of apply and destroy comes in no certain order; what they say instead of a plan
/// is shown.
fn shown(args: &[String], said: &Said, last_line: bool) -> String {
    let mut text = said.out.clone();
    if last_line {
        text = text.lines().last().map(|line| format!("{line}\n")).unwrap_or_default();
    } else if !(matches!(args[0].as_str(), "apply" | "destroy") && said.code < 2 && !said.out.is_empty()) {
        text.push_str(&said.err);
    }
    if said.code != 0 {
        let _ = writeln!(text, "[exit {}]", said.code);
    }
    redacted(&text)
}

/// Plays one line; returns what is shown of it.
pub(crate) fn play(it: &Sandbox, base: &str, line: &str) -> String {
    let run = |args: &[String]| it.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let lines = |text: &str| text.replace("\\n", "\n");
    if let Some((from, to)) = line.strip_prefix("edit ").and_then(|edit| edit.split_once(" =>")) {
        it.edit(&lines(from), &lines(to.strip_prefix(' ').unwrap_or(to)));
    } else if let Some(text) = line.strip_prefix("add ") {
        fs::write(it.path("cluster.yaml"), it.read("cluster.yaml") + &lines(text) + "\n").unwrap();
    } else if line == "undo" {
        fs::write(it.path("cluster.yaml"), base).unwrap();
    } else if let Some(file) = line.strip_prefix("empty ") {
        fs::write(it.path(file), "").unwrap();
    } else if let Some(file) = line.strip_prefix("remove ") {
        let file = it.path(file);
        if file.is_dir() { fs::remove_dir_all(file) } else { fs::remove_file(file) }.unwrap();
    } else if let Some((file, command)) = line.strip_prefix("> ").and_then(|rest| rest.split_once(" mainstay ")) {
        let said = run(&words(command));
        assert_eq!(said.code, 0, "{line}\n{}{}", said.out, said.err);
        fs::write(it.path(file), said.out).unwrap();
    } else if let Some(command) = line.strip_prefix("$ mainstay ").or_else(|| line.strip_prefix("% mainstay ")) {
        let args = words(command);
        return shown(&args, &run(&args), line.starts_with('%'));
    } else {
        assert!(line.is_empty() || line.starts_with('#'), "no such line: {line}");
    }
    String::new()
}

/// Compares with a file of the repository. `UPDATE=1` writes it.
#[track_caller]
pub(crate) fn expect(file: &Path, text: &str) {
    if updating() {
        fs::write(file, text).unwrap();
    }
    let before = fs::read_to_string(file).unwrap_or_default();
    if before != text {
        let diff = similar::TextDiff::from_lines(before.as_str(), text);
        panic!(
            "{}: UPDATE=1 cargo test --test integration accepts:\n{}",
            file.display(),
            diff.unified_diff().context_radius(3)
        );
    }
}

/// `list.rs` names each as a test, sorted: Rust has no tests that are only files. With `UPDATE=1` it is written, and what
/// was not in it yet is played at once.
#[track_caller]
pub(crate) fn expect_list(file: &Path, name_of_macro: &str, mut names: Vec<String>, play: fn(&str)) {
    names.sort();
    let line = |name: &String| format!("{name_of_macro}!({});\n", name.replace('-', "_"));
    let listed = fs::read_to_string(file).unwrap();
    if updating() {
        names.iter().filter(|name| !listed.contains(&line(name))).for_each(|name| play(name));
    }
    let lines: String = names.iter().map(line).collect();
    expect(file, &format!("// Written by UPDATE=1; see CONTRIBUTING.md.\n{lines}"));
}

#[test]
fn timings_are_redacted_and_words_are_split() {
    assert_eq!(redacted("after 0.1 s, 12 s, 3 steps in 4 s\n"), "after N s, N s, 3 steps in N s\n");
    assert_eq!(words("sim set 'a b=1' c"), ["sim", "set", "a b=1", "c"]);
}
