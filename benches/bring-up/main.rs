//! From bare hosts to a cluster: `mainstay apply` beside a script written by hand (`by-hand`), in the lab: three control
//! planes and two workers, fresh containers for each run, taking turns. The script runs in two ways: as fast as it can, and
//! with what mainstay does not go without, that a control plane is whole before the next one touches etcd.
//!
//! ```text
//! cargo bench --bench bring-up                  # two rounds
//! cargo bench --bench bring-up -- --rounds 5 --binary target/release/mainstay
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark tells its figures")]

#[path = "../report/mod.rs"]
mod report;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime};

use report::{load, output};
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How much longer than the script mainstay may take.
const BAR: f64 = 1.10;

/// The one file of ours that is run.
const CHECK: &str = "/usr/libexec/keepalived/check_haproxy.sh";

/// How many nodes are Ready, and the answers of the three API servers.
const READY: &str = "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers | grep -cw Ready; \
    net=$(hostname -I | cut -d. -f1-3); \
    for host in 11 12 13; do curl -sk --max-time 2 https://$net.$host:6443/readyz; done";
/// The members of etcd.
const MEMBERS: &str = "cd /etc/kubernetes/pki/etcd && curl -sS --cacert ca.crt --cert server.crt --key server.key -d '{}' \
    https://127.0.0.1:2379/v3/cluster/member/list";

/// When what was reached, in the order in which it is told; both contenders tell all of them.
const PHASES: [&str; 7] =
    ["virtual address answers", "kubeadm init done", "cp2 joined", "cp3 joined", "w1 joined", "w2 joined", "end"];

/// Seconds since the start, by phase.
type Times = BTreeMap<&'static str, f64>;

struct Lab {
    directory: PathBuf,
    binary: PathBuf,
}

fn main() -> ExitCode {
    // `cargo test --all-targets` runs this, too; cargo bench says so.
    let words: Vec<String> = std::env::args().collect();
    if !words.iter().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    let value = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1));
    let rounds = value("--rounds").and_then(|text| text.parse().ok()).unwrap_or(2);
    let binary = value("--binary").map_or(env!("CARGO_BIN_EXE_mainstay"), String::as_str);
    match run(rounds, Path::new(binary)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bring-up: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Who makes the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Contender {
    ByHand,
    Careful,
    Mainstay,
}

impl Contender {
    const ALL: [Self; 3] = [Self::ByHand, Self::Careful, Self::Mainstay];

    fn name(self) -> &'static str {
        match self {
            Self::ByHand => "by hand",
            Self::Careful => "by hand, one whole before the next",
            Self::Mainstay => "mainstay",
        }
    }
}

fn run(rounds: usize, binary: &Path) -> Result<bool> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-bring-up");
    let mut runs = BTreeMap::<Contender, Vec<Times>>::new();
    for turn in 0..3 * rounds {
        let lab = Lab::up(&directory, binary)?;
        let before = load();
        // Another one comes first in each round.
        let contender = Contender::ALL[(turn + turn / 3) % 3];
        let mut times = match contender {
            Contender::Mainstay => lab.mainstay()?,
            Contender::ByHand | Contender::Careful => lab.by_hand(contender == Contender::Careful)?,
        };
        times.insert("whole", lab.whole(times["end"])?);
        let shown: Vec<String> = PHASES.iter().map(|phase| format!("{phase} {:.1}", times[phase])).collect();
        let (name, shown) = (contender.name(), shown.join(", "));
        println!("{name}, load average {before} before and {} after: {shown}, whole {:.1}", load(), times["whole"]);
        runs.entry(contender).or_default().push(times);
    }
    let of = |contender, phase: &str| median(&runs[&contender], phase);
    let [first, second, own] = Contender::ALL.map(Contender::name);
    println!("\n| seconds after the start, median of {rounds} | {first} | {second} | {own} | |\n|---|--:|--:|--:|--:|");
    for phase in PHASES.iter().chain(&["whole"]) {
        let [plain, careful, ours] = Contender::ALL.map(|contender| of(contender, phase));
        let (a, b) = (ours / plain, ours / careful);
        println!("| {} | {plain:.1} | {careful:.1} | {ours:.1} | {a:.2} ×, {b:.2} × |", name_of(phase));
    }
    // The script ends when kubeadm does, and does not know whether what it made works; mainstay waits until it does.
    let whole = |contender| of(contender, "whole");
    let times = whole(Contender::Mainstay) / whole(Contender::ByHand);
    let careful = whole(Contender::Mainstay) / whole(Contender::Careful);
    let met = times <= BAR;
    println!("\nuntil it is whole: {times:.2} ×, bar ≤ {BAR} ×: {}", if met { "met" } else { "MISSED" });
    println!("of the script that has each control plane whole before the next: {careful:.2} ×");
    Ok(met)
}

fn name_of(phase: &str) -> &str {
    if phase == "whole" { "whole: five nodes Ready, three API servers ready, three members vote" } else { phase }
}

fn median(runs: &[Times], phase: &str) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(|times| times[phase]).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

impl Lab {
    /// Fresh hosts.
    fn up(directory: &Path, binary: &Path) -> Result<Self> {
        let _ = fs::remove_dir_all(directory);
        let lab = Self { directory: directory.to_owned(), binary: binary.to_owned() };
        output(lab.script("up").args(["--control-planes", "3", "--workers", "2"]))?;
        Ok(lab)
    }

    fn script(&self, name: &str) -> Command {
        let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab").join(name));
        script.env("LAB_NAME", format!("mainstay-bench-{}", std::process::id())).env("LAB_DIR", &self.directory);
        script.env("LAB_OWNER", std::process::id().to_string());
        script.env_remove("SSH_AUTH_SOCK");
        script
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn command(&self, name: &str) -> Command {
        let mut mainstay = Command::new(&self.binary);
        mainstay.arg("-f").arg(self.path("cluster.yaml")).arg(name).env_remove("SSH_AUTH_SOCK");
        mainstay
    }

    fn mainstay(&self) -> Result<Times> {
        let events = self.path("events.jsonl");
        let (start, clock) = (Instant::now(), SystemTime::now());
        output(self.command("apply").arg("--auto-approve").arg("--json-into").arg(&events))?;
        let mut times = Times::from([("end", start.elapsed().as_secs_f64())]);
        let text = fs::read_to_string(&events)?;
        // Kept after the lab is gone: the steps of each resource show where the time went.
        fs::write(self.directory.with_extension("events.jsonl"), &text)?;
        for line in text.lines() {
            let event: Value = serde_json::from_str(line)?;
            let of = |kind: &str| event["type"] == kind;
            let address = event["hook"]["address"].as_str().unwrap_or_default();
            let phase = match address.split_once('/') {
                Some(("cp1", "control-plane/member")) if of("apply_start") => PHASES[0],
                Some(("cp1", "control-plane/member")) if of("apply_complete") => PHASES[1],
                Some(("cp2", "control-plane/member")) if of("apply_complete") => PHASES[2],
                Some(("cp3", "control-plane/member")) if of("apply_complete") => PHASES[3],
                Some(("w1", "worker/member")) if of("apply_complete") => PHASES[4],
                Some(("w2", "worker/member")) if of("apply_complete") => PHASES[5],
                _ => continue,
            };
            let stamp = event["@timestamp"].as_str().ok_or("an event has no time")?;
            let time = humantime::parse_rfc3339(stamp)?.duration_since(clock)?;
            times.insert(phase, time.as_secs_f64());
        }
        complete(times)
    }

    fn by_hand(&self, careful: bool) -> Result<Times> {
        self.write_files()?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/bring-up/by-hand");
        let start = Instant::now();
        let said = output(
            Command::new(script).arg(&self.directory).args(careful.then_some("careful")).env_remove("SSH_AUTH_SOCK"),
        )?;
        let mut times = Times::from([("end", start.elapsed().as_secs_f64())]);
        for line in said.lines() {
            let (seconds, what) = line.split_once(' ').ok_or("the script says something odd")?;
            if let Some(phase) = PHASES.iter().find(|phase| **phase == what) {
                times.entry(phase).or_insert(seconds.parse()?);
            }
        }
        complete(times)
    }

    /// What the script lays down: the same files that mainstay would, and kubeadm's configurations.
    fn write_files(&self) -> Result<()> {
        let cluster = fs::read_to_string(self.path("cluster.yaml"))?;
        let mut hosts = String::new();
        for line in cluster.lines() {
            let Some((name, rest)) = line.strip_prefix("  ").and_then(|it| it.split_once(": {address: ")) else {
                continue;
            };
            let (address, _) = rest.split_once(',').ok_or("cluster.yaml is odd")?;
            hosts.extend([name, " ", address, "\n"]);
        }
        fs::write(self.path("hosts"), hosts)?;
        let endpoint = cluster.lines().find_map(|line| line.strip_prefix("endpoint: {address: "));
        let (address, port) = endpoint.and_then(|it| it.split_once(", port: ")).ok_or("no endpoint")?;
        fs::write(self.path("vip"), format!("{address}:{}\n", port.trim_end_matches('}')))?;
        let rendered: Value = serde_json::from_str(&output(self.command("render").arg("--json"))?)?;
        for file in rendered.as_array().ok_or("render says no files")? {
            let text = |name| file[name].as_str().ok_or("render says something odd");
            let (host, path, content) = (text("host")?, text("path")?, text("content")?);
            let to = match path.strip_prefix('/') {
                Some(path) => self.path("files").join(host).join(path),
                None => self.path("kubeadm").join(format!("{host}.yaml")),
            };
            fs::create_dir_all(to.parent().ok_or("a path without a folder")?)?;
            // mainstay learns the interface from the host.
            fs::write(&to, content.replace("interface unknown", "interface eth0").replace("dev unknown", "dev eth0"))?;
            if path == CHECK {
                output(Command::new("chmod").arg("755").arg(&to))?;
            }
        }
        Ok(())
    }

    /// Seconds after the start at which the cluster is whole; it must become so.
    fn whole(&self, end: f64) -> Result<f64> {
        let start = Instant::now();
        loop {
            let nodes = output(self.script("exec").args(["cp1", "sh", "-c", READY])).unwrap_or_default();
            if nodes.trim() == "5\nokokok" {
                let whole = end + start.elapsed().as_secs_f64();
                let members = output(self.script("exec").args(["cp1", "sh", "-c", MEMBERS]))?;
                let voting = members.matches("\"name\":").count() == 3 && !members.contains("isLearner");
                return if voting { Ok(whole) } else { Err(format!("not three members that vote: {members}").into()) };
            }
            if start.elapsed() > Duration::from_secs(120) {
                return Err(format!("not five Ready nodes and three API servers: {nodes}").into());
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.script("down").output();
    }
}

/// Every phase must have been told.
fn complete(times: Times) -> Result<Times> {
    match PHASES.iter().find(|phase| !times.contains_key(*phase)) {
        Some(phase) => Err(format!("nothing tells of: {phase}").into()),
        None => Ok(times),
    }
}
