//! `kill -9` of mainstay at random moments of a real apply: the next one converges.

use std::time::Duration;

use crate::checks::{cluster_is_whole, etcd_members, no_tokens};
use crate::lab::{Lab, loudly, text};

#[test]
fn killed_at_ten_random_moments_it_converges() {
    let Some(lab) = Lab::up("mainstay-e2e-kill", 3, 1) else { return };
    // A bring-up takes about a minute here. The moments are random, printed, and repeatable.
    let seed = std::env::var("LAB_SEED")
        .ok()
        .and_then(|it| it.parse().ok())
        .unwrap_or_else(|| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs());
    loudly(&format!("moments of kill -9: LAB_SEED={seed}"));
    let mut random = seed | 1;
    for _ in 0..10 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis(300 + (random >> 33) % 20_000);
        let mut child = lab.command(&["apply", "--auto-approve"]).spawn().unwrap();
        std::thread::sleep(moment);
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
        }
        let status = child.wait().unwrap();
        loudly(&format!("killed after {moment:.1?}: {status}"));
    }
    let output = lab.mainstay(&["apply", "--auto-approve"]);
    assert!(output.status.success(), "{}", text(&output));
    lab.expect(0, &["plan", "--detailed-exitcode"]);
    cluster_is_whole(&lab);
    assert_eq!(etcd_members(&lab).len(), 3, "no stray member");
    no_tokens(&lab);
}
