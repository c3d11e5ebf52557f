//! Secrets have no business in process lists, files, output, state or logs.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// The VRRP password of the lab's clusters that have one; at most 8 characters.
pub(crate) const MARKER: &str = "Zq7mArKr";

/// Reads the arguments of every process of this machine, those in containers too, over and over.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !stopped.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    let Ok(bytes) = fs::read(entry.path().join("cmdline")) else { continue };
                    let line = String::from_utf8_lossy(&bytes).replace('\0', " ");
                    if line.contains(MARKER) || holds_a_token(&line) {
                        seen.insert(line);
                    }
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            seen
        });
        Self { stop, thread }
    }

    /// Ends the watch; nothing may have been seen.
    pub(crate) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.join().unwrap();
        assert!(seen.is_empty(), "secrets in arguments: {seen:?}");
    }
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
fn tokens_are_told_from_other_words() {
    assert!(holds_a_token("kubeadm join --token abcdef.0123456789abcdef x"));
    assert!(holds_a_token(&format!("kubeadm join --certificate-key {}", "0f".repeat(32))));
    assert!(!holds_a_token("etcd --name=cp1 --data-dir=/var/lib/etcd runc.v2 10.244.0.0/16"));
}
