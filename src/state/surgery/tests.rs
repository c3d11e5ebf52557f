use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::claim::acquire;
use super::super::place::local;
use super::super::samples::{address, interrupted, record};
use super::*;

fn lease(path: &Path) -> Lease {
    acquire(&local(path), "surgery", Duration::ZERO).unwrap()
}

/// A state of serial 2 with one record, in a folder of its own.
fn written() -> (tempfile::TempDir, PathBuf, State) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.json");
    let store = Store::open(&local(&path), "lab").unwrap();
    store.begin(lease(&path), |_| {}).unwrap();
    store.done(address(1), record("a")).unwrap();
    store.finish().unwrap();
    let state = store.snapshot();
    (folder, path, state)
}

fn operate(path: &Path, wanted: &State) -> Replaced {
    replace(&local(path), Found::at(&local(path)).unwrap(), lease(path), "rm", wanted.clone()).unwrap()
}

#[test]
fn what_was_there_before_surgery_is_never_pushed_out() {
    let (_folder, path, before) = written();
    let mut empty = before.clone();
    empty.resources.clear();
    let done = operate(&path, &empty);
    let aside = Named::new(&path.with_file_name("lab.json.backups/2-before-rm.json").display());
    assert_eq!((done.serial, &done.aside[..]), (3, &[aside][..]));
    for _ in 0..12 {
        let store = Store::open(&local(&path), "lab").unwrap();
        store.begin(lease(&path), |_| {}).unwrap();
        store.done(address(2), record("b")).unwrap();
        store.forgotten(address(2)).unwrap();
        store.finish().unwrap();
    }
    let all = history(&local(&path)).unwrap();
    assert_eq!(all.len(), 11);
    assert_eq!((all[0].0.serial, all[0].0.before.as_deref()), (2, Some("rm")));
    let (back, _) = earlier(&local(&path), 2, &Found::at(&local(&path)).unwrap()).unwrap();
    assert_eq!(back, before);
    assert_eq!(operate(&path, &back).serial, 16);
    assert_eq!(Store::read_only(&local(&path)).unwrap().unwrap().resources, before.resources);
}

#[test]
fn a_damaged_state_is_replaced_by_any_generation_and_set_aside_itself() {
    let (folder, path, before) = written();
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let serial = String::from_utf8(whole.clone()).unwrap().find("\"serial\": 2").unwrap() + 10;
    flipped[serial] = b'0';
    for damaged in [&whole[..whole.len() / 2], b"", &flipped] {
        fs::write(&path, damaged).unwrap();
        let found = Found::at(&local(&path)).unwrap();
        let Found::Broken { why, .. } = &found else { panic!("{found:?}") };
        let newest = history(&local(&path)).unwrap().last().unwrap().0.serial;
        assert!(why.hint().unwrap().to_string().contains(&format!("mainstay state rollback {newest}")), "{why}");
        let (wanted, _) = earlier(&local(&path), 2, &found).unwrap();
        let done = replace(&local(&path), found, lease(&path), "rollback", wanted).unwrap();
        assert_eq!(done.serial, newest + 1, "a serial that the damaged file says is not believed");
        assert_eq!(fs::read(done.aside[0].to_string()).unwrap(), damaged);
        assert_eq!(Store::read_only(&local(&path)).unwrap().unwrap().resources, before.resources);
    }
    assert!(!folder.path().join("lab.lock").exists());

    fs::write(&path, "").unwrap();
    let backups = folder.path().join("lab.json.backups");
    fs::remove_dir_all(&backups).unwrap();
    let hint = Store::open(&local(&path), "lab").unwrap_err().hint().unwrap().to_string();
    assert!(hint.starts_with(&format!("no earlier version is kept in {}: restore", backups.display())), "{hint}");
}

#[test]
fn a_state_that_is_gone_is_no_new_cluster() {
    let (folder, path, before) = written();
    fs::remove_file(&path).unwrap();
    let error = Store::open(&local(&path), "lab").unwrap_err();
    assert!(error.to_string().ends_with("is missing (serial 2 had 1 resources)"), "{error}");
    assert!(error.hint().unwrap().to_string().contains("mainstay state rollback 2"), "{error}");
    let found = Found::at(&local(&path)).unwrap();
    let (wanted, _) = earlier(&local(&path), 2, &found).unwrap();
    assert_eq!(replace(&local(&path), found, lease(&path), "rollback", wanted).unwrap().serial, 3);
    assert_eq!(Store::read_only(&local(&path)).unwrap().unwrap().resources, before.resources);

    // After a destroy nothing is missing; serials go on, so that no generation is overwritten.
    let mut empty = before;
    empty.resources.clear();
    operate(&path, &empty);
    fs::remove_file(&path).unwrap();
    let store = Store::open(&local(&path), "lab").unwrap();
    store.begin(lease(&path), |_| {}).unwrap();
    assert_eq!(store.snapshot().serial, 5);
    assert_eq!(fs::read_dir(folder.path().join("lab.json.backups")).unwrap().count(), 6);
}

#[test]
fn the_journal_of_a_killed_run_is_not_lost_with_a_damaged_state() {
    let (folder, path, _) = written();
    let store = Store::open(&local(&path), "lab").unwrap();
    store.begin(lease(&path), |_| {}).unwrap();
    store.done(address(2), record("b")).unwrap();
    store.intent(address(3), interrupted("c"), vec![]).unwrap();
    drop(store);
    fs::write(&path, "").unwrap();
    let found = Found::at(&local(&path)).unwrap();
    let (wanted, entries) = earlier(&local(&path), 2, &found).unwrap();
    assert_eq!((entries, wanted.resources.len()), (2, 3));
    // The journal speaks of serial 2 alone.
    assert_eq!(earlier(&local(&path), 1, &found).unwrap().1, 0);
    let done = replace(&local(&path), found, lease(&path), "rollback", wanted.clone()).unwrap();
    assert_eq!((done.serial, done.aside.len()), (3, 2));
    assert!(!folder.path().join("lab.journal").exists());
    assert_eq!(Store::read_only(&local(&path)).unwrap().unwrap().resources, wanted.resources);
}

#[test]
fn a_damaged_or_foreign_journal_is_set_aside_by_a_rollback() {
    let (folder, path, before) = written();
    let journal = folder.path().join("lab.journal");
    let foreign = journal::first_line(&super::super::model::Version { lineage: "other".into(), serial: 1 });
    fs::write(&journal, &foreign).unwrap();
    let found = Found::at(&local(&path)).unwrap();
    assert!(matches!(&found, Found::Broken { why: StateError::ForeignJournal { .. }, bytes: Some(_) }));
    let (wanted, entries) = earlier(&local(&path), 2, &found).unwrap();
    assert_eq!(entries, 0);
    let done = replace(&local(&path), found, lease(&path), "rollback", wanted).unwrap();
    assert_eq!(fs::read_to_string(done.aside[1].to_string()).unwrap(), foreign);
    assert_eq!(Store::read_only(&local(&path)).unwrap().unwrap().resources, before.resources);
}

#[test]
fn a_push_goes_forward_in_one_lineage() {
    let (_folder, path, state) = written();
    let found = Found::at(&local(&path)).unwrap();
    let pushed = |lineage: &str, serial, more| {
        let mut pushed = State { lineage: lineage.into(), serial, ..state.clone() };
        if more {
            pushed.resources.insert(address(7), record("more"));
        }
        pushed
    };
    let check = |pushed: &State, force| check_push(&local(&path), &found, pushed, force);
    let own = state.lineage.as_str();
    assert!(!check(&pushed(own, 2, false), false).unwrap(), "the very same");
    assert!(check(&pushed(own, 3, true), false).unwrap());
    for (refused, fault) in [
        (pushed(own, 2, true), "also has serial 2, but different content"),
        (pushed(own, 1, false), "has serial 2; the pushed state is older (serial 1)"),
        (pushed("other", 9, false), "the pushed state has lineage other"),
    ] {
        let error = check(&refused, false).unwrap_err();
        assert!(error.to_string().contains(fault) && error.hint().unwrap().to_string().contains("--force"), "{error}");
        assert!(check(&refused, true).unwrap());
    }
    let another = State { cluster: "prod".into(), ..pushed(own, 3, false) };
    assert!(matches!(check(&another, true), Err(StateError::OtherCluster { .. })), "force or not");
    // The serial goes up, whatever was pushed.
    let older = pushed("other", 1, true);
    assert_eq!(
        replace(&local(&path), Found::at(&local(&path)).unwrap(), lease(&path), "push", older).unwrap().serial,
        3
    );
    let now = Store::read_only(&local(&path)).unwrap().unwrap();
    assert_eq!((now.lineage.as_str(), now.resources.len()), ("other", 2));
    let later = State { serial: 40, ..now };
    assert_eq!(
        replace(&local(&path), Found::at(&local(&path)).unwrap(), lease(&path), "push", later).unwrap().serial,
        40
    );
}

#[test]
fn a_state_that_moved_meanwhile_is_not_replaced() {
    let (_folder, path, state) = written();
    for broken in [false, true] {
        if broken {
            fs::write(&path, "").unwrap();
        }
        let found = Found::at(&local(&path)).unwrap();
        let mut other = file::to_bytes(&State { serial: 9, ..state.clone() });
        fs::write(&path, &other).unwrap();
        let error = replace(&local(&path), found, lease(&path), "rm", state.clone()).unwrap_err();
        assert!(matches!(error, StateError::Moved { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), std::mem::take(&mut other));
    }
}

#[test]
fn a_newer_format_is_not_operated_on() {
    let (_folder, path, _) = written();
    fs::write(&path, r#"{"format": 7, "lineage": "x", "serial": 3}"#).unwrap();
    assert!(matches!(Found::at(&local(&path)), Err(StateError::Newer { found: 7, .. })));
}
