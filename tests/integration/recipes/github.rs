//! The workflows of GitHub Actions, played step by step.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::bench::{Bench, TOKEN};
use crate::sandbox::root;

pub(super) fn workflow(name: &str) -> Value {
    let path = root().join("examples/ci/github-actions").join(name);
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// How a job went.
#[derive(Debug)]
struct Played {
    failed: bool,
    /// What its steps said.
    log: String,
    summary: String,
}

/// Values of expressions; one that is not here is a mistake in the recipe.
fn contexts(bench: &Bench, event: &str) -> BTreeMap<String, String> {
    let known = [
        ("secrets.MAINSTAY_SSH_KEY", bench.key.as_str()),
        ("github.token", TOKEN),
        ("github.event_name", event),
        ("github.repository", "acme/infra"),
        ("github.ref", "refs/heads/main"),
        ("github.server_url", "https://github.com"),
        ("github.run_id", "4711"),
        ("github.event.pull_request.number", if event == "pull_request" { "12" } else { "" }),
        ("github.event.pull_request.head.repo.full_name", "acme/infra"),
        ("inputs.plan_run", if event == "workflow_dispatch" { "99" } else { "" }),
    ];
    known.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A text with its `${{ }}` replaced.
fn filled(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut parts = text.split("${{");
    let mut all = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap();
        all.push_str(known.get(name.trim()).unwrap_or_else(|| panic!("nobody knows {name}")));
        all.push_str(rest);
    }
    all
}

/// Whether a condition holds; as much of the language as the recipes use.
fn holds(condition: &str, known: &BTreeMap<String, String>, failed: bool) -> bool {
    let value = |text: &str| match text.trim().strip_prefix('\'') {
        Some(text) => text.strip_suffix('\'').unwrap().to_owned(),
        None => known.get(text.trim()).unwrap_or_else(|| panic!("nobody knows {text}")).clone(),
    };
    let term = |term: &str| match (term.split_once("=="), term.split_once("!=")) {
        (Some((a, b)), _) => value(a) == value(b),
        (_, Some((a, b))) => value(a) != value(b),
        _ => term.trim() == "always()",
    };
    let always = condition.contains("always()");
    (always || !failed) && condition.split("||").any(|any| any.split("&&").all(term))
}

fn play(bench: &Bench, name: &str, event: &str) -> Played {
    let workflow = workflow(name);
    let (_, job) = workflow["jobs"].as_object().unwrap().iter().next().unwrap();
    let mut known = contexts(bench, event);
    let mut played = Played { failed: false, log: String::new(), summary: String::new() };
    if let Some(condition) = job["if"].as_str() {
        assert!(holds(condition, &known, false), "{name} does not run on {event}");
    }
    let files = ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"];
    let mut env: BTreeMap<String, String> = BTreeMap::new();
    for step in job["steps"].as_array().unwrap() {
        if !holds(step["if"].as_str().unwrap_or("'a' == 'a'"), &known, played.failed) {
            continue;
        }
        if let Some(action) = step["uses"].as_str() {
            keep_artifact(bench, action, &step["with"]);
            continue;
        }
        let mut now = env.clone();
        for (name, value) in [&job["env"], &step["env"]].into_iter().filter_map(Value::as_object).flatten() {
            now.insert(name.clone(), filled(value.as_str().unwrap(), &known));
        }
        for name in files {
            let path = bench.desk(name);
            fs::write(&path, "").unwrap();
            now.insert(name.to_owned(), path.display().to_string());
        }
        now.insert("GITHUB_SHA".into(), "c0ffee".into());
        let said = bench.shell(step["run"].as_str().unwrap(), &now);
        played.log.extend([said.out, said.err]);
        played.failed |= said.code != 0;
        let [more, outputs, summary] = files.map(|name| fs::read_to_string(bench.desk(name)).unwrap());
        let pairs = |text: &str| -> Vec<(String, String)> {
            text.lines().map(|line| line.split_once('=').unwrap()).map(|(a, b)| (a.into(), b.into())).collect()
        };
        env.extend(pairs(&more));
        played.summary.push_str(&summary);
        for (name, value) in pairs(&outputs) {
            known.insert(format!("steps.{}.outputs.{name}", step["id"].as_str().unwrap()), value);
        }
        // What a step did not say is empty.
        for (id, name) in [("plan", "code"), ("apply", "code"), ("drift", "code"), ("reviewed", "number")] {
            known.entry(format!("steps.{id}.outputs.{name}")).or_default();
        }
    }
    if let Some(pid) = env.get("SSH_AGENT_PID") {
        let gone = || fs::read_to_string(format!("/proc/{pid}/status")).map_or(true, |it| it.contains("State:\tZ"));
        let waited = (0..200).any(|_| {
            gone() || {
                std::thread::sleep(std::time::Duration::from_millis(50));
                false
            }
        });
        assert!(waited, "the agent outlives the job");
    }
    played
}

fn keep_artifact(bench: &Bench, action: &str, with: &Value) {
    if action.starts_with("actions/upload-artifact@") {
        let folder = bench.desk("artifacts").join(with["name"].as_str().unwrap());
        fs::create_dir_all(&folder).unwrap();
        let path = with["path"].as_str().unwrap();
        fs::copy(bench.it.path(path), folder.join(path)).unwrap();
    }
}

const NO_COMMENTS: (&str, &str) = ("*issues/12/comments --jq*", "[]");

fn comment_of(user: &str, id: u32) -> String {
    format!(r#"{{"id": {id}, "user": {{"login": "{user}"}}, "body": "<!-- mainstay plan -->\nold"}}"#)
}

#[test]
fn a_pull_request_gets_one_comment_that_is_updated() {
    let bench = Bench::new();
    bench.answer(NO_COMMENTS.0, NO_COMMENTS.1);
    let played = play(&bench, "plan.yml", "pull_request");
    assert!(!played.failed, "{}", played.log);
    let body = bench.body();
    assert!(body.starts_with("<!-- mainstay plan -->\n") && body.contains("141"), "{body}");
    assert!(!body.contains("failed") && body.len() < 65_536, "{body}");
    assert_eq!(body, played.summary);
    let calls = bench.calls();
    assert!(calls.last().unwrap().contains("--method POST repos/acme/infra/issues/12/comments"), "{calls:?}");
    assert!(bench.desk("artifacts/mainstay-plan/plan.mainstay").exists());

    // Somebody quotes the comment: theirs is left alone.
    bench.it.expect(0, &["apply", "--auto-approve"]);
    let both = format!("[{},{}]", comment_of("mallory", 70), comment_of("github-actions[bot]", 77));
    bench.answer(NO_COMMENTS.0, &both);
    let played = play(&bench, "plan.yml", "pull_request");
    assert!(!played.failed && bench.body().contains("No changes"), "{}", played.log);
    let calls = bench.calls();
    assert!(calls.last().unwrap().contains("--method PATCH repos/acme/infra/issues/comments/77 "), "{calls:?}");

    // By hand there is nobody to tell; the summary does.
    let played = play(&bench, "plan.yml", "workflow_dispatch");
    assert!(!played.failed && played.summary.contains("No changes") && bench.calls().is_empty(), "{}", played.log);
}

#[test]
fn a_plan_that_fails_is_shown_and_fails_the_job() {
    let bench = Bench::applied();
    bench.answer(NO_COMMENTS.0, NO_COMMENTS.1);
    bench.it.expect(0, &["sim", "down", "cp2"]);
    let played = play(&bench, "plan.yml", "pull_request");
    let body = bench.body();
    assert!(played.failed && body.contains("**The plan failed (exit 1).**") && body.contains("cp2"), "{body}");
    bench.it.expect(0, &["sim", "up", "cp2"]);
    bench.it.edit("version: 1.31.4", "version: latest");
    let played = play(&bench, "plan.yml", "pull_request");
    let body = bench.body();
    assert!(played.failed && body.contains("(exit 5)") && body.contains("cluster.yaml:11:23"), "{body}");
    assert!(!bench.desk("artifacts/mainstay-plan").exists(), "what failed is not applied by anybody");
}

#[test]
fn a_step_that_fails_fails_the_job() {
    let mut bench = Bench::new();
    bench.break_outside(true);
    for workflow in ["plan.yml", "drift.yml"] {
        let event = if workflow == "plan.yml" { "pull_request" } else { "schedule" };
        let played = play(&bench, workflow, event);
        assert!(played.failed && played.log.contains("HTTP 502"), "{}", played.log);
    }
    assert!(play(&bench, "apply.yml", "push").failed);
    assert!(bench.it.expect(0, &["state", "list"]).out.is_empty());
    bench.break_outside(false);
    bench.calls();
    bench.key = "not a key\nat all\n".into();
    for (workflow, event) in
        [("plan.yml", "pull_request"), ("apply.yml", "workflow_dispatch"), ("drift.yml", "schedule")]
    {
        fs::create_dir_all(bench.desk("artifacts/mainstay-plan")).unwrap();
        fs::write(bench.desk("artifacts/mainstay-plan/plan.mainstay"), "").unwrap();
        assert!(play(&bench, workflow, event).failed, "{workflow}");
        assert!(!bench.calls().iter().any(|call| call.contains("POST")), "{workflow} went on without its key");
    }
}

/// A bench whose plan was reviewed in pull request 12, which is merged now.
fn reviewed() -> Bench {
    let bench = Bench::new();
    bench.answer(NO_COMMENTS.0, NO_COMMENTS.1);
    assert!(!play(&bench, "plan.yml", "pull_request").failed);
    bench.answer("*commits/c0ffee/pulls*", r#"[{"number": 12, "head": {"sha": "beef"}}]"#);
    bench.answer("*run list --workflow plan.yml --commit beef --status success*", r#"[{"databaseId": 98}]"#);
    bench.it.shell("rm plan.mainstay");
    bench.calls();
    bench
}

#[test]
fn what_was_reviewed_is_applied_when_it_is_merged() {
    let bench = reviewed();
    let played = play(&bench, "apply.yml", "push");
    assert!(!played.failed, "{}", played.log);
    let body = bench.body();
    assert!(body.starts_with("**Applied**") && body.contains("Apply complete! Resources: 141 added"), "{body}");
    assert!(bench.calls().iter().any(|call| call == "gh run download 98 --name mainstay-plan"));
    assert_eq!(bench.it.expect(0, &["state", "list"]).out.lines().count(), 141);
}

#[test]
fn a_plan_that_is_stale_touches_nothing_and_says_what_to_do() {
    let bench = reviewed();
    bench.it.edit("  w2: {address: 10.0.0.22, roles: [worker]}\n", "");
    let played = play(&bench, "apply.yml", "push");
    assert!(played.failed, "{}", played.log);
    let body = bench.body();
    assert!(
        body.starts_with("**Not applied, or only partially** (exit 1).") && body.contains("cluster.yaml"),
        "{body}"
    );
    assert!(body.contains("start `mainstay plan` on the default branch"), "{body}");
    assert!(bench.it.expect(0, &["state", "list"]).out.is_empty());
    assert!(bench.it.expect(0, &["sim", "status"]).out.starts_with("All simulated hosts are reset"));
}

#[test]
fn without_a_reviewed_plan_nothing_is_applied() {
    let bench = reviewed();
    bench.answer("*run list --workflow plan.yml --commit beef --status success*", "[]");
    let played = play(&bench, "apply.yml", "push");
    assert!(played.failed && played.log.contains("::error::there is no plan for beef"), "{}", played.log);
    bench.answer("*commits/c0ffee/pulls*", "[]");
    let played = play(&bench, "apply.yml", "push");
    assert!(played.failed && played.log.contains("::error::c0ffee has no pull request"), "{}", played.log);
    assert!(bench.it.expect(0, &["state", "list"]).out.is_empty());
    // By hand the run is named, and there is no pull request to tell.
    bench.calls();
    let played = play(&bench, "apply.yml", "workflow_dispatch");
    assert!(!played.failed && played.summary.contains("**Applied**"), "{}", played.log);
    assert_eq!(bench.calls(), ["gh run download 99 --name mainstay-plan"]);
}

#[test]
fn an_issue_tells_of_drift_while_it_lasts() {
    const FORWARD: &str = "cp1/host/sysctl[net.ipv4.ip_forward]";
    const OPEN: &str = "*issue list --label mainstay-drift*";
    let bench = Bench::applied();
    let night = || {
        let played = play(&bench, "drift.yml", "schedule");
        let mut calls = bench.calls();
        assert!(calls.remove(0).starts_with("gh issue list"));
        (played, calls)
    };
    bench.answer(OPEN, "[]");
    let (played, calls) = night();
    assert!(!played.failed && calls.is_empty(), "0: {calls:?} {}", played.log);
    bench.it.expect(0, &["sim", "set", &format!("{FORWARD}=0")]);
    let (played, calls) = night();
    assert!(!played.failed && calls.len() == 2, "2: {calls:?} {}", played.log);
    assert!(calls[0].starts_with("gh label create mainstay-drift") && calls[1].starts_with("gh issue create"));
    let body = bench.body();
    assert!(body.contains("| cp1 | <code>host/sysctl") && body.contains("actions/runs/4711"), "{body}");
    bench.answer(OPEN, r#"[{"number": 5}]"#);
    let (played, calls) = night();
    assert!(!played.failed && calls == ["gh issue edit 5 --body-file drift.md"], "2 again: {calls:?}");
    // A host that cannot be seen is no proof that all is well.
    bench.it.expect(0, &["sim", "set", &format!("{FORWARD}=1")]);
    bench.it.expect(0, &["sim", "down", "w2"]);
    let (played, calls) = night();
    assert!(played.failed && calls.is_empty(), "4: {calls:?} {}", played.log);
    bench.it.expect(0, &["sim", "up", "w2"]);
    bench.it.edit("  w2: {address: 10.0.0.22, roles: [worker]}\n", "");
    let (played, calls) = night();
    assert!(!played.failed && calls[0].starts_with("gh issue close 5"), "3: {calls:?} {}", played.log);
    assert!(played.log.contains("::warning::"), "{}", played.log);
    fs::write(bench.it.path("state/quickstart.json"), "").unwrap();
    let (played, calls) = night();
    assert!(played.failed && calls.is_empty(), "1: {calls:?} {}", played.log);
}
