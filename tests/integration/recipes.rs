//! The recipes of `examples/ci/`: valid by their real schemas, careful with what they may do, and played step by step.

mod bench;
mod github;
mod gitlab;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::sandbox::{QUICKSTART, Said, Sandbox, root};

/// A program of the Python package index, in the environment that `.ci/run` makes.
fn tool(name: &str) -> Option<Command> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache")))?;
    let path = cache.join("mainstay/ci/bin").join(name);
    if path.exists() {
        return Some(Command::new(path));
    }
    assert!(std::env::var_os("MAINSTAY_LAB").is_none(), "{} is missing: `.ci/run` installs it", path.display());
    let _ =
        writeln!(std::io::stderr(), "NOT TESTED with {name}: {} is missing (`.ci/run` installs it)", path.display());
    None
}

fn workflows() -> Vec<PathBuf> {
    let folder = root().join("examples/ci/github-actions");
    let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    all.sort();
    assert_eq!(all.len(), 3);
    all
}

#[test]
fn recipes_fit_the_real_schemas() {
    let valid = |schema: &str, files: &[PathBuf]| {
        let Some(mut check) = tool("check-jsonschema") else { return };
        let said = Said::of(&check.args(["--builtin-schema", schema]).args(files).output().unwrap());
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    };
    valid("vendor.github-workflows", &workflows());
    valid("vendor.gitlab-ci", &[root().join("examples/ci/gitlab-ci.yml")]);
    if let Some(mut pre_commit) = tool("pre-commit") {
        let manifest = pre_commit.arg("validate-manifest").arg(root().join(".pre-commit-hooks.yaml")).output().unwrap();
        assert!(manifest.status.success(), "{:?}", Said::of(&manifest));
    }
}

#[test]
fn workflows_may_do_no_more_than_they_must() {
    for path in workflows() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("pull_request_target"), "{name} runs code of forks with secrets");
        let workflow = github::workflow(&name);
        assert_eq!(workflow["permissions"], serde_json::json!({}), "{name}: nothing unless a job says so");
        assert!(workflow["concurrency"]["group"].is_string(), "{name}");
        for (job, it) in workflow["jobs"].as_object().unwrap() {
            assert_eq!(it["permissions"]["contents"], "read", "{name} {job}");
            assert!(it["timeout-minutes"].is_u64(), "{name} {job}");
            for step in it["steps"].as_array().unwrap() {
                if let Some(action) = step["uses"].as_str() {
                    let (_, version) = action.split_once('@').unwrap();
                    let pinned = version.len() == 40 && version.chars().all(|c| c.is_ascii_hexdigit());
                    assert!(pinned, "{name}: {action} may be another one tomorrow");
                }
                let run = step["run"].as_str().unwrap_or_default();
                assert!(!run.contains("${{"), "{name}: what others write would be run: {run}");
                assert!(!run.contains("set -x") && !run.contains("echo \"$SSH_PRIVATE_KEY"), "{name}");
            }
        }
        assert_eq!(
            text.matches("${{ secrets.").count(),
            text.matches("SSH_PRIVATE_KEY: ${{ secrets.").count(),
            "{name}"
        );
    }
    let gitlab = gitlab::pipeline();
    assert_eq!(
        (&gitlab["apply"]["resource_group"], &gitlab["apply"]["interruptible"]),
        (&"mainstay".into(), &false.into())
    );
    assert_eq!(gitlab["drift"]["artifacts"]["reports"]["junit"], "drift.xml");
}

/// A git repository with a cluster.yaml, and one with the hook, as its users have them.
fn hooked(it: &Sandbox) -> String {
    let hooks = it.path("mainstay.git");
    fs::create_dir(&hooks).unwrap();
    fs::copy(root().join(".pre-commit-hooks.yaml"), hooks.join(".pre-commit-hooks.yaml")).unwrap();
    let config = fs::read_to_string(root().join("examples/ci/pre-commit-config.yaml")).unwrap();
    let address = "https://git.example.com/mainstay.git";
    assert!(config.contains(address) && config.contains("rev: v0.1.0"));
    let own = format!("file://{}", hooks.display());
    fs::write(it.path(".pre-commit-config.yaml"), config.replace(address, &own)).unwrap();
    fs::create_dir(it.path("prod")).unwrap();
    fs::copy(it.path("cluster.yaml"), it.path("prod/cluster.yaml")).unwrap();
    fs::write(it.path(".gitignore"), "mainstay.git\nhome\n").unwrap();
    "git config --global user.name a; git config --global user.email a@b
     (cd mainstay.git; git init -q .; git add .; git commit -qm hooks; git tag v0.1.0)
     git init -q .; git add .;"
        .to_owned()
}

#[test]
fn the_hook_stops_a_commit_of_a_faulty_file() {
    let Some(pre_commit) = tool("pre-commit") else { return };
    let mut it = Sandbox::of(QUICKSTART);
    let home = it.path("home");
    fs::create_dir(&home).unwrap();
    it.env("HOME", home.to_str().unwrap());
    let set_up = hooked(&it);
    let program = Path::new(pre_commit.get_program()).display().to_string();
    let said = it.shell(&format!("{set_up} {program} install; git commit -m first"));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("mainstay validate") && said.err.contains("Passed"), "{said:?}");
    it.edit("version: 1.31.4", "version: latest");
    let said = it.shell("git commit -qam faulty");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("Failed") && said.err.contains("cluster.yaml:11:23"), "{}", said.err);
    let said = it.shell(&format!("{program} run --all-files"));
    assert!(said.code == 1 && said.out.contains("prod/cluster.yaml is valid"), "all files are checked: {said:?}");
    let said = it.shell(&format!("git checkout -q HEAD cluster.yaml; {program} run --all-files"));
    assert_eq!(said.code, 0, "{said:?}");
}

/// What terraform-compliance says of the plan, with the features of the examples.
fn complies(it: &Sandbox, plan: &[&str]) -> Option<Said> {
    let mut program = tool("terraform-compliance")?;
    fs::write(it.path("plan.json"), it.expect(0, plan).out).unwrap();
    // It notes what it has read below its working directory.
    program.current_dir(it.dir()).args(["--no-ansi", "--planfile", "plan.json", "--features"]);
    Some(Said::of(&program.arg(root().join("examples/policy/terraform-compliance")).output().unwrap()))
}

#[test]
fn a_reader_of_terraforms_plans_reads_ours() {
    let it = Sandbox::of(QUICKSTART);
    let document = ["plan", "--format", "json"];
    let Some(said) = complies(&it, &document) else { return };
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("3 scenarios (2 passed, 1 skipped)"), "{said:?}");

    it.edit("network:", "hostConfig: {sysctls: {vm.overcommit_memory: \"1\"}}\nnetwork:");
    it.expect(0, &["plan", "--out", "prod.plan"]);
    for plan in [&document[..], &["show", "--json", "prod.plan"]] {
        let said = complies(&it, plan).unwrap();
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.out.contains("3 scenarios (2 passed, 1 failed)"), "{said:?}");
        assert!(said.out.contains("w1/host/sysctl[vm.overcommit_memory]"), "it names the address: {said:?}");
    }

    it.edit("vm.overcommit_memory: \"1\"", "vm.overcommit_memory: \"0\"");
    it.expect(0, &["apply", "--auto-approve"]);
    for plan in [&document[..], &["plan", "--destroy", "--format", "json"]] {
        let said = complies(&it, plan).unwrap();
        assert_eq!(said.code, 0, "what is there already, and what goes: {said:?}");
    }
}
