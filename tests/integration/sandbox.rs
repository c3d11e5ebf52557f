//! A directory with a cluster.yaml, and the compiled binary in it: no environment, no terminal, no network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::schemas::{check_files, check_output};

pub(crate) const QUICKSTART: &str = "examples/quickstart/cluster.yaml";

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Sandbox {
    /// With this text as cluster.yaml.
    pub(crate) fn new(text: &str) -> Self {
        // In memory where that is possible: each act waits for the disk twice, and hundreds of them are not the point.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let sandbox = Self { dir, env: Vec::new() };
        fs::write(sandbox.path("cluster.yaml"), text).unwrap();
        sandbox
    }

    /// With a file of the repository as cluster.yaml.
    pub(crate) fn of(file: &str) -> Self {
        Self::new(&fs::read_to_string(root().join(file)).unwrap())
    }

    /// The quickstart, applied.
    pub(crate) fn applied() -> Self {
        let sandbox = Self::of(QUICKSTART);
        sandbox.expect(0, &["apply", "--auto-approve"]);
        sandbox
    }

    pub(crate) fn env(&mut self, name: &'static str, value: &str) {
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.to_owned()));
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces a text in cluster.yaml, which must be there.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = self.read("cluster.yaml");
        assert!(text.contains(from), "cluster.yaml does not say {from}");
        fs::write(self.path("cluster.yaml"), text.replacen(from, to, 1)).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
        command.args(args).current_dir(self.dir()).env_clear().env("NO_COLOR", "1");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        let said = Said::of(&self.command(args).output().unwrap());
        check_output(args, &said.out);
        said
    }

    /// Started and left running.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// A script of bash with the compiled binary on its PATH.
    pub(crate) fn shell(&self, script: &str) -> Said {
        let mut command = self.command(&[]);
        let own = Path::new(env!("CARGO_BIN_EXE_mainstay")).parent().unwrap().display().to_string();
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", script]).current_dir(self.dir()).env_clear();
        shell.env("PATH", format!("{own}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"));
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.stdin(Stdio::null());
        command = shell;
        Said::of(&command.output().unwrap())
    }

    /// Runs a command that must end with this code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, args: &[&str]) -> Said {
        let said = self.run(args);
        assert_eq!(said.code, code, "mainstay {}\n{}{}", args.join(" "), said.out, said.err);
        said
    }
}

/// No test can leave what the schemas do not allow.
impl Drop for Sandbox {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            check_files(self.dir());
        }
    }
}

impl Said {
    /// `code` is 128 and the signal's number when one ended it, as in a shell.
    pub(crate) fn of(output: &Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let signal = output.status.signal().map_or(-1, |signal| 128 + signal);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let out = text(&output.stdout);
        check_output(&[], &out);
        Self { code: output.status.code().unwrap_or(signal), out, err: text(&output.stderr) }
    }

    /// Standard output, which must be JSON Lines and nothing else.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(parse).collect()
    }
}
