//! Surgery on the state, and states that are in a bad way: always a clear message, what to run next, and nothing lost.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use mainstay::resource::HostName;
use mainstay::state::{State, Store};

use crate::sandbox::{QUICKSTART, Said, Sandbox};

const STATE: &str = "state/quickstart.json";
const BACKUPS: &str = "state/quickstart.json.backups";

fn recorded(it: &Sandbox) -> State {
    Store::read_only(&mainstay::state::local(&it.path(STATE))).unwrap().unwrap()
}

/// A small cluster, applied: every act costs two waits for the disk.
fn small() -> Sandbox {
    let it = Sandbox::new(
        "apiVersion: mainstay/v1\nkind: Cluster\nname: quickstart\nfleet: simulated\nkubernetes: {version: 1.31.4}\n\
         endpoint: {address: 10.0.0.100, port: 6443}\nloadBalancer: {mode: external}\n\
         hosts: {cp1: {address: 10.0.0.11, roles: [control-plane, worker]}}\nnetwork: {plugin: none}\n",
    );
    it.expect(0, &["apply", "--auto-approve"]);
    it
}

/// A message about the state, ending with what to do.
#[track_caller]
fn clear(said: &Said, fault: &str, next: &str) {
    assert_eq!(said.code, 1, "{said:?}");
    let error = said.err.split("error: ").nth(1).unwrap_or_default();
    assert!(error.contains(fault), "{}", said.err);
    assert!(said.err.lines().last().unwrap().contains(next), "{}", said.err);
    assert!(!said.err.contains("panicked"), "{}", said.err);
}

#[test]
fn a_state_that_was_pulled_can_be_pushed_anywhere() {
    let it = small();
    let said = it.shell("mainstay state pull > pulled.json; cmp pulled.json state/quickstart.json");
    assert_eq!(said.code, 0, "{said:?}");
    // To another place, where nothing is yet.
    let said = it.shell(
        "mainstay state push pulled.json --state elsewhere/lab.json --auto-approve
         mainstay state pull --state elsewhere/lab.json | cmp - pulled.json
         mainstay state push - --state elsewhere/lab.json < pulled.json",
    );
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("Nothing to push: the state is identical."), "{}", said.err);
    assert_eq!(it.expect(5, &["--json", "state", "pull"]).json()[0]["type"], "diagnostic");
    // As help says how to edit it.
    let said = it.shell(
        r#"sed -e 's/"serial": 2,/"serial": 3,/' -e 's/"user": "[a-z]*"/"user": "ops"/' pulled.json > edited.json
           if mainstay state push edited.json --auto-approve; then exit 99; fi
           sum=$(tail -n +3 edited.json | sha256sum | cut -d' ' -f1)
           sed -i "2s/\"checksum\": \"[0-9a-f]*\"/\"checksum\": \"$sum\"/" edited.json
           mainstay state push edited.json --auto-approve"#,
    );
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("checksum mismatch"), "{}", said.err);
    assert_eq!(recorded(&it).serial, 3);
}

#[test]
fn what_a_killed_run_left_is_pulled_with_the_state_and_pushes_back() {
    let it = small();
    let store = Store::open(&mainstay::state::local(&it.path(STATE)), "quickstart").unwrap();
    let lease =
        mainstay::state::acquire(&mainstay::state::local(&it.path(STATE)), "apply", std::time::Duration::ZERO).unwrap();
    store.begin(lease, |_| {}).unwrap();
    store.forgotten("cp1/host/swap".parse().unwrap()).unwrap();
    drop(store);
    assert!(it.path("state/quickstart.journal").exists());
    let said = it.shell("mainstay state pull > pulled.json; mainstay state push pulled.json");
    assert!(said.code == 0 && said.err.contains("identical"), "{said:?}");
    // Surgery folds the journal in first, and what it folded is what is set aside.
    let said = it.expect(0, &["state", "rm", "cp1/kubernetes"]);
    assert!(said.err.contains("3-before-rm.json"), "{}", said.err);
    assert!(!it.path("state/quickstart.journal").exists());
    it.expect(0, &["state", "rollback", "3", "--auto-approve"]);
    let listed = it.expect(0, &["state", "list"]).out;
    assert!(listed.contains("/kubernetes/") && !listed.contains("cp1/host/swap"), "{listed}");
}

#[test]
fn another_way_to_a_host_is_recorded_though_nothing_else_changes() {
    let it = small();
    it.edit("network:", "ssh: {user: ops, port: 2222}\nnetwork:");
    let mut serials = Vec::new();
    for _ in 0..2 {
        assert!(it.expect(0, &["apply", "--auto-approve"]).out.contains("No changes."));
        let state = recorded(&it);
        let host = &state.hosts[&HostName::new("cp1")];
        assert_eq!((&host["user"], &host["port"]), (&"ops".into(), &2222.into()));
        serials.push(state.serial);
    }
    assert_eq!(serials[0], serials[1]);
}

/// Several people may each have a link to one file.
#[test]
fn a_state_behind_a_link_stays_there_with_all_that_lies_beside_it() {
    let it = small();
    fs::rename(it.path("state"), it.path("shared")).unwrap();
    fs::create_dir(it.path("state")).unwrap();
    std::os::unix::fs::symlink("../shared/quickstart.json", it.path(STATE)).unwrap();
    it.expect(0, &["plan", "--detailed-exitcode"]);
    for command in [&["destroy", "--auto-approve"][..], &["apply", "--auto-approve"]] {
        it.expect(0, command);
    }
    it.expect(0, &["state", "rm", "cp1/host/swap", "--state", STATE]);
    assert!(fs::symlink_metadata(it.path(STATE)).unwrap().is_symlink());
    assert_eq!(fs::read_dir(it.path("state")).unwrap().count(), 1);
    assert!(recorded(&it).serial > 4);
}

#[test]
fn surgery_takes_the_lock_and_needs_no_host() {
    let it = small();
    it.expect(0, &["sim", "down", "cp1"]);
    let lease =
        mainstay::state::acquire(&mainstay::state::local(&it.path(STATE)), "apply", std::time::Duration::ZERO).unwrap();
    fs::write(it.path("pulled.json"), it.expect(0, &["state", "pull"]).out).unwrap();
    let commands: [&[&str]; 4] = [
        &["state", "rm", "cp1/haproxy"],
        &["state", "mv", "cp1", "cp9"],
        &["state", "push", "pulled.json", "--auto-approve"],
        &["state", "rollback", "1", "--auto-approve"],
    ];
    for command in commands {
        assert!(it.expect(6, command).err.contains("mainstay lock show"), "{command:?}");
    }
    for command in [&["state", "rm", "cp1/host", "--dry-run"][..], &["state", "history"], &["state", "list"]] {
        it.expect(0, command);
    }
    drop(lease);
    it.expect(0, &["state", "mv", "cp1", "cp9"]);
    it.expect(0, &["state", "rollback", "1", "--auto-approve"]);
    assert_eq!(it.expect(0, &["lock", "show"]).out, "Nobody holds the lock.\n");
    for command in [&["state", "rollback", "2"][..], &["state", "push", "pulled.json", "--force"]] {
        assert!(it.expect(5, command).err.contains("--auto-approve"), "{command:?}");
    }
    let told = &it.expect(0, &["--json", "state", "rollback", "2", "--auto-approve"]).json()[0];
    assert_eq!((&told["operation"], &told["dry_run"], &told["serial"]), (&"rollback".into(), &false.into(), &5.into()));
    assert!(told["set_aside"][0].as_str().unwrap().ends_with("4-before-rollback.json"), "{told}");
    it.expect(5, &["--json", "state", "rollback", "4"]);
}

#[test]
fn a_lock_of_a_machine_that_is_gone_is_shown_and_broken() {
    let it = small();
    let lock = |renewed: &str| {
        let text = format!(
            r#"{{"id":"5f3a09c1","operation":"apply","owner":"ann","host":"elsewhere","machine":null,"boot":"another",
                "pid":7,"created":"2026-01-01T00:00:00Z","renewed":"{renewed}"}}"#
        );
        fs::write(it.path("state/quickstart.lock"), text).unwrap();
    };
    let shown = |words: &str, held: &str| {
        let json = it.start(&["--json", "lock", "show"]);
        let said = it.expect(0, &["lock", "show"]);
        assert!(said.out.contains("mainstay apply by ann on elsewhere (process 7)\n"), "{}", said.out);
        assert!(said.out.contains(words), "{}", said.out);
        assert_eq!(Said::of(&json.wait_with_output().unwrap()).json()[0]["held"], held);
        it.expect(0, &["state", "list"]);
        said.err
    };
    lock(it.shell("date -u +%FT%TZ").out.trim());
    assert_eq!(shown("the process is running on another machine", "elsewhere"), "");
    // Its clock may be slow or ahead, so it is watched.
    lock("2999-01-01T00:00:00Z");
    assert!(shown("not renewed while it was watched", "silent").contains("up to 15 s"));
    let said = it.expect(6, &["state", "rm", "cp1/host"]);
    assert!(said.err.contains("`mainstay lock break 5f3a09c1`"), "{}", said.err);
    let said = it.expect(1, &["lock", "break", "5f3a09c2", "--force"]);
    assert!(said.err.contains("its id is 5f3a09c1"), "{}", said.err);
    assert!(it.expect(5, &["lock", "break", "5f3a09c1"]).err.contains("--force"), "it asks");
    it.expect(0, &["lock", "break", "5f3a09c1", "--force"]);
    assert!(it.expect(1, &["lock", "break", "5f3a09c1", "--force"]).err.contains("no lock exists"));
    it.expect(0, &["state", "rm", "cp1/host"]);
}

#[test]
fn a_rehearsal_and_a_file_alone_have_states_of_their_own() {
    let it = Sandbox::of(QUICKSTART);
    it.edit("fleet: simulated\n", "");
    it.expect(0, &["apply", "--simulate", "--auto-approve"]);
    assert_eq!(it.expect(0, &["state", "list"]).out, "");
    assert_eq!(it.expect(0, &["state", "list", "--simulate"]).out.lines().count(), 141);
    assert_eq!(it.expect(0, &["facts", "--simulate"]).out.lines().count(), 6);
    assert!(it.expect(0, &["state", "--simulate", "history"]).out.contains("current state"));
    fs::remove_file(it.path("cluster.yaml")).unwrap();
    for command in [&["state", "list"][..], &["state", "rm", "w2"], &["lock", "show"]] {
        assert!(it.expect(5, command).err.contains("name the state with `--state FILE`"), "{command:?}");
    }
    let state = "state/quickstart.simulated.json";
    let of = |command: &[&'static str]| it.expect(0, &[command, &["--state", state]].concat()).out;
    assert_eq!(of(&["state", "list", "w2/worker"]), "w2/worker/member\n");
    assert!(of(&["state", "rm", "w2"]).contains("Wrote state serial 3."));
    assert_eq!(of(&["lock", "show"]), "Nobody holds the lock.\n");
    assert!(
        it.expect(5, &["state", "list", "--state", "no.json"]).err.contains("the state file no.json does not exist")
    );
    it.expect(5, &["state", "list", "--state", "no.json", "--simulate"]);
}

#[test]
fn a_state_cut_or_changed_anywhere_is_told_and_comes_back() {
    let it = small();
    let whole = fs::read(it.path(STATE)).unwrap();
    let resources = recorded(&it).resources;
    let step = (whole.len() / 60).max(1);
    let damaged = |at: usize| {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        [whole[..at].to_vec(), flipped]
    };
    for bytes in (0..whole.len()).step_by(step).flat_map(damaged) {
        fs::write(it.path(STATE), &bytes).unwrap();
        let said = it.expect(1, &["state", "list"]);
        assert_eq!(said.out, "");
        assert!(said.err.contains(STATE), "{}", said.err);
    }
    // Every command says so, and none writes anything.
    for bytes in [&b""[..], &whole[..whole.len() / 2], b"\0\0\0\0", b"[]", b"not a state"] {
        fs::write(it.path(STATE), bytes).unwrap();
        let commands: [&[&str]; 10] = [
            &["plan"],
            &["apply", "--auto-approve"],
            &["destroy", "--auto-approve"],
            &["show"],
            &["state", "list"],
            &["state", "pull"],
            &["state", "rm", "cp1"],
            &["state", "mv", "cp1", "cp2"],
            &["state", "history"],
            &["facts"],
        ];
        for command in commands {
            clear(&it.run(command), STATE, "`mainstay state rollback 2`");
        }
        assert_eq!(fs::read(it.path(STATE)).unwrap(), bytes, "nothing was written over it");
        assert_eq!(fs::read_dir(it.path(BACKUPS)).unwrap().count(), 2);
    }
    let said = it.expect(0, &["state", "rollback", "2", "--auto-approve"]);
    assert!(said.out.contains("an unreadable state") && said.err.contains("damaged-replaced-by-3"), "{said:?}");
    assert_eq!(fs::read(it.path(&format!("{BACKUPS}/damaged-replaced-by-3"))).unwrap(), b"not a state");
    assert_eq!(recorded(&it).resources, resources);
    it.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_state_of_a_newer_mainstay_is_left_alone() {
    let it = small();
    let text = it.read(STATE).replace("\"format\": 2,", "\"format\": 7,");
    fs::write(it.path(STATE), &text).unwrap();
    let commands: [&[&str]; 5] = [
        &["plan"],
        &["apply", "--auto-approve"],
        &["state", "list"],
        &["state", "rm", "cp1"],
        &["state", "rollback", "1", "--auto-approve"],
    ];
    for command in commands {
        clear(
            &it.run(command),
            "has format 7; this version of mainstay supports formats up to 2",
            "mainstay --version",
        );
    }
    assert_eq!(it.read(STATE), text);
}

#[test]
fn a_journal_that_is_damaged_or_of_another_state_is_told_and_set_aside() {
    let it = small();
    let journal = "state/quickstart.journal";
    let sum = |rest: &str| mainstay::resource::sha256_hex(rest.as_bytes());
    let line = |rest: &str| format!("{{\"sum\":\"{}\",{rest}\n", sum(rest));
    let foreign = line("\"batch\":0,\"base\":{\"format\":1,\"lineage\":\"other\",\"serial\":2}}");
    let damaged =
        format!("garbage\n{}", line("\"batch\":1,\"entry\":{\"forgotten\":{\"address\":\"cp1/host/swap\"}}}"));
    for (text, fault) in [(foreign, "belongs to serial 2 of lineage other"), (damaged, "line 1: ")] {
        fs::write(it.path(journal), &text).unwrap();
        for command in [&["plan"][..], &["apply", "--auto-approve"], &["state", "rm", "cp1"]] {
            clear(&it.run(command), fault, "mv state/quickstart.journal state/quickstart.journal.damaged");
        }
        let newest = recorded_serial(&it);
        let said = it.expect(0, &["state", "rollback", &newest.to_string(), "--auto-approve"]);
        assert!(said.err.contains("journal-replaced-by-"), "{}", said.err);
        assert!(!it.path(journal).exists());
        it.expect(0, &["plan", "--detailed-exitcode"]);
    }
}

/// The serial in the file, whatever its journal says.
fn recorded_serial(it: &Sandbox) -> u64 {
    mainstay::state::from_bytes(&mainstay::state::Named::new(&STATE), &fs::read(it.path(STATE)).unwrap())
        .unwrap()
        .serial
}

#[test]
fn a_place_that_cannot_be_written_is_told_and_nothing_is_lost() {
    // Root may write anywhere, unless it gives that up.
    const MERE: &str = "as_mere() { if [ \"$(id -u)\" = 0 ]; then setpriv \
                        --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search \
                        \"$@\"; else \"$@\"; fi; };";
    let it = small();
    it.expect(0, &["sim", "set", "cp1/host/sysctl[net.ipv4.ip_forward]=0"]);
    let before = fs::read(it.path(STATE)).unwrap();
    let mode = |name: &str, mode| fs::set_permissions(it.path(name), fs::Permissions::from_mode(mode)).unwrap();
    let run = |command: &str| it.shell(&format!("{MERE} as_mere mainstay {command}"));
    let surgery = ["state rm cp1/host", "state rollback 1 --auto-approve", "state mv cp1 cp9"];

    mode("state", 0o500);
    for command in surgery.iter().chain(&["apply --auto-approve", "destroy --auto-approve"]) {
        clear(&run(command), "state/quickstart.lock: cannot create: permission denied", "ls -la state");
    }
    for command in ["show", "state list", "state history", "state rm cp1 --dry-run"] {
        assert_eq!(run(command).code, 0, "{command}");
    }
    mode("state", 0o700);
    // The file is replaced, not written into, so its own mode does not matter.
    mode(STATE, 0o400);
    assert_eq!(run("state mv cp1 cp9 --dry-run").code, 0);
    mode(STATE, 0o000);
    clear(&run("plan"), "state/quickstart.json: cannot read: Permission denied", "ls -la state");
    clear(&run("state rollback 1 --auto-approve"), "cannot read: Permission denied", "ls -la state");
    mode(STATE, 0o600);
    mode(BACKUPS, 0o000);
    assert_eq!(run("show").code, 0, "who only looks needs no backups");
    clear(&run("state history"), "backups: cannot list: Permission denied", "ls -la state");
    for command in surgery {
        clear(&run(command), "Permission denied", "ls -la state");
    }
    mode(BACKUPS, 0o700);
    assert_eq!(fs::read(it.path(STATE)).unwrap(), before);
    assert_eq!(it.expect(0, &["lock", "show"]).out, "Nobody holds the lock.\n");
    it.expect(0, &["apply", "--auto-approve"]);

    fs::rename(it.path(STATE), it.path("kept.json")).unwrap();
    fs::create_dir(it.path(STATE)).unwrap();
    for command in ["plan", "apply --auto-approve", "state list", "state rollback 1 --auto-approve"] {
        clear(&run(command), "state/quickstart.json: cannot read: it is a directory", "move it away");
    }
}

/// A limit on the size of files stands for a full disk wherever the test runs; a full file system is better, where one
/// can be mounted.
#[test]
fn a_full_disk_fails_in_good_order() {
    let it = small();
    let before = fs::read(it.path(STATE)).unwrap();
    let limited = |command: &str| it.shell(&format!("trap '' XFSZ; ulimit -f 4; exec mainstay {command}"));
    for command in ["state rm cp1/host", "state mv cp1 cp9", "state rollback 1 --auto-approve"] {
        clear(&limited(command), "cannot write: File too large", "free some space (see `df -h state");
        assert_eq!(fs::read(it.path(STATE)).unwrap(), before);
    }
    let left: Vec<_> = fs::read_dir(it.path(BACKUPS)).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    let full = it.shell("mainstay state pull > /dev/full");
    clear(&full, "cannot write the output: No space left on device", "No space left on device");

    let said = it.shell(
        "mkdir full; unshare --map-root-user --mount bash -euc '
           mount -t tmpfs -o size=256k none full
           cp -r cluster.yaml state full/; cd full
           dd if=/dev/zero of=ballast bs=1k 2>/dev/null || true
           mainstay state list >/dev/null || exit 97
           mainstay state rm cp1/host && exit 98
           mainstay apply --auto-approve >/dev/null || true
           rm ballast
           cmp state/quickstart.json ../state/quickstart.json || exit 99
           mainstay plan --detailed-exitcode >/dev/null'",
    );
    if said.err.contains("unshare") && said.err.contains("not permitted") {
        assert!(std::env::var_os("MAINSTAY_LAB").is_none(), "nothing can be mounted here: {}", said.err);
        std::io::stderr().write_all(b"NOT TESTED on a full file system: nothing can be mounted here\n").unwrap();
        return;
    }
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.err.contains("No space left on device") && said.err.contains("free some space"), "{}", said.err);
}
