//! Where a recipe is played: a simulated cluster in a git repository, the real binary, and stand-ins for the programs
//! that talk to the outside, which record what they are asked.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::sandbox::{QUICKSTART, Said, Sandbox};

/// Stands for `gh` and `glab`: records the call, keeps the body that is sent, and answers with the first file of
/// answers whose first line is a pattern of the call. Without a token it refuses.
const STAND_IN: &str = r#"#!/usr/bin/env bash
set -euo pipefail
call="${0##*/} $*"
printf '%s\n' "$call" >> "$DESK/calls"
[ -n "${GH_TOKEN:-}${GITLAB_TOKEN:-}" ] || { echo "no token" >&2; exit 4; }
[ ! -e "$DESK/broken" ] || { echo "HTTP 502" >&2; exit 1; }
args=("$@") filter=.
for ((i = 0; i < $#; i++)); do
    case ${args[i]} in
        --jq) filter=${args[i + 1]} ;;
        --body-file) cp "${args[i + 1]}" "$DESK/body" ;;
        body=@* | description=@*) cp "${args[i]#*@}" "$DESK/body" ;;
    esac
done
case $call in
    "gh run download "*) cp "$DESK/artifacts/mainstay-plan/plan.mainstay" .; exit ;;
    *"/artifacts/plan.mainstay") cat "$DESK/artifacts/mainstay-plan/plan.mainstay"; exit ;;
esac
for answer in "$DESK"/answers/*; do
    pattern=$(sed -n 1p "$answer")
    case $call in
        $pattern) sed 1d "$answer" | jq -r "$filter"; exit ;;
    esac
done
"#;

pub(super) struct Bench {
    pub(super) it: Sandbox,
    desk: tempfile::TempDir,
    /// A throw-away key, as a secret of the recipe.
    pub(super) key: String,
}

impl Bench {
    /// The quickstart, of which nothing is applied yet.
    pub(super) fn new() -> Self {
        let it = Sandbox::of(QUICKSTART);
        let desk = tempfile::tempdir().unwrap();
        for name in ["bin", "answers", "artifacts"] {
            fs::create_dir(desk.path().join(name)).unwrap();
        }
        for name in ["gh", "glab"] {
            let path = desk.path().join("bin").join(name);
            fs::write(&path, STAND_IN).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let made = it.shell(
            "git init -q . && git add cluster.yaml && git -c user.name=a -c user.email=a@b commit -qm first
             ssh-keygen -q -t ed25519 -N '' -f key && cat key && rm key key.pub",
        );
        assert_eq!(made.code, 0, "{made:?}");
        Self { it, desk, key: made.out }
    }

    /// The same, applied.
    pub(super) fn applied() -> Self {
        let bench = Self::new();
        bench.it.expect(0, &["apply", "--auto-approve"]);
        bench
    }

    pub(super) fn desk(&self, name: &str) -> PathBuf {
        self.desk.path().join(name)
    }

    /// What the outside answers to calls like this one, until the answer is replaced.
    pub(super) fn answer(&self, pattern: &str, json: &str) {
        let name: String = pattern.chars().filter(char::is_ascii_alphanumeric).collect();
        fs::write(self.desk("answers").join(name), format!("{pattern}\n{json}\n")).unwrap();
    }

    /// From now on nothing outside works, or all does again.
    pub(super) fn break_outside(&self, broken: bool) {
        let path = self.desk("broken");
        if broken { fs::write(path, "").unwrap() } else { fs::remove_file(path).unwrap() }
    }

    /// The calls since this was asked last.
    pub(super) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.desk("calls")).unwrap_or_default();
        drop(fs::remove_file(self.desk("calls")));
        assert!(!text.contains("PRIVATE KEY") && !text.contains(TOKEN), "a secret in an argument:\n{text}");
        text.lines().map(str::to_owned).collect()
    }

    /// The body that was sent last.
    pub(super) fn body(&self) -> String {
        let text = fs::read_to_string(self.desk("body")).unwrap();
        fs::remove_file(self.desk("body")).unwrap();
        text
    }

    /// Runs a script as a runner does. Nothing that it says may hold a secret.
    pub(super) fn shell(&self, script: &str, env: &BTreeMap<String, String>) -> Said {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_mainstay"));
        let own = [self.desk("bin"), binary.parent().unwrap().to_owned()].map(|it| it.display().to_string());
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", script]).current_dir(self.it.dir()).env_clear();
        shell.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", own.join(":"))).env("DESK", self.desk.path());
        shell.env("HOME", self.desk.path()).envs(env).stdin(Stdio::null());
        let said = Said::of(&shell.output().unwrap());
        let secret = self.key.lines().nth(1).unwrap();
        for text in [&said.out, &said.err] {
            assert!(!text.contains(secret) && !text.contains(TOKEN), "a secret was told:\n{text}");
        }
        said
    }
}

/// The token of GitHub or GitLab.
pub(super) const TOKEN: &str = "token-for-this-run";
