use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use super::super::SimulatedDisk;
use super::super::claim::acquire;
use super::super::journal;
use super::super::load::kept;
use super::super::lock::break_lock;
use super::super::model::Status;
use super::super::place::{local, local_on};
use super::super::samples::{address, interrupted, record};
use super::*;
use crate::resource::HostName;

fn lease(path: &Path) -> Lease {
    acquire(&local(path), "apply", Duration::ZERO).unwrap()
}

/// A store that has begun, in a folder of its own.
fn begun() -> (tempfile::TempDir, PathBuf, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.json");
    let store = Store::open(&local(&path), "lab").unwrap();
    store.begin(lease(&path), |_| {}).unwrap();
    (folder, path, store)
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_run_is_read_back_by_the_next_and_leaves_state_and_generations_only() {
    let (folder, path, store) = begun();
    store.intent(address(1), interrupted("a"), vec![address(2)]).unwrap();
    store.kept(address(1), "PULLED", "socat").unwrap();
    store.done(address(1), record("a")).unwrap();
    store.done(address(3), record("adopted")).unwrap();
    store.intent(address(4), interrupted("b"), vec![]).unwrap();
    store.done(address(5), record("gone")).unwrap();
    store.forgotten(address(5)).unwrap();
    assert_eq!(store.record(&address(1)).unwrap().status, Status::Ready);
    let journal = fs::metadata(folder.path().join("lab.journal")).unwrap();
    assert_eq!(journal.permissions().mode() & 0o777, 0o600);
    let watched = Store::read_only(&local(&path)).unwrap().unwrap();
    assert_eq!(watched.resources, store.snapshot().resources);
    store.finish().unwrap();

    assert_eq!(names(folder.path()), ["lab.json".to_owned(), "lab.json.backups".to_owned()].into());
    let state = Store::open(&local(&path), "lab").unwrap().snapshot();
    assert_eq!(state, store.snapshot());
    assert_eq!(state.serial, 2);
    assert_eq!(state.resources.keys().collect::<Vec<_>>(), [&address(3), &address(1), &address(4)]);
    assert_eq!(state.record(&address(1)).unwrap().prior.kept["PULLED"], "socat");
    assert_eq!(state.record(&address(4)).unwrap().status, Status::Interrupted);
    assert_eq!(state.reactions[&address(2)], [address(1)].into());
}

#[test]
fn a_run_with_nothing_to_do_writes_nothing() {
    let (folder, path, store) = begun();
    store.done(address(1), record("a")).unwrap();
    store.finish().unwrap();
    let before = (fs::read(&path).unwrap(), names(&folder.path().join("lab.json.backups")));
    let store = Store::open(&local(&path), "lab").unwrap();
    store.begin(lease(&path), |_| {}).unwrap();
    assert!(!folder.path().join("lab.journal").exists());
    store.finish().unwrap();
    assert_eq!((fs::read(&path).unwrap(), names(&folder.path().join("lab.json.backups"))), before);
    assert_eq!(Store::read_only(&local(&folder.path().join("none.json"))).unwrap(), None);
}

#[test]
fn what_a_killed_run_left_is_folded_in_and_a_plan_made_from_it_stays_valid() {
    let (_folder, path, store) = begun();
    store.done(address(1), record("a")).unwrap();
    store.intent(address(2), interrupted("b"), vec![]).unwrap();
    // A kill: no finish.
    drop(store);
    let store = Store::open(&local(&path), "lab").unwrap();
    let planned = store.snapshot();
    assert_eq!(planned.serial, 2);
    assert_eq!(planned.record(&address(1)).unwrap().status, Status::Ready);
    assert_eq!(planned.record(&address(2)).unwrap().status, Status::Interrupted);
    store.begin(lease(&path), |_| {}).unwrap();
    assert_eq!(store.snapshot(), planned);
    assert_eq!(file::from_bytes(&Named::new(&path.display()), &fs::read(&path).unwrap()).unwrap(), planned);
    store.finish().unwrap();
    assert_eq!(Store::read_only(&local(&path)).unwrap().unwrap(), planned);
}

#[test]
fn a_journal_that_was_folded_in_before_the_kill_is_ignored_and_removed() {
    let (folder, path, store) = begun();
    store.done(address(1), record("a")).unwrap();
    let journal = folder.path().join("lab.journal");
    let left = fs::read(&journal).unwrap();
    store.finish().unwrap();
    fs::write(&journal, left).unwrap();
    let store = Store::open(&local(&path), "lab").unwrap();
    assert_eq!(store.snapshot().serial, 2);
    store.begin(lease(&path), |_| {}).unwrap();
    assert!(!journal.exists());
}

#[test]
fn a_journal_of_another_or_a_later_state_is_an_error_that_says_what_to_do() {
    let (folder, path, store) = begun();
    let journal = folder.path().join("lab.journal");
    for (version, expected) in [
        (Version { lineage: "other".into(), serial: 1 }, "serial 1 of lineage other"),
        (Version { serial: 9, ..store.snapshot().version() }, "belongs to serial 9"),
    ] {
        fs::write(&journal, journal::first_line(&version)).unwrap();
        let error = Store::open(&local(&path), "lab").unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().unwrap().to_string().contains("lab.journal.damaged"));
    }
    fs::remove_file(&path).unwrap();
    let error = Store::open(&local(&path), "lab").unwrap_err();
    assert!(error.to_string().ends_with("but the state file is missing"), "{error}");
}

#[test]
fn a_state_of_another_cluster_is_refused() {
    let (_folder, path, _store) = begun();
    let error = Store::open(&local(&path), "prod").unwrap_err();
    assert!(error.to_string().ends_with("is the state of cluster `lab`, not of cluster `prod`"), "{error}");
}

#[test]
fn a_run_that_began_from_an_older_state_is_refused_and_gives_the_lock_back() {
    let (_folder, path, store) = begun();
    let late = Store::open(&local(&path), "lab").unwrap();
    store.done(address(1), record("a")).unwrap();
    store.finish().unwrap();
    assert!(matches!(late.begin(lease(&path), |_| {}), Err(StateError::Moved { .. })));
    assert!(matches!(late.done(address(1), record("b")), Err(StateError::NotBegun { .. })));
    lease(&path);
}

#[test]
fn surgery_is_a_generation_and_can_be_undone() {
    let (_folder, path, store) = begun();
    store.done(address(1), record("a")).unwrap();
    store.finish().unwrap();
    let edit = |state: &mut State| {
        state.resources.clear();
        state.hosts.insert(HostName::new("cp1"), json!({"address": "192.0.2.1"}));
        (state.lineage, state.serial) = ("edited".into(), 99);
    };
    let store = Store::open(&local(&path), "lab").unwrap();
    store.begin(lease(&path), edit).unwrap();
    store.finish().unwrap();
    let edited = Store::read_only(&local(&path)).unwrap().unwrap();
    assert_eq!((edited.serial, edited.resources.len(), edited.hosts.len()), (3, 0, 1));
    assert_ne!(edited.lineage, "edited");

    let store = Store::open(&local(&path), "lab").unwrap();
    let place = local(&path);
    let all = kept(place.as_ref()).unwrap();
    assert_eq!(all.iter().map(|one| one.serial).collect::<Vec<_>>(), [1, 2, 3]);
    let earlier = file::from_bytes(&all[1].name, &place.generation(&all[1]).unwrap()).unwrap();
    store.begin(lease(&path), |_| {}).unwrap();
    store.finish_with(|state| *state = earlier).unwrap();
    let back = Store::read_only(&local(&path)).unwrap().unwrap();
    assert_eq!((back.serial, back.resources.len(), back.hosts.len()), (4, 1, 0));
}

#[test]
fn a_damaged_state_can_be_replaced_by_the_copy_of_itself() {
    let (folder, path, store) = begun();
    store.done(address(1), record("a")).unwrap();
    store.finish().unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(Store::open(&local(&path), "lab"), Err(StateError::Damaged { .. })));
    assert_eq!(kept(local(&path).as_ref()).unwrap().last().unwrap().serial, 2);
    fs::copy(folder.path().join("lab.json.backups/2.json"), &path).unwrap();
    assert_eq!(Store::open(&local(&path), "lab").unwrap().snapshot().resources.len(), 1);
}

#[test]
fn many_threads_write_at_once_and_share_batches() {
    let (folder, path, store) = begun();
    let journal = folder.path().join("lab.journal");
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (store, journal) = (&store, &journal);
            scope.spawn(move || {
                for n in (0..20).map(|n| 1000 * thread + n) {
                    store.intent(address(n), interrupted("x"), vec![]).unwrap();
                    // Durable when the call returns: a reader of the disk sees it.
                    if n % 7 == 0 {
                        let bytes = fs::read(journal).unwrap();
                        assert!(String::from_utf8_lossy(&bytes).contains(&address(n).to_string()));
                    }
                    store.done(address(n), record("x")).unwrap();
                }
            });
        }
    });
    let text = fs::read_to_string(&journal).unwrap();
    assert_eq!(text.lines().count(), 1 + 16 * 20 * 2);
    let batches: BTreeSet<&str> = text.lines().map(|line| line.split(',').nth(1).unwrap()).collect();
    assert!(batches.len() < 16 * 20, "{} batches for 640 entries", batches.len());
    let left = Store::read_only(&local(&path)).unwrap().unwrap();
    assert_eq!(left.resources.len(), 16 * 20);
    assert!(left.resources.values().all(|record| record.status == Status::Ready));
    store.finish().unwrap();
    assert_eq!(Store::read_only(&local(&path)).unwrap().unwrap(), store.snapshot());
}

#[test]
fn a_full_disk_fails_the_entry_and_loses_nothing() {
    let disk = SimulatedDisk::new();
    let place = local_on(disk.process("desk"), Path::new("state/lab.json"));
    let store = Store::open(&place, "lab").unwrap();
    store.begin(acquire(&place, "apply", Duration::ZERO).unwrap(), |_| {}).unwrap();
    store.done(address(1), record("a")).unwrap();
    store.intent(address(2), interrupted("b"), vec![]).unwrap();
    disk.full_after(Some(100));
    let error = store.done(address(2), record("b")).unwrap_err();
    assert!(error.to_string().contains("lab.journal: cannot write: no storage space"), "{error}");
    assert!(error.hint().unwrap().to_string().starts_with("nothing is lost"));
    // The run is told at once, before it acts on anything else.
    assert!(store.intent(address(3), interrupted("c"), vec![]).is_err());
    let read = || Store::read_only(&place).unwrap().unwrap();
    assert_eq!(read().record(&address(1)).unwrap().status, Status::Ready);
    assert_eq!(read().record(&address(2)).unwrap().status, Status::Interrupted);
    // What has happened is written at the end, if there is room then; what has not, is not.
    disk.full_after(None);
    store.finish().unwrap();
    assert_eq!(read().record(&address(2)).unwrap().status, Status::Ready);
    assert_eq!(read().record(&address(3)), None);
}

#[test]
fn a_finish_that_cannot_write_leaves_the_journal_to_the_next_run() {
    let (folder, path, store) = begun();
    store.done(address(1), record("a")).unwrap();
    let obstacle = folder.path().join(".lab.json.new");
    fs::create_dir(&obstacle).unwrap();
    assert!(matches!(store.finish(), Err(StateError::Io { .. })));
    fs::remove_dir(&obstacle).unwrap();
    let next = Store::open(&local(&path), "lab").unwrap();
    assert!(next.record(&address(1)).is_some());
    next.begin(lease(&path), |_| {}).unwrap();
    next.finish().unwrap();
    assert!(Store::read_only(&local(&path)).unwrap().unwrap().record(&address(1)).is_some());
}

#[test]
fn a_broken_lock_stops_the_run_before_its_next_act() {
    let (_folder, path, store) = begun();
    store.done(address(1), record("a")).unwrap();
    let id = store.lock().writing.as_ref().unwrap().lease.holder().id.clone();
    break_lock(&local(&path), &id).unwrap();
    let other = Store::open(&local(&path), "lab").unwrap();
    other.begin(lease(&path), |_| {}).unwrap();
    assert!(matches!(store.intent(address(2), interrupted("b"), vec![]), Err(StateError::LockLost { .. })));
    assert!(matches!(store.finish(), Err(StateError::LockLost { .. })));
    other.done(address(3), record("c")).unwrap();
    other.finish().unwrap();
    let state = Store::read_only(&local(&path)).unwrap().unwrap();
    assert_eq!(state.resources.keys().collect::<Vec<_>>(), [&address(3), &address(1)]);
}

/// Not a test: what [`a_kill_loses_nothing_that_was_promised`] starts and kills.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn write_until_killed() {
    let path = PathBuf::from(std::env::var_os("MAINSTAY_TEST_STATE").unwrap());
    // Runs follow each other, so that the kill may hit the fold at their start and end, too.
    loop {
        let store = Store::open(&local(&path), "lab").unwrap();
        store.begin(lease(&path), |_| {}).unwrap();
        // Each run has addresses of its own, so that no promise is taken back.
        let first = 100 * usize::try_from(store.snapshot().serial).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let store = &store;
                scope.spawn(move || {
                    for n in (first..first + 20).filter(|n| n % 4 == thread) {
                        store.intent(address(n), interrupted("x"), vec![]).unwrap();
                        store.done(address(n), record("x")).unwrap();
                        std::io::stderr().write_all(format!("done {}\n", address(n)).as_bytes()).unwrap();
                    }
                });
            }
        });
        store.finish().unwrap();
    }
}

#[test]
fn a_kill_loses_nothing_that_was_promised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.json");
    let mut promised = BTreeSet::new();
    for round in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "state::store::tests::write_until_killed", "--ignored", "--nocapture"])
            .env("MAINSTAY_TEST_STATE", &path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let done = |line: String| line.strip_prefix("done ").map(|address| address.parse::<Address>().unwrap());
        promised.extend(lines.by_ref().filter_map(done).take(7 + 11 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        promised.extend(lines.filter_map(done));
        let state = Store::open(&local(&path), "lab").unwrap().snapshot();
        for address in &promised {
            assert_eq!(state.record(address).map(|record| record.status), Some(Status::Ready), "{address}");
        }
    }
}
