//! How the cluster is asked: on a control plane, through its own apiserver and etcd member.
//!
//! What belongs to the cluster is looked at on every control plane, each through its own apiserver, so that one
//! that is down hides nothing and the virtual address is not needed.

/// A script's body: the functions of `kubectl.sh`, and then a file.
macro_rules! with_kubectl {
    ($($file:literal),+) => { concat!(include_str!("kubectl.sh"), $(include_str!($file)),+) };
}
pub(super) use with_kubectl;

/// Errors of the API during an election of etcd's leader; the request is repeated. `kubectl.sh` repeats reads.
pub(super) const ELECTION: &[&str] = &["etcdserver: leader changed", "etcdserver: request timed out"];

#[cfg(test)]
pub(super) mod stage {
    //! Runs bodies against made-up commands, with the host's directories moved into a temporary one.

    use crate::kinds::rehearsal::stand_in;
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use tempfile::TempDir;

    use crate::resource::{Output, Script, Slots};

    /// A host that has only what a test gives it.
    pub(crate) struct Stage {
        dir: TempDir,
    }

    impl Stage {
        pub(crate) fn new() -> Self {
            let dir = TempDir::new().unwrap();
            fs::create_dir(dir.path().join("bin")).unwrap();
            fs::create_dir(dir.path().join("run")).unwrap();
            Self { dir }
        }

        /// A control plane that listens on 10.0.0.1.
        pub(crate) fn control_plane() -> Self {
            let stage = Self::new();
            stage.file("/etc/kubernetes/admin.conf", "    server: https://10.0.0.100:8443\n");
            let manifest = "    - kube-apiserver\n    - --advertise-address=10.0.0.1\n    - --secure-port=6443\n";
            stage.file("/etc/kubernetes/manifests/kube-apiserver.yaml", manifest);
            stage
        }

        pub(crate) fn path(&self, path: &str) -> std::path::PathBuf {
            self.dir.path().join(path.trim_start_matches('/'))
        }

        pub(crate) fn file(&self, path: &str, content: &str) {
            let path = self.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }

        pub(crate) fn has(&self, path: &str) -> bool {
            self.path(path).exists()
        }

        /// A command; its arguments are logged first, one line a call.
        pub(crate) fn command(&self, name: &str, body: &str) {
            let path = self.path(&format!("/bin/{name}"));
            let log = self.path("/calls");
            stand_in(path, &format!("#!/bin/sh\necho {name} \"$@\" >>{}\n{body}\n", log.display()));
        }

        /// What was called.
        pub(crate) fn calls(&self) -> String {
            fs::read_to_string(self.path("/calls")).unwrap_or_default()
        }

        pub(crate) fn run(&self, script: &Script) -> Output {
            self.run_with(script, &Slots::default())
        }

        pub(crate) fn run_with(&self, script: &Script, slots: &Slots) -> Output {
            self.run_in("sh", script, slots)
        }

        pub(crate) fn run_in(&self, shell: &str, script: &Script, slots: &Slots) -> Output {
            let mut text = script.render(slots).unwrap().to_string();
            for top in ["/etc/", "/var/", "/run/", "/usr/libexec/", "/proc/[0-9]*/cgroup"] {
                text = text.replace(top, &format!("{}{top}", self.dir.path().display()));
            }
            let path = format!("{}:{}", self.path("/bin").display(), std::env::var("PATH").unwrap());
            let mut command = Command::new(shell);
            command.env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            let here = format!("{}/", self.dir.path().display());
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&here, "/");
            let status = output.status.code().unwrap();
            Output { status, stdout: text(output.stdout), stderr: text(output.stderr) }
        }
    }

    /// Every shell file of the kinds, with its text.
    pub(crate) fn every_sh_file() -> Vec<(String, String)> {
        fn visit(dir: &Path, found: &mut Vec<(String, String)>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    visit(&path, found);
                } else if path.extension().is_some_and(|extension| extension == "sh") {
                    found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
                }
            }
        }
        let mut found = Vec::new();
        visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds"), &mut found);
        found.sort();
        found
    }
}
