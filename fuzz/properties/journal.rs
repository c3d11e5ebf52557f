//! The journal: what reads, writes and reads the same; a cut loses nothing but the end.

use mainstay::resource::sha256_hex;
use mainstay::state::fuzzing::{read_journal, write_journal};
use mainstay::state::{Named, State, fold, from_bytes, to_bytes};

pub(super) fn check(bytes: &[u8]) {
    reads_back(bytes);
    reads_back(&sealed(bytes));
}

fn reads_back(bytes: &[u8]) {
    let Ok((continues, entries)) = read_journal(bytes) else { return };
    let Some(version) = continues else {
        assert_eq!(entries, [], "entries continue something");
        return;
    };
    let written = write_journal(&version, &entries);
    let again = read_journal(&written).expect("a journal that was written is read");
    assert_eq!(again, (Some(version.clone()), entries.clone()), "a journal reads back as it was");
    // A power cut anywhere: what comes before is there, what comes after is not made up.
    let cut = bytes.len() * 7919 % (written.len() + 1);
    let (_, kept) = read_journal(&written[..cut]).expect("a journal that is cut short is read up to the cut");
    assert!(entries.starts_with(&kept), "a cut at {cut} changed what is read");
    let state = fold(State::fresh("lab", version.lineage, "5a17".into()), &entries);
    let name = Named::new(&"state/lab.json");
    assert_eq!(from_bytes(&name, &to_bytes(&state)).expect("a folded state is read"), state);
}

/// The same with checksums that fit, line by line.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let rest = line.strip_prefix(b"{\"sum\":\"").and_then(|line| {
            let end = line.iter().position(|&byte| byte == b'"')?;
            line[end..].strip_prefix(b"\",")
        });
        match rest {
            Some(rest) => {
                let sum = sha256_hex(rest.strip_suffix(b"\n").unwrap_or(rest));
                sealed.extend_from_slice(format!("{{\"sum\":\"{sum}\",").as_bytes());
                sealed.extend_from_slice(rest);
            }
            None => sealed.extend_from_slice(line),
        }
    }
    sealed
}
