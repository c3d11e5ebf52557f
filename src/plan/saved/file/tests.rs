use proptest::prelude::*;

use super::super::samples::{World, basis};
use super::*;

/// A plan as bytes; of about 600 bytes a thing.
fn bytes(things: usize) -> Vec<u8> {
    let mut world = World::default();
    for i in 0..things {
        world.declare(&format!("h{}/c/thing[{i:05}]", i % 7), "2").hosts(&format!("h{}/c/thing[{i:05}]", i % 7), "1");
    }
    to_bytes(&world.saved())
}

/// Whatever is wrong with a file, it is refused, and the message is one line that can be shown.
fn refused(bytes: &[u8]) -> String {
    let text = from_bytes(bytes).unwrap_err().to_string();
    assert!(!text.is_empty() && !text.contains('\n'), "{text}");
    text
}

#[test]
fn a_plan_reads_back_as_written_and_is_written_the_same_again() {
    for things in [0, 1, 50] {
        let bytes = bytes(things);
        assert_eq!(to_bytes(&from_bytes(&bytes).unwrap()), bytes);
    }
    let first = String::from_utf8(bytes(1)).unwrap();
    let first = first.lines().next().unwrap();
    assert!(first.starts_with("mainstay plan, format 1, ") && first.contains(" bytes, sha256 "), "{first}");
}

#[test]
fn a_plan_cut_at_any_byte_is_refused_and_says_how_much_is_missing() {
    let bytes = bytes(1);
    let body = bytes.len() - bytes.iter().position(|&byte| byte == b'\n').unwrap() - 1;
    for end in 0..bytes.len() {
        let (text, missing) = (refused(&bytes[..end]), bytes.len() - end);
        match end {
            0 => assert_eq!(text, "is empty"),
            end if missing <= body => {
                assert_eq!(text, format!("is truncated: {missing} of {body} bytes are missing"), "{end}");
            }
            _ => assert_eq!(text, "is truncated in its first line", "{end}"),
        }
    }
}

#[test]
fn a_large_plan_cut_at_every_4_kib_is_refused() {
    let bytes = bytes(3000);
    assert!(bytes.len() > 1 << 20, "{}", bytes.len());
    for end in (4096..bytes.len()).step_by(4096) {
        assert!(
            matches!(from_bytes(&bytes[..end]), Err(FileError::Cut { missing, .. }) if missing == bytes.len() - end)
        );
    }
    // What a full disk or a bad copy leaves: the length, but not the content.
    for end in (4096..bytes.len()).step_by(4096 * 16) {
        let mut zeros = bytes.clone();
        zeros[end..].fill(0);
        assert_eq!(refused(&zeros), "is damaged: checksum mismatch");
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = bytes(1);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            refused(&flipped);
        }
    }
}

#[test]
fn what_is_no_plan_says_so() {
    for other in
        ["apiVersion: mainstay/v1\nkind: Cluster\n", "{\n  \"checksum\": \"\"}\n", "\0\0\0\0", "mainstay 0.1.0\n"]
    {
        assert_eq!(from_bytes(other.as_bytes()), Err(FileError::NotAPlan), "{other}");
        assert!(!begins_like_one(other.as_bytes()));
    }
    let long = "x".repeat(1 << 20);
    assert_eq!(from_bytes(long.as_bytes()), Err(FileError::NotAPlan));
    let mut more = bytes(1);
    more.extend(b"more\n");
    assert_eq!(refused(&more), "is damaged: it is 5 bytes too long");
}

#[test]
fn another_format_is_told_before_its_rest_is_read() {
    for (found, file) in [(2, "mainstay plan, format 2, sealed\n\u{1}"), (0, "mainstay plan, format 0, 1 bytes\n")] {
        assert_eq!(from_bytes(file.as_bytes()), Err(FileError::OtherFormat { found }));
    }
    let text = refused(b"mainstay plan, format 2, sealed\n");
    assert!(
        text.starts_with("has format 2; this version of mainstay (") && text.ends_with(") supports format 1"),
        "{text}"
    );
}

#[test]
fn a_body_that_this_version_does_not_know_is_refused_although_its_checksum_fits() {
    for body in ["{}\n", "[]\n", "\n", "{\"mainstay\":1}\n"] {
        let file = format!("{}{body}", header(body.as_bytes()));
        assert!(refused(file.as_bytes()).starts_with("is damaged: its content does not match format 1: "), "{body}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), ours in any::<bool>()) {
        let file = if ours { [MAGIC.as_bytes(), &bytes].concat() } else { bytes };
        prop_assert!(from_bytes(&file).is_err());
    }

    #[test]
    fn any_names_and_values_read_back(value in any::<String>(), source in any::<String>(), file in any::<String>()) {
        let mut world = World::default();
        world.declare("h/c/thing[a]", &value).hosts("h/c/thing[a]", &source);
        let mut saved = world.saved();
        saved.origin.file = file;
        saved.basis = basis();
        prop_assert_eq!(from_bytes(&to_bytes(&saved)).unwrap(), saved);
    }
}

proptest! {
    // Each case hashes more than a megabyte.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_large_plan_with_changed_bytes_is_refused(changes in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4)) {
        thread_local!(static LARGE: Vec<u8> = bytes(3000));
        LARGE.with(|bytes| {
            let mut changed = bytes.clone();
            for (at, by) in &changes {
                changed[at.index(bytes.len())] ^= by;
            }
            prop_assume!(changed != *bytes);
            prop_assert!(from_bytes(&changed).is_err());
            Ok(())
        })?;
    }
}
