//! Real hosts in containers, driven by the compiled binary.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::turn::Turn;

/// A running lab; removed when it is dropped, unless `LAB_KEEP` is set. One of a test run that was killed is removed by
/// the next `tests/lab/up`, whoever calls it.
pub(crate) struct Lab {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) hosts: Vec<String>,
    _turn: Turn,
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Writes past the test harness's capture: a check that did not run must be seen.
pub(crate) fn loudly(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Whether labs are left running, for people to work in.
pub(crate) fn stays() -> bool {
    std::env::var_os("LAB_KEEP").is_some()
}

/// A name that no other run of the tests has, from this checkout or another one.
pub(crate) fn own_name(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// A script of the lab that has this name and directory.
pub(crate) fn script(path: &str, name: &str, dir: &Path) -> Command {
    let mut command = Command::new(root().join("tests/lab").join(path));
    command.env("LAB_NAME", name).env("LAB_DIR", dir).env_remove("LAB_OWNER").stdin(Stdio::null());
    if !stays() {
        command.env("LAB_OWNER", std::process::id().to_string());
    }
    command
}

/// Whether the lab can run, which this script of it knows. With `MAINSTAY_LAB=required`, as in CI,
/// it must.
pub(crate) fn ready(script: &str) -> bool {
    let output = Command::new(root().join("tests/lab").join(script)).output().unwrap();
    if output.status.success() {
        return true;
    }
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(std::env::var("MAINSTAY_LAB").as_deref() != Ok("required"), "the lab is required and cannot run: {why}");
    loudly(&format!("SKIPPED: no lab, so nothing here was seen by a real host: {why}"));
    false
}

impl Lab {
    /// Makes fresh hosts. `None` when there is no lab (said loudly).
    pub(crate) fn up(name: &str, control_planes: usize, workers: usize) -> Option<Self> {
        let turn = Turn::take();
        if !ready("docker-ready") {
            return None;
        }
        let name = own_name(name);
        let dir = root().join("target").join(&name);
        let mut hosts: Vec<String> = (1..=control_planes).map(|i| format!("cp{i}")).collect();
        hosts.extend((1..=workers).map(|i| format!("w{i}")));
        let lab = Self { name, dir, hosts, _turn: turn };
        let output = lab
            .script("up")
            .args(["--control-planes", &control_planes.to_string(), "--workers", &workers.to_string()])
            .output()
            .unwrap();
        assert!(output.status.success(), "tests/lab/up failed:\n{}", text(&output));
        Some(lab)
    }

    /// Builds a cluster on its hosts as the articles do, and describes it in cluster.yaml.
    pub(crate) fn build_by_hand(&self) {
        let output = self.script("by-hand").output().unwrap();
        assert!(output.status.success(), "tests/lab/by-hand failed:\n{}", text(&output));
    }

    fn script(&self, path: &str) -> Command {
        script(path, &self.name, &self.dir)
    }

    /// The compiled binary on this lab's cluster.yaml.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
        command.arg("-f").arg(self.dir.join("cluster.yaml")).args(args);
        command
            .env_remove("MAINSTAY_FILE")
            .env("NO_COLOR", "1")
            .env("LAB_VRRP", crate::secrets::MARKER)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn mainstay(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs it and expects this exit code; returns stdout.
    pub(crate) fn expect(&self, code: i32, args: &[&str]) -> String {
        let output = self.mainstay(args);
        assert_eq!(output.status.code(), Some(code), "mainstay {args:?}:\n{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn container(&self, host: &str) -> String {
        format!("{}-{host}", self.name)
    }

    /// Runs a shell line as root on a host and returns its stdout; it must succeed.
    pub(crate) fn sh(&self, host: &str, line: &str) -> String {
        let output = self.try_sh(host, line);
        assert!(output.status.success(), "{host}: {line}\n{}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn try_sh(&self, host: &str, line: &str) -> Output {
        docker(&["exec", &self.container(host), "sh", "-c", line])
    }

    /// A verb of Docker on a host. Tried again for a while: a busy machine refuses to freeze at times.
    pub(crate) fn docker(&self, verb: &str, host: &str) {
        until(&format!("docker {verb} {host} succeeds"), 30, || {
            let output = docker(&[verb, &self.container(host)]);
            output.status.success() || text(&output).contains(&format!("is already {verb}d"))
        });
    }

    /// kubectl on a control plane.
    pub(crate) fn kubectl(&self, args: &str) -> String {
        self.sh("cp1", &format!("kubectl --cache-dir /tmp/kube --kubeconfig /etc/kubernetes/admin.conf {args}"))
    }

    /// The snapshots of all hosts, taken at once.
    pub(crate) fn snapshots(&self) -> BTreeMap<String, String> {
        std::thread::scope(|scope| {
            let takers: Vec<_> =
                self.hosts.iter().map(|host| (host.clone(), scope.spawn(move || self.snapshot(host)))).collect();
            takers.into_iter().map(|(host, taker)| (host, taker.join().unwrap())).collect()
        })
    }

    /// Everything about a host that destroy must put back.
    fn snapshot(&self, host: &str) -> String {
        let output = self.script("snapshot").arg(host).output().unwrap();
        assert!(output.status.success(), "snapshot {host}: {}", text(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The hosts that hold this address.
    pub(crate) fn holders(&self, address: &str) -> Vec<String> {
        let holds = |host: &&String| !self.sh(host, &format!("ip -o addr show to {address}")).trim().is_empty();
        self.hosts.iter().filter(holds).cloned().collect()
    }

    /// Replaces a text in cluster.yaml, which must be there.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let file = self.dir.join("cluster.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "cluster.yaml does not say {from}");
        std::fs::write(file, text.replacen(from, to, 1)).unwrap();
    }

    /// Where clients ask.
    pub(crate) fn vip(&self) -> SocketAddr {
        let (address, port) = self.endpoint();
        format!("{address}:{port}").parse().unwrap()
    }

    /// A value of cluster.yaml, as the lab wrote it.
    pub(crate) fn endpoint(&self) -> (String, u16) {
        let text = std::fs::read_to_string(self.dir.join("cluster.yaml")).unwrap();
        let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        let port = u16::try_from(value["endpoint"]["port"].as_u64().unwrap()).unwrap();
        (value["endpoint"]["address"].as_str().unwrap().to_owned(), port)
    }
}

impl Lab {
    /// What a failed test leaves of its hosts: their journals, and what Kubernetes' containers wrote.
    fn keep_logs(&self) {
        let logs = root().join("target/e2e-logs").join(&self.name);
        if std::fs::create_dir_all(&logs).is_err() {
            return;
        }
        let all = "journalctl --no-pager -o short-precise; tail -n 200 /var/log/pods/*/*/*.log; true";
        for host in &self.hosts {
            let _ = std::fs::write(logs.join(host), self.try_sh(host, all).stdout);
        }
        loudly(&format!("the journals of its hosts are in {}", logs.display()));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_logs();
        }
        if stays() {
            let down = root().join("tests/lab/down");
            loudly(&format!("the lab is left running; to remove it: LAB_NAME={} {}", self.name, down.display()));
            return;
        }
        let output = self.script("down").output();
        if let Some(output) = output.ok().filter(|output| !output.status.success()) {
            loudly(&format!("tests/lab/down failed: {}", text(&output)));
        }
    }
}

pub(crate) fn docker(args: &[&str]) -> Output {
    Command::new("docker").args(args).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The addresses for which something is planned, of the events that a plan says.
pub(crate) fn planned_changes(events: &str) -> Vec<String> {
    let events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let address = |event: serde_json::Value| {
        let found = event.get("address").or_else(|| event.pointer("/change/address")).unwrap();
        found.as_str().unwrap().to_owned()
    };
    events.filter(|event| event["type"] == "planned_change").map(address).collect()
}

/// Waits for a condition. The deadline is for a machine of its own: one that other labs share gets several times that.
pub(crate) fn until(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
    let seconds = 5 * seconds;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "timed out after {seconds} s waiting until {what}");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
}
