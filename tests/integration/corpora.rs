//! What fuzzing has found stays found: every file of `fuzz/corpus` goes through the property of its target.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[path = "../../fuzz/properties/mod.rs"]
mod properties;

use mainstay::kinds::KINDS;
use properties::{PROPERTIES, check};

/// All corpora together; the repository is no place for more.
const LIMIT: u64 = 300_000;

#[test]
fn every_kind_has_answers_of_its_probe() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/probe");
    let files = fs::read_dir(&folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let kinds: Vec<String> =
        files.map(|bytes| String::from_utf8_lossy(&bytes).split(' ').next().unwrap_or_default().to_owned()).collect();
    for kind in KINDS.iter().map(|kind| kind.name) {
        let count = kinds.iter().filter(|name| *name == kind).count();
        assert!(
            count >= 2,
            "fuzz/corpus/probe has {count} answers of the probe of a {kind}, at least 2 are needed. Add {kind}-0 and \
             {kind}-1: the line `{kind} 0 0` (kind, exit status, number of the resource), then what the probe prints"
        );
    }
}

#[test]
fn every_file_of_every_corpus_holds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut size = 0;
    for (target, _) in PROPERTIES {
        let folder = fuzz.join("corpus").join(target);
        let mut files = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            size += bytes.len() as u64;
            files += 1;
            let held = std::panic::catch_unwind(|| check(target, &bytes));
            assert!(held.is_ok(), "{} does not hold: what it panicked with stands above", path.display());
        }
        assert!(files > 2, "{} has {files} files", folder.display());
        assert!(fuzz.join(format!("targets/{target}.rs")).exists(), "{target} has no program");
    }
    assert!(size < LIMIT, "the corpora have {size} bytes");
    let targets: BTreeSet<_> = fs::read_dir(fuzz.join("targets")).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(targets.len(), PROPERTIES.len(), "{targets:?}");
}
