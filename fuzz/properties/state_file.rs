//! The state file: what reads, writes and reads the same; other bytes are refused.

use mainstay::resource::sha256_hex;
use mainstay::state::{Named, from_bytes, to_bytes};

pub(super) fn check(bytes: &[u8]) {
    reads_back(bytes);
    if let Some(sealed) = sealed(bytes) {
        reads_back(&sealed);
    }
}

fn reads_back(bytes: &[u8]) {
    let name = &Named::new(&"state/lab.json");
    let Ok(state) = from_bytes(name, bytes) else { return };
    let written = to_bytes(&state);
    let again = from_bytes(name, &written).expect("a state that was written is read");
    assert_eq!(again, state, "a state reads back as it was");
    assert_eq!(to_bytes(&again), written);
}

/// The same with the checksum that fits, which no fuzzer would find.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let second = bytes.iter().position(|&byte| byte == b'\n')? + 1;
    let third = second + bytes[second..].iter().position(|&byte| byte == b'\n')? + 1;
    let rest = &bytes[third..];
    Some([format!("{{\n  \"checksum\": \"{}\",\n", sha256_hex(rest)).as_bytes(), rest].concat())
}
