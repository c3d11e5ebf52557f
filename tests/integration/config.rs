//! cluster.yaml: what is accepted, what is refused and in which words, and the schema.
//!
//! `tests/config/invalid/NAME.yaml` has its exact message in `NAME.txt`; `valid/NAME.yaml` has what
//! was made of it. `UPDATE=1 cargo test --test integration config` writes them anew: read the diff.

use mainstay::config::{self, Draft, DraftHost, FleetKind, Loaded, Paths, Role, render_diagnostics};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
        let diff = similar::TextDiff::from_lines(expected.as_str(), actual);
        failures.push(format!("{}\n{}", path.display(), diff.unified_diff().context_radius(3)));
    }
}

fn assert_none(failures: &[String]) {
    assert!(
        failures.is_empty(),
        "UPDATE=1 cargo test --test integration config accepts these\n\n{}",
        failures.join("\n")
    );
}

/// Most that any file may take: a second, and more where nothing is optimised.
const LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 4 } else { 1 });

/// Processor time of this thread: a busy machine does not make the program slow.
fn spent() -> Duration {
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = schedstat.split(' ').next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// What a person sees of a file: its errors, or its warnings, or nothing.
pub(crate) fn shown(text: &str) -> String {
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
        let begun = spent();
        let result = config::load_with(&text, FILE, &paths());
        assert!(spent().saturating_sub(begun) < LIMIT, "{}", path.display());
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

/// A missing expectation fails the tests above.
#[test]
fn no_expectation_is_left_over() {
    for directory in ["tests/config/invalid", "tests/config/valid"] {
        for text in files(directory, "txt") {
            let made_here = text.file_name().is_some_and(|name| name.to_string_lossy().starts_with("generated-"));
            assert!(made_here || text.with_extension("yaml").exists(), "{} has no .yaml", text.display());
        }
    }
    assert!(files("tests/config/invalid", "yaml").len() >= 45);
}

/// Files that are too large, too strange or too long to keep: what is said of them is kept.
#[test]
fn garbage_is_refused_at_once() {
    let garbage: Vec<u8> = (0..10 << 20).map(|n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    let letters: String = garbage.iter().take(4 << 20).map(|b| char::from(b'a' + b % 26)).collect();
    let elf = [b"\x7fELF\x02\x01\x01\0".as_slice(), &garbage[..4096]].concat();
    let keys = |count: usize| (0..count).fold(String::new(), |text, n| text + &format!("k{n}: 1\n"));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("10-mb-of-garbage", garbage.clone()),
        ("10-mb-of-text", letters.as_bytes().repeat(3)[..10 << 20].to_vec()),
        ("4-mb-in-one-word", letters.into_bytes()),
        ("4-mb-of-brackets", vec![b'['; 4 << 20]),
        ("4-mb-of-open-lists", b"- ".repeat(2 << 20)),
        ("4-mb-of-one-key", b"a: 1\n".repeat((4 << 20) / 5)),
        ("4-mb-of-tabs", b"a:\n\tb: 1\n".repeat((4 << 20) / 10)),
        ("4-mb-of-quotes", vec![b'"'; 4 << 20]),
        ("4-mb-of-anchors", b"- &a a\n- *a\n".repeat((4 << 20) / 12)),
        ("100000-unknown-keys", keys(100_000).into_bytes()),
        ("program", elf),
        (
            "utf-16",
            "name: prod".encode_utf16().flat_map(u16::to_le_bytes).fold(vec![0xff, 0xfe], |mut v, b| {
                v.push(b);
                v
            }),
        ),
        ("latin-1", b"apiVersion: mainstay/v1\nname: gr\xf6\xdfe\n".to_vec()),
    ];
    let mut failures = Vec::new();
    for (name, bytes) in cases {
        let begun = spent();
        let errors = config::load_bytes(&bytes, FILE, Path::new("/etc/prod")).expect_err(name);
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let actual = render_diagnostics(&errors.diagnostics, text, FILE, false);
        let took = spent().saturating_sub(begun);
        if took >= LIMIT {
            failures.push(format!("{name} took {took:?}\n"));
        }
        let path = root().join(format!("tests/config/invalid/generated-{name}.txt"));
        expect(&path, &actual, &mut failures);
    }
    assert_none(&failures);
}

#[test]
fn five_thousand_hosts_are_read_quickly() {
    let mut text = String::from(
        "apiVersion: mainstay/v1\nkind: Cluster\nname: big\nkubernetes: {version: 1.31.4, podSubnet: 172.0.0.0/11, \
         serviceSubnet: 192.168.0.0/16}\nendpoint: {address: 10.0.0.250}\nnetwork: {plugin: bridge}\nhosts:\n",
    );
    for n in 0..5000 {
        let role = if n < 3 { "control-plane" } else { "worker" };
        writeln!(text, "  n{n}: {{address: 10.{}.{}.{}, roles: [{role}]}}", n / 40_000, n / 200, n % 200 + 1)
            .expect("memory");
    }
    let begun = spent();
    let loaded = load(&text);
    assert!(spent().saturating_sub(begun) < LIMIT, "{:?}", spent().saturating_sub(begun));
    assert_eq!(loaded.cluster.hosts.len(), 5000);
    assert_eq!(loaded.sources.line("/hosts/n4999/address"), Some(5007));
}

#[test]
fn every_example_is_accepted_without_a_warning() {
    let mut found = 0;
    for directory in fs::read_dir(root().join("examples")).expect("the directory is there") {
        let path = directory.expect("readable").path().join("cluster.yaml");
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        found += 1;
        assert_eq!(shown(&text), "", "{}", path.display());
        assert!(text.starts_with("# yaml-language-server: $schema=../../schema/cluster.schema.json\n"));
    }
    assert!(found >= 4);
}

#[test]
fn the_template_is_accepted_as_it_is_and_with_every_comment_taken_off() {
    let host =
        |name: &str, address: &str, role| DraftHost { name: name.into(), address: address.into(), roles: vec![role] };
    let mut draft = Draft {
        name: "prod".into(),
        fleet: FleetKind::Ssh,
        version: "1.31.4".into(),
        endpoint: "10.0.0.100".into(),
        port: 8443,
        user: None,
        hosts: vec![
            host("cp1", "10.0.0.11", Role::ControlPlane),
            host("cp2", "10.0.0.12", Role::ControlPlane),
            host("cp3", "10.0.0.13", Role::ControlPlane),
            host("w1", "10.0.0.21", Role::Worker),
        ],
    };
    for (fleet, user) in [(FleetKind::Ssh, None), (FleetKind::Simulated, Some("debian")), (FleetKind::Ssh, Some("12"))]
    {
        draft.fleet = fleet;
        draft.user = user.map(str::to_owned);
        let text = config::template(&draft);
        assert_eq!(shown(&text), "", "{text}");
        let loaded = load(&text);
        assert_eq!(loaded.cluster.hosts.len(), 4);
        assert_eq!(loaded.cluster.fleet, fleet);
        let uncommented: String = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest)
                    if rest.starts_with("  ") && !rest.contains(" > ") || rest.starts_with(char::is_alphabetic) =>
                {
                    rest
                }
                _ => line,
            })
            .fold(String::new(), |text, line| text + line + "\n");
        assert_eq!(shown(&uncommented), "", "{uncommented}");
        assert!(load(&uncommented).cluster.host_config.kernel_modules.len() == 1, "{uncommented}");
    }
    let mut failures = Vec::new();
    draft.user = None;
    expect(&root().join("tests/config/template.yaml"), &config::template(&draft), &mut failures);
    assert_none(&failures);
}

#[test]
fn diagnostics_are_read_by_programs_too() {
    let errors = config::load_with("name: Prod\nfoo: 1\n", FILE, &paths()).expect_err("faults");
    let json = serde_json::to_value(&errors.diagnostics).expect("JSON");
    let unknown = json.as_array().expect("a list").iter().find(|d| d["message"] == "unknown key `foo`");
    let unknown = unknown.expect("reported");
    assert_eq!(unknown["severity"], "error");
    assert_eq!(unknown["primary"], serde_json::json!({"start": 11, "end": 14, "line": 2, "column": 1, "text": ""}));
}

#[test]
fn colours_are_only_there_when_asked_for() {
    let text = "name: Prod\n";
    let errors = config::load_with(text, FILE, &paths()).expect_err("faults");
    assert!(render_diagnostics(&errors.diagnostics, text, FILE, true).contains('\u{1b}'));
    assert!(!render_diagnostics(&errors.diagnostics, text, FILE, false).contains('\u{1b}'));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    /// Whatever is broken in a file: there is an answer, and it can be shown.
    #[test]
    fn no_damage_makes_it_panic(
        edits in proptest::collection::vec((0_usize..8000, 0_usize..30, "[-:,{}\\[\\]\"'#&*!|>%@ \n\ta0ü.]{0,4}"), 1..6),
    ) {
        let mut text = fs::read_to_string(root().join("tests/config/valid/everything.yaml")).expect("text");
        for (at, length, new) in edits {
            let floor = |mut at: usize| {
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let (from, to) = (floor(at.min(text.len())), floor((at + length).min(text.len())));
            text.replace_range(from..to, &new);
        }
        let _ = shown(&text);
    }
}
