//! The saved plan: what reads, writes and reads the same, and can be shown in every form.

use mainstay::kinds;
use mainstay::plan::saved::{FORMAT, from_bytes, to_bytes};
use mainstay::resource::sha256_hex;

use super::planning::shown;

pub(super) fn check(bytes: &[u8]) {
    reads_back(bytes);
    if let Some(sealed) = sealed(bytes) {
        reads_back(&sealed);
    }
}

fn reads_back(bytes: &[u8]) {
    let Ok(saved) = from_bytes(bytes) else { return };
    let written = to_bytes(&saved);
    assert_eq!(from_bytes(&written).as_ref(), Ok(&saved), "a saved plan reads back as it was");
    let _ = saved.whole();
    // What another version wrote may not be known here; that is an error, too.
    if let Ok(plan) = saved.plan(&kinds::decode) {
        shown(&plan);
    }
}

/// The same with the length and the checksum that fit.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let body = &bytes[bytes.iter().position(|&byte| byte == b'\n')? + 1..];
    let header = format!("mainstay plan, format {FORMAT}, {} bytes, sha256 {}\n", body.len(), sha256_hex(body));
    Some([header.as_bytes(), body].concat())
}
