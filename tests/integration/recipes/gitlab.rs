//! The jobs of GitLab CI, each as its runner plays it: one script, in one shell.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::bench::{Bench, TOKEN};
use crate::sandbox::{Said, root};

pub(super) fn pipeline() -> Value {
    serde_yaml::from_str(&fs::read_to_string(root().join("examples/ci/gitlab-ci.yml")).unwrap()).unwrap()
}

fn play(bench: &Bench, name: &str, source: &str) -> Said {
    let all = pipeline();
    let (base, job) = (&all[".mainstay"], &all[name]);
    assert_eq!(job["extends"], ".mainstay");
    let mut env = BTreeMap::new();
    let base64 = bench.it.shell(&format!("base64 -w0 <<'END'\n{}END", bench.key)).out;
    for (name, value) in [
        ("CI_SERVER_URL", "https://gitlab.com"),
        ("CI_PIPELINE_SOURCE", source),
        ("CI_PROJECT_ID", "7"),
        ("CI_COMMIT_SHA", "c0ffee"),
        ("CI_COMMIT_BRANCH", "main"),
        ("CI_DEFAULT_BRANCH", "main"),
        ("CI_JOB_URL", "https://gitlab.com/acme/infra/-/jobs/4711"),
        ("GITLAB_TOKEN", TOKEN),
        ("MAINSTAY_SSH_KEY_BASE64", &base64),
    ] {
        env.insert(name.to_owned(), value.to_owned());
    }
    if source == "merge_request_event" {
        env.insert("CI_MERGE_REQUEST_IID".into(), "12".into());
    }
    for (name, value) in base["variables"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let value = value.strip_prefix('$').map_or(value, |known| &env[known]).to_owned();
        env.insert(name.clone(), value);
    }
    let lines = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    let script = [lines(&base["before_script"]), lines(&job["script"])].concat().join("\n");
    let said = bench.shell(&script, &env);
    for path in job["artifacts"]["paths"].as_array().into_iter().flatten().filter(|_| said.code == 0) {
        let folder = bench.desk("artifacts/mainstay-plan");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(bench.it.path(path.as_str().unwrap()), folder.join(path.as_str().unwrap())).unwrap();
    }
    said
}

const NOTES: &str = "glab api --paginate projects/7/merge_requests/12/notes*";

#[test]
fn a_merge_request_gets_one_note_that_is_updated() {
    let bench = Bench::new();
    bench.answer(NOTES, "[]");
    let said = play(&bench, "plan", "merge_request_event");
    assert_eq!(said.code, 0, "{said:?}");
    let body = bench.body();
    assert!(body.starts_with("<!-- mainstay plan -->\n") && body.contains("141"), "{body}");
    assert!(bench.calls()[1].contains("--method POST projects/7/merge_requests/12/notes "));
    bench.answer(NOTES, r#"[{"id": 70, "body": "hm"}, {"id": 77, "body": "<!-- mainstay plan -->\nold"}]"#);
    bench.it.edit("version: 1.31.4", "version: latest");
    let said = play(&bench, "plan", "merge_request_event");
    assert_eq!(said.code, 5, "{said:?}");
    assert!(bench.body().contains("**The plan failed (exit 5).**"));
    assert!(bench.calls()[1].contains("--method PUT projects/7/merge_requests/12/notes/77 "));
}

/// A bench whose plan was reviewed in merge request 12, which is merged now.
fn reviewed() -> Bench {
    let bench = Bench::new();
    bench.answer(NOTES, "[]");
    assert_eq!(play(&bench, "plan", "merge_request_event").code, 0);
    bench
        .answer("*commits/c0ffee/merge_requests", r#"[{"iid": 3, "state": "closed"}, {"iid": 12, "state": "merged"}]"#);
    bench.answer("*merge_requests/12/pipelines", r#"[{"id": 500}, {"id": 400}]"#);
    bench.answer("*pipelines/500/jobs*", r#"[{"id": 1, "name": "other"}, {"id": 2, "name": "plan"}]"#);
    bench.it.shell("rm plan.mainstay");
    bench.calls();
    bench
}

#[test]
fn what_was_reviewed_is_applied_when_it_is_merged() {
    let bench = reviewed();
    let said = play(&bench, "apply", "push");
    assert_eq!(said.code, 0, "{said:?}");
    let body = bench.body();
    assert!(body.starts_with("**Applied**") && body.contains("Apply complete! Resources: 141 added"), "{body}");
    assert!(bench.calls().iter().any(|call| call == "glab api projects/7/jobs/2/artifacts/plan.mainstay"));
    // By hand the plan is the artifact of the job before.
    let said = play(&bench, "plan", "web");
    assert_eq!(said.code, 0, "{said:?}");
    let said = play(&bench, "apply", "web");
    assert!(said.code == 0 && said.out.contains("No changes"), "{said:?}");
    assert!(bench.calls().is_empty());
}

#[test]
fn a_plan_that_is_stale_or_missing_touches_nothing() {
    let bench = reviewed();
    bench.it.edit("  w2: {address: 10.0.0.22, roles: [worker]}\n", "");
    let said = play(&bench, "apply", "push");
    let body = bench.body();
    assert!(said.code == 1 && body.starts_with("**Not applied, or only partially** (exit 1)."), "{said:?} {body}");
    assert!(body.contains("run a pipeline on main"), "{body}");
    bench.answer("*pipelines/500/jobs*", "[]");
    let said = play(&bench, "apply", "push");
    assert!(said.code == 1 && said.err.contains("there is no plan for merge request !12"), "{said:?}");
    bench.answer("*commits/c0ffee/merge_requests", "[]");
    let said = play(&bench, "apply", "push");
    assert!(said.code == 1 && said.err.contains("c0ffee has no merge request"), "{said:?}");
    bench.break_outside(true);
    assert_ne!(play(&bench, "apply", "push").code, 0);
    assert!(bench.it.expect(0, &["sim", "status"]).out.starts_with("All simulated hosts are reset"));
}

#[test]
fn an_issue_tells_of_drift_and_the_report_is_junit() {
    const FORWARD: &str = "cp1/host/sysctl[net.ipv4.ip_forward]";
    const OPEN: &str = "*issues[?]labels=mainstay-drift*";
    let bench = Bench::applied();
    let night = |code: i32| {
        let said = play(&bench, "drift", "schedule");
        assert_eq!(said.code, code, "{said:?}");
        assert!(bench.it.read("drift.xml").starts_with("<?xml"), "{said:?}");
        let mut calls = bench.calls();
        assert!(calls.remove(0).contains("state=opened"));
        calls
    };
    bench.answer(OPEN, "[]");
    assert!(night(0).is_empty());
    bench.it.expect(0, &["sim", "set", &format!("{FORWARD}=0")]);
    let calls = night(2);
    assert!(calls[0].contains("--method POST projects/7/issues ") && calls[0].contains("labels=mainstay-drift"));
    let body = bench.body();
    assert!(body.contains("| cp1 | <code>host/sysctl") && body.contains("/jobs/4711"), "{body}");
    bench.answer(OPEN, r#"[{"iid": 5}]"#);
    assert!(night(2)[0].contains("--method PUT projects/7/issues/5 --field description=@drift.md"));
    bench.it.expect(0, &["sim", "set", &format!("{FORWARD}=1")]);
    bench.it.expect(0, &["sim", "down", "w2"]);
    assert!(night(4).is_empty(), "a host that cannot be seen is no proof that all is well");
    bench.it.expect(0, &["sim", "up", "w2"]);
    bench.it.edit("  w2: {address: 10.0.0.22, roles: [worker]}\n", "");
    assert!(night(3)[0].contains("--method PUT projects/7/issues/5 --field state_event=close"));
    fs::write(bench.it.path("state/quickstart.json"), "").unwrap();
    assert_eq!(play(&bench, "drift", "schedule").code, 1);
    assert_eq!(bench.calls().len(), 1);
}
