use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Instant, SystemTime};

use super::super::paths::Paths;
use super::super::{Local, local, local_on};
use super::*;
use crate::state::disk;
use crate::state::disk::simulated::{Cut, SimulatedDisk};
use crate::state::place::{Place, Timing};
use crate::state::{acquire, break_lock, show};

const NOW: Duration = Duration::ZERO;

/// A place with other time limits.
fn timed(state: &Path, timing: Timing) -> Arc<dyn Place> {
    Arc::new(Local { disk: disk::real(), paths: Paths::new(state), timing })
}

/// A lock file of another machine, last renewed so long ago.
fn foreign(state: &Path, silent: Duration) -> Holder {
    foreign_at(state, SystemTime::now() - silent)
}

fn foreign_at(state: &Path, renewed: SystemTime) -> Holder {
    let holder = Holder {
        host: "elsewhere".into(),
        machine: None,
        boot: Some("another".into()),
        renewed: timestamp(renewed),
        ..Holder::here("destroy")
    };
    fs::write(Paths::new(state).lock, content(&holder)).unwrap();
    holder
}

#[test]
fn a_held_lock_says_who_since_when_and_what_to_do_and_is_gone_after_drop() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("new/lab.json");
    assert_eq!(show(&local(&state), |_| {}).unwrap(), None);
    let lease = acquire(&local(&state), "apply", NOW).unwrap();
    let error = acquire(&local(&state), "destroy", NOW).unwrap_err();
    assert!(error.is_locked());
    let (text, hint) = (error.to_string(), error.hint().unwrap().to_string());
    assert!(text.contains("lab.lock: the state is locked: `mainstay apply` by "), "{text}");
    assert!(text.contains(&lease.holder().created), "{text}");
    assert!(hint.contains(&format!("mainstay lock break {}", lease.holder().id)), "{hint}");
    assert_eq!(show(&local(&state), |_| {}).unwrap(), Some((lease.holder().clone(), Held::Alive)));
    lease.writer().check().unwrap();
    drop(lease);
    assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
    acquire(&local(&state), "destroy", NOW).unwrap();
}

#[test]
fn one_waits_for_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    let lease = acquire(&local(&state), "apply", NOW).unwrap();
    thread::scope(|scope| {
        let second = scope.spawn(|| acquire(&local(&state), "apply", Duration::from_secs(20)).map(drop));
        thread::sleep(Duration::from_millis(300));
        assert!(!second.is_finished());
        drop(lease);
        second.join().unwrap().unwrap();
    });
}

#[test]
fn of_many_who_compete_only_one_holds_it_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    let (holding, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // They begin with an abandoned lock to fight for.
    fs::write(Paths::new(&state).lock, content(&Holder::here("apply"))).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let lease = acquire(&local(&state), "apply", Duration::from_mins(1)).unwrap();
                    assert_eq!(holding.fetch_add(1, Ordering::SeqCst), 0);
                    lease.writer().check().unwrap();
                    taken.fetch_add(1, Ordering::SeqCst);
                    holding.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(taken.into_inner(), 40);
}

/// Not a test: what [`a_killed_holder_does_not_block_the_next`] starts and kills.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn hold_until_killed() {
    let state = PathBuf::from(std::env::var_os("MAINSTAY_TEST_STATE").unwrap());
    let lease = acquire(&local(&state), "apply", NOW).unwrap();
    std::io::stderr().write_all(format!("holding {}\n", lease.holder().id).as_bytes()).unwrap();
    thread::sleep(Duration::from_mins(5));
}

#[test]
fn a_killed_holder_does_not_block_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "state::place::local::lock_file::tests::hold_until_killed", "--ignored", "--nocapture"])
        .env("MAINSTAY_TEST_STATE", &state)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let id = lines.find_map(|line| line.unwrap().strip_prefix("holding ").map(str::to_owned)).unwrap();
    let (holder, held) = show(&local(&state), |_| {}).unwrap().unwrap();
    assert_eq!((holder.id, holder.pid, held), (id, child.id(), Held::Alive));
    assert!(acquire(&local(&state), "apply", NOW).unwrap_err().is_locked());

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(show(&local(&state), |_| {}).unwrap().unwrap().1, Held::Gone);
    acquire(&local(&state), "apply", NOW).unwrap();
}

#[test]
fn a_lease_of_another_machine_is_respected_for_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    let holder = foreign(&state, Duration::from_secs(50));
    assert_eq!(show(&local(&state), |_| {}).unwrap(), Some((holder, Held::Elsewhere)));
    assert!(acquire(&local(&state), "apply", NOW).unwrap_err().is_locked());
}

#[test]
fn a_clock_alone_does_not_declare_a_holder_gone() {
    let timing = Timing { watch: Duration::from_millis(200), ..Timing::DEFAULT };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    let shown = |meanwhile: &dyn Fn()| {
        let mut watched = false;
        let found = show(&timed(&state, timing), |_| {
            watched = true;
            meanwhile();
        });
        (found.unwrap().map(|(_, held)| held), watched)
    };
    for (ago, ahead) in [(70, 0), (0, 90)] {
        let clock = |more: u64| {
            let (ago, ahead) = (Duration::from_secs(ago), Duration::from_secs(ahead));
            foreign_at(&state, SystemTime::now() - ago + ahead + Duration::from_secs(more));
        };
        clock(0);
        assert_eq!(shown(&|| ()), (Some(Held::Silent), true), "{ago} {ahead}");
        assert_eq!(shown(&|| clock(5)), (Some(Held::Elsewhere), true), "{ago} {ahead}");
        assert_eq!(shown(&|| std::fs::remove_file(Paths::new(&state).lock).unwrap()), (None, true));
    }
    foreign(&state, Duration::from_secs(50));
    assert_eq!(shown(&|| ()), (Some(Held::Elsewhere), false));
}

#[test]
fn two_that_read_a_lock_at_once_do_not_take_each_other_for_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    foreign(&state, Duration::ZERO);
    let place = local(&state);
    let here = place.machine().holder("show");
    let read = || place.lock(&here, Purpose::Show).unwrap();
    let both = [read(), read()].map(|found| match found {
        Lock::Held { held, .. } => Some(held),
        _ => None,
    });
    assert_eq!(both, [Some(Held::Elsewhere); 2]);
}

#[test]
fn a_silent_lease_is_watched_before_it_is_taken_over() {
    // Long enough for a thread of a busy machine to come to its turn meanwhile.
    let timing = Timing { watch: Duration::from_secs(2), ..Timing::DEFAULT };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    // Its clock is an hour behind, and it is alive.
    foreign(&state, Duration::from_hours(1));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut silent = 3600;
            while !done.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(100));
                silent -= 1;
                foreign(&state, Duration::from_secs(silent));
            }
        });
        let refused = acquire(&timed(&state, timing), "apply", NOW);
        done.store(true, Ordering::SeqCst);
        assert!(refused.unwrap_err().is_locked());
    });
    // Now nobody renews it.
    let began = Instant::now();
    acquire(&timed(&state, timing), "apply", NOW).unwrap();
    assert!(began.elapsed() > timing.watch);
}

#[test]
fn a_silent_lease_whose_clock_is_ahead_is_watched_for_a_whole_lease() {
    let timing = Timing { lease: Duration::from_millis(300), watch: Duration::from_millis(100), ..Timing::DEFAULT };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    foreign_at(&state, SystemTime::now() + Duration::from_hours(9000));
    assert!(acquire(&timed(&state, timing), "apply", NOW).unwrap_err().is_locked());
    let began = Instant::now();
    acquire(&timed(&state, timing), "apply", Duration::from_mins(1)).unwrap();
    assert!(began.elapsed() > timing.lease + timing.watch);
}

#[test]
fn a_lease_is_renewed_in_place() {
    let timing = Timing { renewal: Duration::from_millis(20), ..Timing::DEFAULT };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    let lease = acquire(&timed(&state, timing), "apply", NOW).unwrap();
    let began = Instant::now();
    while show(&local(&state), |_| {}).unwrap().unwrap().0.renewed == lease.holder().renewed {
        assert!(began.elapsed() < Duration::from_mins(1), "not renewed");
        thread::sleep(Duration::from_millis(20));
    }
    lease.writer().check().unwrap();
    let (now, _) = show(&local(&state), |_| {}).unwrap().unwrap();
    assert_eq!(Holder { renewed: lease.holder().renewed.clone(), ..now }, *lease.holder());
}

#[test]
fn a_broken_lock_is_noticed_by_its_holder_and_the_new_one_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    let nobody = break_lock(&local(&state), "x").unwrap_err();
    assert!(nobody.to_string().ends_with("is not held with id x: no lock exists"), "{nobody}");
    let lease = acquire(&local(&state), "apply", NOW).unwrap();
    assert!(matches!(break_lock(&local(&state), "x"), Err(StateError::NotThatLock { found: Some(_), .. })));
    lease.writer().check().unwrap();
    assert_eq!(break_lock(&local(&state), &lease.holder().id).unwrap(), *lease.holder());
    let second = acquire(&local(&state), "apply", NOW).unwrap();
    assert!(matches!(lease.writer().check(), Err(StateError::LockLost { .. })));
    drop(lease);
    second.writer().check().unwrap();
}

#[test]
fn a_lock_file_that_says_nothing_is_not_taken_for_free() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    fs::write(Paths::new(&state).lock, "garbage").unwrap();
    let error = acquire(&local(&state), "apply", NOW).unwrap_err();
    assert!(error.is_locked() && error.hint().unwrap().to_string().contains("lab.lock"), "{error}");
    assert!(show(&local(&state), |_| {}).is_err());
}

#[test]
fn what_a_kill_leaves_while_the_lock_is_taken_goes_with_the_next_lock() {
    let state = Path::new("folder/lab.json");
    let left = |disk: &SimulatedDisk| {
        disk.files().keys().filter(|path| path.display().to_string().contains("/.lock.")).count()
    };
    let whole = SimulatedDisk::new().process("desk");
    drop(acquire(&local_on(whole.clone(), state), "apply", NOW).unwrap());
    let changes = (0..whole.used().changes).map(Cut::Change);
    let mut ever_left = 0;
    for cut in changes.chain((0..whole.used().bytes).map(Cut::Byte)) {
        let disk = SimulatedDisk::new();
        let killed = disk.process("desk");
        killed.fail_after(cut);
        drop(acquire(&local_on(killed, state), "apply", NOW));
        ever_left += left(&disk);
        // Who it was may not stand in it yet; then only time tells.
        disk.advance(Duration::from_secs(61));
        drop(acquire(&local_on(disk.process("desk"), state), "apply", NOW).unwrap());
        assert_eq!(left(&disk), 0, "{cut:?}");
    }
    assert!(ever_left > 0);
}

#[test]
fn only_what_nobody_will_come_back_to_is_removed_with_the_next_lock() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lab.json");
    let there = |name: &str| folder.path().join(name).exists();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let elsewhere = Holder { boot: Some("another".into()), machine: None, ..Holder::here("apply") };
    write(".lock.00000001", &content(&Holder::here("apply")));
    write(".lock.00000002", &content(&Holder::here("apply")));
    write(".lock.00000003", &content(&elsewhere));
    write(".lock.00000004", "{");
    write("lab.lock.mine", "");
    let living = fs::File::open(folder.path().join(".lock.00000002")).unwrap();
    living.lock().unwrap();
    drop(acquire(&local(&state), "apply", NOW).unwrap());
    let names = ["lab.lock.mine", ".lock.00000001", ".lock.00000002", ".lock.00000003", ".lock.00000004"];
    assert_eq!(names.map(there), [true, false, true, true, true]);
    for name in [".lock.00000003", ".lock.00000004"] {
        let file = fs::File::options().write(true).open(folder.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(61)).unwrap();
    }
    drop(acquire(&local(&state), "apply", NOW).unwrap());
    assert_eq!(names.map(there), [true, false, true, false, false]);
}
