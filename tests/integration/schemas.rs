//! schema/*.schema.json: current, strict, and valid for every output of these tests.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use mainstay::{render, state};
use serde_json::{Value, json};

use crate::play::updating;
use crate::sandbox::{QUICKSTART, Sandbox, root};

type Checker = LazyLock<Validator>;

fn validator(schema: &Value) -> Validator {
    jsonschema::options().with_draft(Draft::Draft7).build(schema).unwrap()
}

static EVENTS: Checker = LazyLock::new(|| validator(&render::events_schema()));
static PLAN: Checker = LazyLock::new(|| validator(&render::plan_schema()));
static STATE: Checker = LazyLock::new(|| validator(&state::schema()));

#[track_caller]
fn hold(checker: &Checker, value: &Value) {
    let faults: Vec<String> =
        checker.iter_errors(value).take(3).map(|fault| format!("{}: {fault:.300}", fault.instance_path)).collect();
    let shown: String = value.to_string().chars().take(500).collect();
    assert!(faults.is_empty(), "{faults:#?}\n{shown}");
}

/// Whether these arguments ask for a stream of events on stdout.
fn streams(args: &[&str]) -> bool {
    let command = args.iter().any(|arg| ["plan", "apply", "destroy", "drift"].contains(arg));
    command && args.contains(&"--json") && !args.iter().any(|arg| ["--help", "schema", "show", "state"].contains(arg))
}

/// What a command printed: events where it has a stream, plans wherever one stands.
#[track_caller]
pub(crate) fn check_output(args: &[&str], out: &str) {
    let mut lines = 0;
    for value in out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        lines += 1;
        if streams(args) || value.get("@timestamp").is_some() {
            hold(&EVENTS, &value);
        } else if value.get("resource_changes").is_some() {
            hold(&PLAN, &value);
        }
    }
    if streams(args) {
        assert_eq!(lines, out.lines().count(), "stdout is JSON Lines or nothing: {out}");
    }
}

/// What a test leaves: state files that can be read, and files of events.
pub(crate) fn check_files(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && (name == "state" || path.starts_with(dir.join("state"))) {
            check_files(&path);
        } else if path.is_file()
            && let Ok(bytes) = fs::read(&path)
        {
            if state::from_bytes(&state::Named::new(&path.display()), &bytes).is_ok() {
                hold(&STATE, &serde_json::from_slice(&bytes).unwrap());
            } else if bytes.starts_with(b"{\"@level\"") {
                check_output(&[], &String::from_utf8_lossy(&bytes));
            }
        }
    }
}

#[test]
fn the_schema_files_are_current() {
    let it = Sandbox::new("");
    let mut stale = Vec::new();
    for name in ["cluster", "plan", "events", "state", "drift"] {
        let file = format!("schema/{name}.schema.json");
        let text = it.expect(0, &["schema", name]).out;
        if updating() {
            fs::write(root().join(&file), &text).unwrap();
        }
        if fs::read_to_string(root().join(&file)).unwrap_or_default() != text {
            stale.push(file);
        }
    }
    assert!(stale.is_empty(), "out of date: {stale:?}; run UPDATE=1 cargo test --test integration schemas");
}

/// Every object says what is in it, and lets nothing else in.
#[test]
fn objects_are_closed() {
    fn visit(value: &Value, at: &str) {
        let closed = value["properties"].is_null() || value["additionalProperties"] == json!(false);
        assert!(value["type"] != "object" || closed, "{at} is open");
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| visit(value, &format!("{at}/{key}"))),
            Value::Array(items) => items.iter().for_each(|value| visit(value, at)),
            _ => {}
        }
    }
    for schema in [render::plan_schema(), render::events_schema(), state::schema()] {
        visit(&schema, schema["title"].as_str().unwrap());
    }
}

#[test]
fn what_is_not_in_a_schema_is_refused() {
    let it = Sandbox::of(QUICKSTART);
    let event = it.expect(0, &["plan", "--json"]).json().pop().unwrap();
    let plan = it.expect(0, &["plan", "--format", "json"]).json().pop().unwrap();
    it.expect(0, &["apply", "--auto-approve"]);
    let state: Value = serde_json::from_str(&it.read("state/quickstart.json")).unwrap();
    for (checker, good) in [(&EVENTS, event), (&PLAN, plan), (&STATE, state)] {
        assert!(checker.is_valid(&good));
        for change in [("no_such_key", json!(1)), ("type", json!("no such")), ("serial", json!("x"))] {
            let mut bad = good.clone();
            bad[change.0] = change.1.clone();
            assert!(!checker.is_valid(&bad), "{}", change.0);
        }
    }
}
