//! State ↔ bytes.
//!
//! The checksum stands alone on the second line and covers every byte after that line, so that it
//! is checked before anything is believed, without agreeing on a canonical form of JSON, and by
//! hand: `tail -n +3 lab.json | sha256sum`.

use serde::Deserialize;

use super::error::StateError;
use super::model::{FORMAT, State, Version};
use super::place::Named;
use crate::resource::sha256_hex;

const BEFORE: &str = "{\n  \"checksum\": \"";
const AFTER: &str = "\",\n";

/// The state as it is written.
///
/// # Panics
/// Never: a state has text keys only.
pub fn to_bytes(state: &State) -> Vec<u8> {
    let mut bytes = format!("{BEFORE}{}{AFTER}", sha256_hex(b"")).into_bytes();
    let head = bytes.len();
    serde_json::to_writer_pretty(&mut bytes, state).expect("a state has text keys and no failing serializer");
    // The file begins already; one buffer for all of it, because it may have 100 MB.
    bytes.drain(head..head + "{\n".len());
    bytes.push(b'\n');
    let checksum = sha256_hex(&bytes[head..]);
    bytes[BEFORE.len()..BEFORE.len() + checksum.len()].copy_from_slice(checksum.as_bytes());
    bytes
}

/// The fields of every format, read before the rest.
#[derive(Deserialize)]
struct Head {
    format: u32,
    lineage: String,
    serial: u64,
}

/// Reads a state; `at` is its name in messages.
///
/// # Errors
/// [`StateError::Damaged`] when it is empty, cut short, changed by hand or not a state;
/// [`StateError::Newer`] when its format is newer than [`FORMAT`].
pub fn from_bytes(at: &Named, bytes: &[u8]) -> Result<State, StateError> {
    // What is whole is read once; whatever is wrong is found out afterwards.
    let whole = str::from_utf8(bytes).ok().filter(|text| matches!(has_checksum(text), Some(true)));
    if let Some(state) = whole.and_then(|text| serde_json::from_str::<State>(text).ok())
        && state.format <= FORMAT
    {
        return Ok(state);
    }
    let damaged = |what: String| StateError::damaged(at, what);
    let text = checked(at, bytes)?;
    serde_json::from_str(text).map_err(|error| damaged(format!("is not a state of format {FORMAT}: {error}")))
}

/// Lineage and serial alone.
pub(super) fn version(at: &Named, bytes: &[u8]) -> Result<Version, StateError> {
    let (head, _) = head(at, bytes)?;
    Ok(Version { lineage: head.lineage, serial: head.serial })
}

fn head<'a>(at: &Named, bytes: &'a [u8]) -> Result<(Head, &'a str), StateError> {
    let damaged = |what: String| StateError::damaged(at, what);
    if bytes.is_empty() {
        return Err(damaged("is empty".to_owned()));
    }
    let text = str::from_utf8(bytes).map_err(|error| damaged(format!("is not text: {error}")))?;
    let head: Head = serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            damaged(format!("is truncated (line {})", error.line()))
        } else {
            damaged(format!("is not a state: {error}"))
        }
    })?;
    Ok((head, text))
}

/// Checks format and checksum.
fn checked<'a>(at: &Named, bytes: &'a [u8]) -> Result<&'a str, StateError> {
    let damaged = |what: &str| StateError::damaged(at, what.to_owned());
    let (head, text) = head(at, bytes)?;
    // A newer format may have its checksum elsewhere, so the format is checked first.
    if head.format > FORMAT {
        return Err(StateError::Newer { at: at.clone(), found: head.format, known: FORMAT });
    }
    match has_checksum(text) {
        Some(true) => Ok(text),
        Some(false) => Err(damaged("is damaged or was edited by hand: checksum mismatch")),
        None => Err(damaged("was edited by hand: the checksum at the beginning is missing")),
    }
}

/// Whether the checksum is that of the text, if there is one.
fn has_checksum(text: &str) -> Option<bool> {
    let (checksum, rest) = text.strip_prefix(BEFORE)?.split_once(AFTER)?;
    Some(sha256_hex(rest.as_bytes()) == checksum)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::json;

    use super::super::samples::{address, interrupted, record};
    use super::*;
    use crate::resource::{HostName, Lane, Observation};

    fn full() -> State {
        let mut state = State::fresh("lab", "11111111-2222-4333-8444-555555555555".into(), "5a17".repeat(16));
        state.serial = 41;
        state.hosts.insert(HostName::new("cp1"), json!({"address": "192.0.2.11", "user": "root", "weight": 0.1}));
        state.pod_ranges.insert(HostName::new("cp1"), "10.244.0.0/24".parse().unwrap());
        let mut one = record("/etc/haproxy/haproxy.cfg");
        one.prior.before = Observation::Present(json!({"content": "old\n\u{2028}\"quoted\""}));
        one.prior.kept.insert("pulled".into(), "haproxy liblua5.4-0".into());
        one.needs = BTreeSet::from([address(1)]);
        one.lane = Some(Lane::Packages(HostName::new("cp1")));
        state.resources.insert(address(0), one);
        state.resources.insert(address(1), interrupted("/etc/hosts"));
        state.reactions.insert(address(0), BTreeSet::from([address(1)]));
        state
    }

    fn path() -> Named {
        Named::new(&"state/lab.json")
    }

    #[test]
    fn a_state_reads_back_as_written() {
        for state in [full(), State::new("lab")] {
            assert_eq!(from_bytes(&path(), &to_bytes(&state)).unwrap(), state);
        }
    }

    #[test]
    fn a_state_cut_anywhere_is_damaged_and_so_is_every_changed_byte() {
        let bytes = to_bytes(&full());
        // The last byte is the newline, which the checksum covers too.
        for end in 0..bytes.len() {
            assert!(matches!(from_bytes(&path(), &bytes[..end]), Err(StateError::Damaged { .. })), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let read = from_bytes(&path(), &changed);
            assert!(matches!(read, Err(StateError::Damaged { .. } | StateError::Newer { .. })), "changed at {at}");
        }
    }

    #[test]
    fn messages_name_the_file_what_is_wrong_and_what_to_do() {
        let bytes = to_bytes(&full());
        let cut = from_bytes(&path(), &bytes[..bytes.len() / 2]).unwrap_err();
        assert!(cut.to_string().starts_with("state/lab.json is truncated (line "), "{cut}");
        assert!(cut.hint().unwrap().to_string().contains("mainstay state history"), "{cut:?}");

        let newer = br#"{"format": 7, "lineage": "x", "serial": 3, "resources": "elsewhere"}"#;
        let newer = from_bytes(&path(), newer).unwrap_err();
        assert_eq!(newer.to_string(), "state/lab.json has format 7; this version of mainstay supports formats up to 2");
        assert_eq!(from_bytes(&path(), b"").unwrap_err().to_string(), "state/lab.json is empty");
        let edited = String::from_utf8(bytes).unwrap().replace("192.0.2.11", "192.0.2.12");
        let edited = from_bytes(&path(), edited.as_bytes()).unwrap_err();
        assert!(edited.to_string().contains("edited by hand"), "{edited}");
    }

    #[test]
    fn every_format_ever_written_loads() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/state");
        let mut formats = BTreeSet::new();
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let state = from_bytes(&Named::new(&path.display()), &std::fs::read(&path).unwrap()).unwrap();
                assert!(!state.resources.is_empty() && !state.hosts.is_empty(), "{}", path.display());
                formats.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
            }
        }
        assert_eq!(formats, (1..=FORMAT).map(|format| format!("v{format}")).collect());
    }

    #[test]
    fn the_newest_fixture_is_what_is_written_today() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/state").join(format!("v{FORMAT}.json"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, to_bytes(&full())).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), String::from_utf8(to_bytes(&full())).unwrap());
    }
}
