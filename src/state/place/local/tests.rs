use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;
use crate::state::{State, StateError, acquire, from_bytes, to_bytes};

fn write(place: &Arc<dyn Place>, from: Option<u64>, to: u64) -> Result<(), StateError> {
    let mut state = State::fresh("lab", "line".into(), "salt".into());
    state.serial = to;
    let expected = from.map(|serial| Version { lineage: "line".into(), serial });
    let lease = acquire(place, "apply", Duration::ZERO)?;
    lease.writer().replace(expected.as_ref().into(), &state.version(), &to_bytes(&state))
}

fn serials(place: &Arc<dyn Place>) -> Vec<u64> {
    place.generations().unwrap().iter().map(|one| one.serial).collect()
}

#[test]
fn ten_generations_are_kept_and_only_the_owner_may_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/lab.json");
    let place = local(&path);
    assert!(place.read().unwrap().is_none());
    write(&place, None, 1).unwrap();
    for serial in 2..=13 {
        write(&place, Some(serial - 1), serial).unwrap();
    }
    assert_eq!(serials(&place), (4..=13).collect::<Vec<_>>());
    let all = place.generations().unwrap();
    assert_eq!(place.generation(&all[9]).unwrap(), place.read().unwrap().unwrap());
    assert_eq!(from_bytes(&all[0].name, &place.generation(&all[0]).unwrap()).unwrap().serial, 4);
    for path in [path, folder.path().join("new/lab.json.backups/4.json")] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("new")).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_write_that_fails_leaves_the_old_state_and_no_litter() {
    let folder = tempfile::tempdir().unwrap();
    let place = local(&folder.path().join("lab.json"));
    write(&place, None, 1).unwrap();
    let before = place.read().unwrap();
    // The directory in the way of the new file stands for a full disk, or for a directory of another user.
    fs::create_dir(folder.path().join(".lab.json.new")).unwrap();
    let error = write(&place, Some(1), 2).unwrap_err();
    assert!(error.to_string().contains(".lab.json.new: cannot "), "{error}");
    assert!(error.hint().unwrap().to_string().contains("is a directory"));
    assert_eq!(place.read().unwrap(), before);
}

#[test]
fn parts_are_named_by_their_paths() {
    let place = local(Path::new("state/lab.json"));
    let [state, generations, journal, lock] =
        [Part::State, Part::Generations, Part::Journal, Part::Lock].map(|part| place.name(part));
    assert_eq!(state.to_string(), "state/lab.json");
    assert_eq!(generations.away(), "move state/lab.json.backups away");
    assert_eq!(journal.away(), "run `mv state/lab.journal state/lab.journal.damaged`");
    assert_eq!(lock.away(), "remove state/lab.lock");
}
