use super::super::{Access, Disk, Machine, OpenFile};
use super::*;

const A: &str = "folder/a";

fn path(text: &str) -> &Path {
    Path::new(text)
}

/// A disk with a lasting folder, and a process on it.
fn disk() -> (SimulatedDisk, Arc<SimulatedProcess>) {
    let disk = SimulatedDisk::new();
    let process = disk.process("desk");
    process.make_folder(path("folder"), Access::Shared).unwrap();
    process.sync_folder(path(".")).unwrap();
    (disk, process)
}

/// What is found at the path after power cuts with many seeds, each once.
fn after_crashes(prepare: impl Fn(&SimulatedProcess)) -> Vec<Option<Vec<u8>>> {
    let mut found = Vec::new();
    for seed in 0..1000 {
        let (disk, process) = disk();
        prepare(&process);
        disk.crash(seed);
        let is = disk.files().remove(path(A));
        if !found.contains(&is) {
            found.push(is);
        }
    }
    found.sort();
    found
}

fn create(process: &SimulatedProcess, name: &str) -> Box<dyn OpenFile> {
    process.create(path(name), Access::Private).unwrap()
}

#[test]
fn what_was_synced_outlasts_a_power_cut_and_a_name_needs_its_folder_synced() {
    let whole = Some(b"abc".to_vec());
    let synced = after_crashes(|process| {
        let file = create(process, A);
        file.write_at(b"abc", 0).unwrap();
        file.sync().unwrap();
        process.sync_folder(path("folder")).unwrap();
    });
    assert_eq!(synced, std::slice::from_ref(&whole));
    let without_name = after_crashes(|process| {
        let file = create(process, A);
        file.write_at(b"abc", 0).unwrap();
        file.sync().unwrap();
    });
    assert_eq!(without_name, [None, whole.clone()]);
    let renamed = after_crashes(|process| {
        let (old, new) = (create(process, A), create(process, "folder/b"));
        old.write_at(b"old", 0).unwrap();
        new.write_at(b"abc", 0).unwrap();
        old.sync().unwrap();
        new.sync().unwrap();
        process.sync_folder(path("folder")).unwrap();
        process.rename(path("folder/b"), path(A)).unwrap();
    });
    assert_eq!(renamed, [whole, Some(b"old".to_vec())]);
}

#[test]
fn what_was_not_synced_may_be_lost_torn_or_whole() {
    let kinds = after_crashes(|process| {
        let file = create(process, A);
        process.sync_folder(path("folder")).unwrap();
        file.write_at(&[1; 600], 0).unwrap();
        file.write_at(&[2; 600], 600).unwrap();
    });
    let has = |wanted: &dyn Fn(&[u8]) -> bool| kinds.iter().flatten().any(|it| wanted(it));
    assert!(has(&|it| it.is_empty()), "lost");
    assert!(has(&|it| it.len() == 1200 && !it.contains(&0)), "whole");
    assert!(has(&|it| it.len() == 1200 && it[..600].iter().all(|byte| *byte == 0) && it[600..] == [2; 600]), "holes");
    assert!(has(&|it| it.len() == 512), "the length of what came through");
}

#[test]
fn a_process_dies_at_a_byte_or_a_change_and_does_nothing_more() {
    let (disk, first) = disk();
    let file = create(&first, A);
    assert!(file.try_lock().unwrap());
    first.fail_after(Cut::Byte(4));
    file.write_at(b"abc", 0).unwrap();
    assert!(file.write_at(b"def", 3).is_err());
    assert!(first.is_dead() && file.write_at(b"x", 0).is_err() && first.remove(path(A)).is_err());
    let second = disk.process("desk");
    assert_eq!(second.read(path(A)).unwrap(), b"abcd");
    assert!(second.open(path(A)).unwrap().try_lock().unwrap(), "its kernel lock went with it");
    let at = second.used().changes;
    second.fail_after(Cut::Change(at + 1));
    create(&second, "folder/b");
    assert!(second.remove(path(A)).is_err());
    assert_eq!(disk.files().len(), 2);
}

#[test]
fn a_full_disk_takes_what_fits_and_gives_room_back() {
    let (disk, process) = disk();
    disk.full_after(Some(5));
    let file = create(&process, A);
    assert_eq!(file.write_at(b"abcdefg", 0).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(process.read(path(A)).unwrap(), b"abcde");
    file.write_at(b"xyz", 0).unwrap();
    file.truncate(4).unwrap();
    file.write_at(b"!", 4).unwrap();
    assert!(file.write_at(b"!", 5).is_err());
    process.remove(path(A)).unwrap();
    create(&process, A).write_at(b"12345", 0).unwrap();
}

#[test]
fn what_a_failed_sync_left_out_stays_out() {
    let found = after_crashes(|process| {
        let file = create(process, A);
        process.sync_folder(path("folder")).unwrap();
        process.disk.fail_syncs_after(Some(0));
        file.write_at(b"abc", 0).unwrap();
        assert!(file.sync().is_err());
        assert_eq!(process.read(path(A)).unwrap(), b"abc");
        process.disk.fail_syncs_after(None);
        file.sync().unwrap();
    });
    assert_eq!(found, [Some(Vec::new())]);
}

#[test]
fn another_process_acts_between_two_operations() {
    let (disk, first) = disk();
    drop(create(&first, A));
    let second = disk.process("desk");
    let at = first.used().operations;
    first.before(at + 1, move || second.remove(path(A)).unwrap());
    assert!(first.id(path(A)).is_ok());
    assert!(first.id(path(A)).is_err());
}

#[test]
fn kernel_locks_are_of_one_machine_unless_they_are_shared_and_clocks_are_each_ones_own() {
    let (disk, first) = disk();
    drop(create(&first, A));
    let (near, far) = (disk.process("desk"), disk.process("far"));
    let open = || [&first, &near, &far].map(|process| process.open(path(A)).unwrap());
    let readers = open();
    assert_eq!(readers.each_ref().map(|file| file.try_lock_shared().unwrap()), [true; 3]);
    assert!(!readers[0].try_lock().unwrap(), "another process of this machine reads");
    drop(readers);
    let files = open();
    assert_eq!(files.each_ref().map(|file| file.try_lock().unwrap()), [true, false, true]);
    assert!(!files[1].try_lock_shared().unwrap());
    disk.share_locks(true);
    assert!(!disk.process("third").open(path(A)).unwrap().try_lock().unwrap());
    let before = first.now();
    disk.set_back("far", Duration::from_hours(1));
    disk.advance(Duration::from_secs(5));
    assert_eq!(first.now(), before + Duration::from_secs(5));
    assert_eq!(far.now() + Duration::from_hours(1), first.now());
}

#[test]
fn the_same_seed_loses_the_same() {
    let crashed = |seed| {
        let (disk, process) = disk();
        for name in ["folder/a", "folder/b", "folder/c"] {
            create(&process, name).write_at(&[7; 3000], 0).unwrap();
        }
        disk.crash(seed);
        disk.files()
    };
    for seed in 0..20 {
        assert_eq!(crashed(seed), crashed(seed));
    }
}
