//! Secrets have no business in process lists, files, output, state or logs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::lab::{Lab, docker};

/// The VRRP password of the lab's clusters that have one; at most 8 characters.
pub(crate) const MARKER: &str = "Zq7mArKr";

/// Reads the arguments of every process of a lab's hosts, and of all that this test starts, over and over.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

#[derive(Default)]
struct Seen {
    secrets: BTreeSet<String>,
    /// Hosts of which a process was seen at all: where Docker runs elsewhere, nothing would be found.
    hosts: BTreeSet<String>,
}

impl Watch {
    pub(crate) fn start(lab: &Lab) -> Self {
        let id = |host: &String| {
            let output = docker(&["inspect", &lab.container(host), "--format", "{{.Id}}"]);
            (String::from_utf8(output.stdout).unwrap().trim().to_owned(), host.clone())
        };
        let containers: Vec<(String, String)> = lab.hosts.iter().map(id).collect();
        assert!(containers.iter().all(|(id, _)| id.len() == 64), "{containers:?}");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !stopped.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    let process = entry.path();
                    let Ok(bytes) = fs::read(process.join("cmdline")) else { continue };
                    let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
                    let is_secret = line.contains(MARKER) || holds_a_token(&line);
                    // Other labs have secrets, too, and most processes here are none of ours.
                    if is_secret || line.starts_with("/sbin/init") {
                        let host = host_of(&process, &containers);
                        if is_secret && (host.is_some() || is_started_here(&process)) {
                            seen.secrets.insert(line);
                        }
                        seen.hosts.extend(host);
                    }
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            assert_eq!(seen.hosts.len(), containers.len(), "processes were seen only of {:?}", seen.hosts);
            seen
        });
        Self { stop, thread }
    }

    /// Ends the watch; nothing may have been seen.
    pub(crate) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.join().unwrap().secrets;
        assert!(seen.is_empty(), "secrets in arguments: {seen:?}");
    }
}

/// The host in which a process runs, pods included: its control groups are below those of the host's container.
fn host_of(process: &Path, containers: &[(String, String)]) -> Option<String> {
    let groups = fs::read_to_string(process.join("cgroup")).ok()?;
    containers.iter().find(|(id, _)| groups.contains(id.as_str())).map(|(_, host)| host.clone())
}

/// Whether a process was started by this one, or by what this one started.
fn is_started_here(process: &Path) -> bool {
    let parent = |process: &Path| -> Option<String> {
        let status = fs::read_to_string(process.join("status")).ok()?;
        Some(status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().to_owned())
    };
    let own = std::process::id().to_string();
    let mut process = process.to_owned();
    while let Some(pid) = parent(&process).filter(|pid| pid != "0") {
        if pid == own {
            return true;
        }
        process = Path::new("/proc").join(pid);
    }
    false
}

/// A kubeadm bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`, or a certificate key of 64 hex digits.
fn holds_a_token(line: &str) -> bool {
    line.split(|c: char| c.is_whitespace() || "=\"',:".contains(c)).any(|word| {
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let token = word
            .split_once('.')
            .is_some_and(|(id, secret)| id.len() == 6 && secret.len() == 16 && plain(id) && plain(secret));
        let key = line.contains("kubeadm") && word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
        token || key
    })
}

#[test]
fn only_processes_that_this_test_started_count() {
    let process = |pid: u32| Path::new("/proc").join(pid.to_string());
    let mut child = std::process::Command::new("sh").args(["-c", "sleep 60; true"]).spawn().unwrap();
    let (own, others) = (is_started_here(&process(child.id())), is_started_here(&process(1)));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(own && !others);
}

#[test]
fn tokens_are_told_from_other_words() {
    assert!(holds_a_token("kubeadm join --token abcdef.0123456789abcdef x"));
    assert!(holds_a_token(&format!("kubeadm join --certificate-key {}", "0f".repeat(32))));
    assert!(!holds_a_token("etcd --name=cp1 --data-dir=/var/lib/etcd runc.v2 10.244.0.0/16"));
}
