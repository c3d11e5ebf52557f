//! cluster.yaml: what is accepted, what is refused and in which words, and the schema.
//!
//! `tests/config/invalid/NAME.yaml` has its exact message in `NAME.txt`; `valid/NAME.yaml` has what
//! was made of it. `UPDATE=1 cargo test --test integration config` writes them anew: read the diff.

use mainstay::config::{self, Loaded, Paths, render_diagnostics};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FILE: &str = "cluster.yaml";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn paths() -> Paths {
    Paths { base: PathBuf::from("/etc/prod"), home: Some(PathBuf::from("/home/ann")) }
}

/// The files of a directory with an extension, sorted.
fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(directory)).expect("the directory is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

/// Compares with a file, or writes it when UPDATE is set.
fn expect(path: &Path, actual: &str, failures: &mut Vec<String>) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, actual).expect("writable");
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_else(|error| format!("{error}\n"));
    if expected != actual {
        failures.push(format!("--- {}\n{expected}+++ now\n{actual}", path.display()));
    }
}

fn assert_none(failures: &[String]) {
    assert!(failures.is_empty(), "UPDATE=1 accepts these\n\n{}", failures.join("\n"));
}

/// What a person sees of a file: its errors, or its warnings, or nothing.
fn shown(text: &str) -> String {
    let diagnostics = match config::load_with(text, FILE, &paths()) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors.diagnostics,
    };
    match diagnostics.as_slice() {
        [] => String::new(),
        some => render_diagnostics(some, text, FILE, false),
    }
}

fn load(text: &str) -> Loaded {
    config::load_with(text, FILE, &paths())
        .unwrap_or_else(|errors| panic!("{}", render_diagnostics(&errors.diagnostics, text, FILE, false)))
}

#[test]
fn every_invalid_file_is_refused_in_exactly_these_words() {
    let mut failures = Vec::new();
    for path in files("tests/config/invalid", "yaml") {
        let text = fs::read_to_string(&path).expect("text");
        let begun = Instant::now();
        let result = config::load_with(&text, FILE, &paths());
        assert!(begun.elapsed() < Duration::from_secs(1), "{}", path.display());
        assert!(result.is_err(), "{} is accepted", path.display());
        expect(&path.with_extension("txt"), &shown(&text), &mut failures);
    }
    assert_none(&failures);
}

#[test]
fn every_valid_file_is_accepted_and_means_exactly_this() {
    let mut failures = Vec::new();
    for path in files("tests/config/valid", "yaml") {
        let text = fs::read_to_string(&path).expect("text");
        let loaded = load(&text);
        let mut actual = shown(&text);
        writeln!(actual, "{:#?}", loaded.cluster).expect("memory");
        expect(&path.with_extension("txt"), &actual, &mut failures);
    }
    assert_none(&failures);
}

#[test]
fn every_file_has_its_expectation_and_none_is_left_over() {
    for directory in ["tests/config/invalid", "tests/config/valid"] {
        let names = |extension| -> Vec<PathBuf> {
            files(directory, extension).iter().map(|path| path.with_extension("")).collect()
        };
        let texts: Vec<PathBuf> = names("txt");
        for name in names("yaml") {
            assert!(texts.contains(&name), "{} lacks its .txt", name.display());
        }
        for name in texts {
            let made_here = name.file_name().is_some_and(|n| n.to_string_lossy().starts_with("generated-"));
            assert!(made_here || name.with_extension("yaml").exists(), "{} lacks its .yaml", name.display());
        }
    }
    assert!(files("tests/config/invalid", "txt").len() >= 45);
}
