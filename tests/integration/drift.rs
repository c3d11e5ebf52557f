//! `drift` in the forms that machines read.

use std::fs;

use mainstay::plan::{Drift, Entry, Label, Seeing};
use mainstay::render::{DriftReport, Source, drift_schema};
use mainstay::resource::{Address, FieldChange};
use serde_json::Value;

use crate::sandbox::{Sandbox, root};

/// Two things on two hosts differ.
fn drifted() -> Sandbox {
    let it = Sandbox::applied();
    it.expect(0, &["sim", "set", "cp1/host/sysctl[net.ipv4.ip_forward]=0"]);
    it.expect(0, &["sim", "set", r#"cp2/haproxy/service[haproxy]={"state":"inactive"}"#]);
    it
}

fn document(it: &Sandbox, code: i32) -> Value {
    serde_json::from_str(&it.expect(code, &["drift", "--format", "json"]).out).unwrap()
}

#[test]
fn every_document_is_as_its_schema_says_and_agrees_with_the_exit_code() {
    let schema = jsonschema::validator_for(&drift_schema()).unwrap();
    let it = drifted();
    let check = |code: i32, answer: &str| {
        let document = document(&it, code);
        let faults: Vec<String> = schema.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}\n{document:#}");
        assert_eq!((&document["answer"], &document["exit_code"]), (&answer.into(), &code.into()));
        document
    };
    let document = check(2, "drift");
    let resources: Vec<&Value> = document["resources"].as_array().unwrap().iter().map(|it| &it["address"]).collect();
    assert_eq!(resources, ["cp1/host/sysctl[net.ipv4.ip_forward]", "cp2/haproxy/service[haproxy]"]);
    it.expect(0, &["sim", "down", "w1"]);
    assert_eq!(check(2, "drift")["coverage"]["unreached"].as_object().unwrap().len(), 1);
    it.expect(0, &["sim", "set", "cp1/host/sysctl[net.ipv4.ip_forward]=1"]);
    it.expect(0, &["sim", "set", r#"cp2/haproxy/service[haproxy]={"state":"active"}"#]);
    check(4, "unseen");
    it.edit("port: 8443", "port: 9443");
    check(4, "unseen");
    it.expect(0, &["sim", "up", "w1"]);
    check(3, "pending");
    it.edit("port: 9443", "port: 8443");
    check(0, "clean");
}

#[test]
fn test_results_have_a_test_for_every_resource_on_record() {
    let it = drifted();
    it.expect(0, &["sim", "down", "w1"]);
    let coverage = document(&it, 2)["coverage"].clone();
    let xml = it.expect(2, &["drift", "--format", "junit"]).out;
    let of = |what: &str| coverage[what].as_object().unwrap().len();
    let tests = coverage["resources"].as_array().unwrap().len();
    let head =
        format!(r#"name="drift of quickstart" tests="{tests}" skipped="{}" failures="2" errors="0""#, of("unseen"));
    assert!(xml.contains(&head), "{head}\n{xml}");
    assert_eq!(xml.matches("<testcase ").count(), tests);
    let failure =
        "<failure message=\"drift\" type=\"drift\">set with `mainstay sim set`\nstate  active → inactive</failure>";
    assert!(xml.contains(failure), "{xml}");
    assert_eq!(it.expect(2, &["drift", "--format", "junit"]).out, xml, "no output differs between two runs");
}

#[test]
fn drift_writes_nothing_and_needs_no_right_to_write() {
    let it = drifted();
    let files = || {
        let mut files: Vec<_> = fs::read_dir(it.path("state")).unwrap().map(|it| it.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|path| (fs::metadata(&path).unwrap().modified().unwrap(), path)).collect::<Vec<_>>()
    };
    let before = files();
    for format in ["text", "json", "junit", "github", "markdown"] {
        it.expect(2, &["drift", "--format", format]);
    }
    assert!(files() == before, "a file of the state was written");
}

/// More drift than an issue can hold.
#[test]
fn markdown_is_never_longer_than_an_issue_may_be() {
    let entry = |number: usize, text: &str| Entry {
        address: format!("h{number}/c/file[/{number}]").parse().unwrap(),
        label: Label::Drift,
        gone: false,
        fields: FieldChange::compare("content", "x\n", format!("{text}{number}\n"))
            .map(FieldChange::as_text)
            .into_iter()
            .collect(),
        at_creation: false,
        pending: Vec::new(),
        source: None,
        trace: None,
    };
    for (count, text) in [(3000, "ü"), (40, "much text, line after line\n".repeat(150).as_str())] {
        let entries: Vec<Entry> = (0..count).map(|number| entry(number, text)).collect();
        let resources =
            entries.iter().map(|entry| entry.address.clone()).collect::<std::collections::BTreeSet<Address>>();
        let drift = Drift {
            cluster: "prod".into(),
            lineage: "lineage".into(),
            serial: 7,
            entries,
            coverage: Seeing { resources, ..Seeing::default() },
            warnings: Vec::new(),
        };
        let report = DriftReport { drift: &drift, source: Source { file: "cluster.yaml", line_of: &|_| None } };
        let markdown = report.markdown();
        assert!(markdown.chars().count() < 65_536, "{}", markdown.chars().count());
        assert!(markdown.contains("**Truncated:**"), "it says that it is cut");
        assert!(markdown.matches("<details>").count() == markdown.matches("</details>").count());
    }
}

#[test]
fn the_account_s_setup_is_plain_shell() {
    let script = root().join("examples/drift-account/setup.sh");
    let accepted = |program: &str, args: &[&str]| {
        let output = std::process::Command::new(program).args(args).arg(&script).output();
        let told = |it: std::process::Output| String::from_utf8_lossy(&it.stdout).into_owned();
        output.map_or_else(|_| loudly_missing(program), |it| assert!(it.status.success(), "{}", told(it)));
    };
    accepted("sh", &["-n"]);
    accepted("shellcheck", &["--shell=sh"]);
}

fn loudly_missing(program: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "SKIPPED: {program} is not here");
}

#[test]
fn the_event_stream_ends_with_what_it_comes_to() {
    let it = drifted();
    let said = it.expect(2, &["--json", "drift"]);
    let lines = said.json();
    let drift: Vec<&Value> = lines.iter().filter(|line| line["type"] == "drift").collect();
    assert_eq!(drift.len(), 2);
    let last = &lines[lines.len() - 1];
    assert_eq!((&last["type"], &last["exit_code"]), (&"run_summary".into(), &2.into()));
    assert_eq!((&last["@message"], said.err.as_str()), (&"Drift: 2 resources on 2 hosts.".into(), ""));
}
