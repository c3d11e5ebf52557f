//! The rooms of the house: who may import whom, how large a file may be, what is not named.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import of ours. A path may name a part: `facts::gather`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // What a pattern of addresses covers, and the name of no host, are said in one place.
    ("config", &["resource::Pattern", "resource::HostName"]),
    ("resource", &[]),
    // What errors of any module tell people to run.
    ("hint.rs", &[]),
    // How whatever people name is read.
    ("input.rs", &[]),
    ("kinds", &["resource"]),
    ("fleet", &["input", "resource"]),
    ("graph", &["resource"]),
    ("state", &["hint", "input", "resource"]),
    ("stack", &["config", "kinds", "resource"]),
    ("facts", &["graph", "kinds", "resource"]),
    ("facts/gather.rs", &["fleet", "resource"]),
    ("plan", &["graph", "facts", "state", "kinds", "resource"]),
    ("engine", &["plan", "state", "kinds", "fleet", "resource", "facts::gather"]),
    // How a run ended is a value like its events; a report draws the graph.
    ("render", &["graph", "plan", "state", "facts", "resource", "engine::event", "engine::Outcome"]),
    // What the command line does without talking, for tests and benches, too.
    ("flow", &["config", "engine", "facts", "fleet", "graph", "input", "kinds", "plan", "resource", "stack", "state"]),
    (
        "cli",
        &[
            "config", "engine", "facts", "fleet", "flow", "graph", "hint", "input", "kinds", "plan", "render",
            "resource", "stack", "state",
        ],
    ),
    ("main.rs", &[]),
    ("lib.rs", &[]),
];

/// Modules that do no IO: they name no runtime, no files, no processes and no clock.
const PURE: &[&str] = &["config", "stack", "kinds", "graph", "plan"];
const IMPURE_WORDS: &[&str] = &["async fn", "std::fs", "std::process", "tokio", "SystemTime", "Instant::now"];

const BANNED_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "imp"];
const CAP: usize = 500;

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

/// A file or a module that only tests have; such a module stands last in its file.
const ONLY_IN_TESTS: &str = "#[cfg(test)]\n";

/// Files that only tests have, without their ending: `#[cfg(test)] mod name;`.
fn only_in_tests(path: &str, text: &str) -> Vec<String> {
    let folder = match path.strip_suffix("mod.rs") {
        Some(folder) => folder.to_owned(),
        None => format!("{}/", path.trim_end_matches(".rs")),
    };
    let named = |rest: &str| {
        let line = rest.lines().next()?.strip_suffix(';')?;
        Some(format!("{folder}{}", line.rsplit_once("mod ")?.1))
    };
    text.split(ONLY_IN_TESTS).skip(1).filter_map(named).collect()
}

/// The code before the first module of tests.
fn without_tests(text: &str) -> &str {
    let opens = |rest: &str| rest.lines().next().is_some_and(|line| line.contains("mod ") && line.ends_with('{'));
    let mut tests = text.match_indices(ONLY_IN_TESTS).map(|(at, mark)| (at, &text[at + mark.len()..]));
    tests.find(|(_, rest)| opens(rest)).map_or(text, |(at, _)| &text[..at])
}

/// Path below `src/` and code of every file, without unit tests and comments.
fn all() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    found.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        (path.strip_prefix(&src).unwrap().display().to_string(), code.join("\n"))
    };
    let all: Vec<(String, String)> = found.iter().map(read).collect();
    let tests: Vec<String> = all.iter().flat_map(|(path, text)| only_in_tests(path, text)).collect();
    assert!(tests.len() > 5, "{tests:?}");
    let is_test = |path: &str| {
        let below = |test: &String| path.strip_prefix(test.as_str()).is_some_and(|rest| rest.starts_with(['/', '.']));
        tests.iter().any(below)
    };
    all.into_iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(path, text)| (path, without_tests(&text).to_owned()))
        .collect()
}

/// Paths after `crate::`. A group right after it would hide names, so nobody may write one.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let path: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
        assert!(!path.is_empty(), "`crate::{{..}}` hides what is imported");
        found.insert(path.trim_end_matches(':').to_owned());
    }
    found
}

#[test]
fn imports_flow_one_way() {
    let mut faults = Vec::new();
    for (path, text) in all() {
        let module = path.split('/').next().unwrap();
        let rule = |name: &str| MAY_IMPORT.iter().find(|(it, _)| *it == name).map(|(_, allowed)| *allowed);
        let allowed = rule(&path).or_else(|| rule(module)).unwrap_or_else(|| panic!("no rule for {path}"));
        for import in imports(&text) {
            let own = import == module || import.starts_with(&format!("{module}::"));
            let covered = |it: &&str| import == **it || import.starts_with(&format!("{it}::"));
            if !own && !allowed.iter().any(covered) {
                faults.push(format!("src/{path} imports crate::{import}"));
            }
        }
    }
    assert!(faults.is_empty(), "the import table does not allow:\n{}", faults.join("\n"));
}

#[test]
fn planning_is_pure() {
    let mut faults = Vec::new();
    for (path, text) in all() {
        if PURE.contains(&path.split('/').next().unwrap()) {
            faults
                .extend(IMPURE_WORDS.iter().filter(|it| text.contains(**it)).map(|it| format!("src/{path} says {it}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Modules that decide without the name of a kind: they ask [`Kind::nature`](mainstay::resource::Kind::nature) and its
/// like. `stack` names what it declares, `resource` the addresses of members, and the simulated fleet models what the
/// services and files of a host do.
const NAMELESS: &[&str] = &["cli", "engine", "facts", "flow", "graph", "plan", "render", "state"];
/// Exceptions: old formats, and the only kind whose key is a mere name that `state mv` may change.
const NAMED: &[(&str, &str)] = &[("state/migrate.rs", "node"), ("state/edit.rs", "manifest")];

#[test]
fn kinds_are_known_by_name_to_themselves_alone() {
    let mut faults = Vec::new();
    for (path, text) in all() {
        let kinds = mainstay::kinds::KINDS.iter().map(|kind| kind.name);
        let named = kinds.filter(|name| !NAMED.contains(&(path.as_str(), *name)));
        if NAMELESS.contains(&path.split('/').next().unwrap()) {
            let found = named.filter(|name| text.contains(&format!("\"{name}\"")));
            faults.extend(found.map(|name| format!("src/{path} says \"{name}\"")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Where reasons of a report are chosen; all others only give or print them.
const REASONING: &[&str] = &["plan/drift.rs", "plan/saved/compare.rs", "render/"];

#[test]
fn no_code_decides_by_a_reason() {
    let asks = |line: &str| {
        let asked = ["matches!(", "contains(&Reason", "== Some(&Reason", "== [Reason", "if let"];
        let arm = line.trim_start().starts_with("Reason::") && line.contains("=>");
        line.contains("Reason::") && (arm || asked.iter().any(|word| line.contains(word)))
    };
    let mut faults = Vec::new();
    for (path, text) in all().iter().filter(|(path, _)| !REASONING.iter().any(|it| path.starts_with(it))) {
        faults.extend(text.lines().filter(|line| asks(line)).map(|line| format!("src/{path}: {}", line.trim())));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn rooms_are_small_and_their_names_say_something() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    for path in found {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= CAP, "{} has {lines} lines, the cap is {CAP}", path.display());
        for part in &path.strip_prefix(&src).unwrap().with_extension("") {
            assert!(!BANNED_NAMES.contains(&part.to_str().unwrap()), "{}", path.display());
        }
    }
}

#[test]
fn shell_is_put_together_in_one_place() {
    let offenders: Vec<String> = all()
        .into_iter()
        .filter(|(path, text)| {
            !path.starts_with("resource/") && (text.contains("Script::new(&format!") || text.contains("leak()"))
        })
        .map(|(path, _)| path)
        .collect();
    assert!(offenders.is_empty(), "{offenders:?}");
}

/// What `drift` holds of the hosts can only look, and it writes no state: neither can be named there.
#[test]
fn drift_is_read_only_by_construction() {
    let all = all();
    let text = |wanted: &str| &all.iter().find(|(path, _)| path == wanted).unwrap().1;
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect()
    };
    let here = words(text("cli/drift.rs"));
    for word in ["engine", "Fleet", "Store", "acquire", "carry_out", "survey_destroy", "open_fleet", "fs"] {
        assert!(!here.contains(word), "src/cli/drift.rs names {word}");
    }
    let steps = [".apply(", ".destroy("].iter().any(|call| text("cli/drift.rs").contains(call));
    assert!(!steps, "src/cli/drift.rs asks a resource for steps");
    for (path, held) in [("plan/drift.rs", ["Step", "Act"]), ("fleet/looker.rs", ["act", "ActRequest"])] {
        assert!(held.iter().all(|word| !words(text(path)).contains(*word)), "src/{path}");
    }
    let drift = text("plan/drift.rs");
    let value = words(&drift[drift.find("pub struct Drift").unwrap()..drift.find("impl Drift").unwrap()]);
    let held = ["AnyKind", "Arc", "Change", "Plan"].iter().find(|word| value.contains(**word));
    assert_eq!(held, None, "what is told holds no resource and no step");
    let looker = text("fleet/looker.rs");
    assert!(looker.contains("pub struct Looker(Arc<Fleet>);"), "nobody gets at the fleet behind a looker");
}

/// A state is reached through its place, so that a remote one can take the place of the local directory.
#[test]
fn only_the_local_place_knows_the_files_of_a_state() {
    let local = |path: &str| ["state/place/local", "state/disk"].iter().any(|it| path.starts_with(it));
    let offenders: Vec<String> = all()
        .into_iter()
        .filter(|(path, text)| match path.strip_prefix("state/") {
            Some(_) if local(path) => false,
            Some(_) => ["std::path", "Paths::", "dyn Disk"].iter().any(|it| text.contains(it)),
            None => ["state::local", "local_on"].iter().any(|it| text.contains(it)),
        })
        .map(|(path, _)| path)
        .collect();
    // The command line chooses the place there, from cluster.yaml or `--state`.
    assert_eq!(offenders, ["cli/location.rs"]);
}
