//! `known_hosts`: a revoked key is never accepted, and no other line makes an unknown key known.

use mainstay::fleet::ssh_files::{accepted, revoked};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBA1lrLAxJtsnBH1HSmw3MFnCTJ5uXCwW0/Zi3gEtpUg";

/// `$A` and `$B` in the file stand for two keys, as no fuzzer would find one.
pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).replace("$A", KEY).replace("$B", OTHER);
    for (address, port) in [("cp1.lab", 22), ("10.0.0.11", 2222), ("::1", 22)] {
        let known = accepted(&text, address, port, KEY);
        if known {
            let base64 = KEY.split(' ').nth(1).expect("a key has two words");
            assert!(text.contains(base64), "a key is accepted only where it stands");
        }
        let name = if port == 22 { address.to_owned() } else { format!("[{address}]:{port}") };
        let revoking = format!("@revoked {name} {KEY}\n{text}");
        assert!(revoked(&revoking, address, port, KEY), "a revoked key is told");
        assert!(!accepted(&revoking, address, port, KEY), "a revoked key is accepted");
        assert!(accepted(&format!("{name} {KEY}\n"), address, port, KEY));
    }
}
