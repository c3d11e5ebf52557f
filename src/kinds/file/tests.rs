use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::kinds::rehearsal::Rehearsal;
use crate::resource::Shown;

/// An empty directory that goes with the test; the host's notes lie beside it.
struct Place {
    files: std::path::PathBuf,
    whole: tempfile::TempDir,
}

impl Place {
    fn path(&self) -> &Path {
        &self.files
    }
}

/// A place for files, and the owner that files made here get.
fn place() -> (Place, Rehearsal, String) {
    let whole = tempfile::tempdir().unwrap();
    let dir = Place { files: whole.path().join("files"), whole };
    fs::create_dir(dir.path()).unwrap();
    let made = dir.whole.path().join("made");
    let owner = std::process::Command::new("sh").args(["-c", "printf %s \"$(id -un):$(id -gn)\""]).output().unwrap();
    let rehearsal = Rehearsal::default().with("MADE", made.to_str().unwrap());
    (dir, rehearsal, String::from_utf8(owner.stdout).unwrap())
}

fn file(dir: &Path, name: &str, content: impl Into<Content>, owner: &str) -> File {
    File::new(dir.join(name).to_str().unwrap(), content).owner(owner)
}

fn write(path: &Path, bytes: impl AsRef<[u8]>, mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn secret(text: &str) -> Content {
    Content::builder().text("pass ").secret(Secret::new(text)).text("\n").build()
}

fn parse(text: &str) -> Result<Observation<FileSeen>, ProbeError> {
    File::new("/f", "").parse(&Output { status: 0, stdout: text.into(), stderr: String::new() })
}

#[test]
fn a_file_is_made_with_its_directories_and_all_goes_again() {
    let (dir, rehearsal, owner) = place();
    let wanted = file(dir.path(), "a/b c/it's", "one\n\n", &owner).mode("640");
    let (prior, seen) = rehearsal.live(&wanted);
    assert_eq!(prior.before, Observation::Absent);
    assert_eq!(seen, wanted.simulate());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn directories_go_with_the_last_file_and_only_those_that_were_made() {
    let (dir, rehearsal, owner) = place();
    fs::create_dir(dir.path().join("old")).unwrap();
    let [one, two] = ["old/new/one", "old/new/two"].map(|name| file(dir.path(), name, "x", &owner));
    let prior = Prior { before: Observation::Absent, kept: std::collections::BTreeMap::default() };
    for made in [&one, &two] {
        rehearsal.run(made, &made.apply(Act::Create, &Observation::Absent)).unwrap();
    }
    rehearsal.run(&one, &one.destroy(&prior)).unwrap();
    assert!(dir.path().join("old/new/two").exists());
    rehearsal.run(&two, &two.destroy(&prior)).unwrap();
    assert_eq!(fs::read_dir(dir.path().join("old")).unwrap().count(), 0);
    assert!(!dir.whole.path().join("made").exists(), "a note stayed");
}

#[test]
fn what_was_there_comes_back_to_the_last_byte_with_mode_and_owner() {
    for before in ["old\n\n\n", "", "no newline", "quote ' and $(id)\r\n"] {
        let (dir, rehearsal, owner) = place();
        let path = dir.path().join("f");
        write(&path, before, 0o4711);
        rehearsal.live(&file(dir.path(), "f", "new\n", &owner));
        assert_eq!(fs::read(&path).unwrap(), before.as_bytes());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o4711);
    }
}

#[test]
fn what_cannot_be_recorded_is_kept_on_the_host() {
    let large = vec![b'x'; READ_LIMIT + 1];
    for (before, content) in [
        (b"pass old\n".to_vec(), secret("n3w")),
        (b"\xff\xfe\0binary".to_vec(), "text".into()),
        (large, "text".into()),
        (b"pass n3w\n".to_vec(), secret("n3w")),
        (b"auth_pass Zq7m\n".to_vec(), "text".into()),
    ] {
        let (dir, rehearsal, owner) = place();
        let path = dir.path().join("f");
        write(&path, &before, 0o604);
        let wanted = file(dir.path(), "f", content, &owner).mode("0600");
        let (prior, _) = rehearsal.live(&wanted);
        assert_eq!(prior.before.present().unwrap().content, None);
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o604);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn the_kept_file_is_private_and_the_first_one_stays() {
    let (dir, rehearsal, owner) = place();
    let path = dir.path().join("f");
    write(&path, "first", 0o644);
    for text in ["a", "b"] {
        let wanted = file(dir.path(), "f", secret(text), &owner);
        let before = rehearsal.look(&wanted).unwrap();
        rehearsal.run(&wanted, &wanted.apply(Act::Update, &before)).unwrap();
    }
    let kept = dir.path().join("f.mainstay-prior");
    assert_eq!(fs::read(&kept).unwrap(), b"first");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o7777, 0o600);
}

/// As a power cut leaves it, which may come before the copy's content is on the disk.
#[test]
fn a_copy_that_was_cut_off_is_not_trusted() {
    let (dir, rehearsal, owner) = place();
    let bin = dir.whole.path().join("bin");
    fs::create_dir(&bin).unwrap();
    crate::kinds::rehearsal::stand_in(bin.join("cp"), "#!/bin/sh\nfor to; do :; done\n: >\"$to\"\nexit 1\n");
    write(&dir.path().join("f"), "first", 0o644);
    let wanted = file(dir.path(), "f", secret("x"), &owner);
    let before = rehearsal.look(&wanted).unwrap();
    let cut = rehearsal.path(bin.to_str().unwrap());
    cut.run(&wanted, &wanted.apply(Act::Update, &before)).unwrap_err();
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"first");
    fs::remove_file(bin.join("cp")).unwrap();
    let (prior, _) = cut.live(&wanted);
    assert_eq!(prior.before, before);
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"first");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "a copy stayed");
}

#[test]
fn what_somebody_wrote_in_between_goes_once_the_file_is_put_back() {
    let (dir, rehearsal, owner) = place();
    let path = dir.path().join("f");
    write(&path, "first", 0o644);
    let wanted = file(dir.path(), "f", "ours", &owner);
    let before = rehearsal.look(&wanted).unwrap();
    for theirs in ["first", "auth_pass Zq7m\n"] {
        write(&path, theirs, 0o644);
        let seen = rehearsal.look(&wanted).unwrap();
        rehearsal.run(&wanted, &wanted.apply(Act::Update, &seen)).unwrap();
    }
    assert!(dir.path().join("f.mainstay-prior").exists());
    let prior = Prior { before, kept: std::collections::BTreeMap::default() };
    rehearsal.run(&wanted, &wanted.destroy(&prior)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_lost_prior_file_is_an_error_not_a_silent_loss() {
    let (dir, rehearsal, owner) = place();
    let wanted = file(dir.path(), "f", secret("x"), &owner);
    let gone = FileSeen { content: None, masked: None, sha256: "0".repeat(64), mode: "0644".into(), owner };
    let prior = Prior { before: Observation::Present(gone), kept: std::collections::BTreeMap::default() };
    rehearsal.run(&wanted, &wanted.apply(Act::Create, &Observation::Absent)).unwrap();
    let failed = rehearsal.run(&wanted, &wanted.destroy(&prior)).unwrap_err();
    assert!(failed.stderr.contains("cannot be restored"), "{failed:?}");
    assert!(dir.path().join("f").exists());
}

#[test]
fn a_refused_content_changes_nothing() {
    let (dir, rehearsal, owner) = place();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    write(
        &bin.join("haproxy"),
        "#!/bin/sh\n[ \"$1 $2\" = '-c -f' ] && grep -q good \"$3\" || { echo why >&2; exit 1; }\n",
        0o755,
    );
    write(
        &bin.join("keepalived"),
        "#!/bin/sh\n[ \"$1 $2\" = '-t -f' ] && grep good \"$3\" >/dev/null || echo why >&2\n",
        0o755,
    );
    let rehearsal = rehearsal.path(bin.to_str().unwrap());
    write(&dir.path().join("f"), "old good", 0o644);
    for check in [FileCheck::Haproxy, FileCheck::Keepalived] {
        let wanted = |content: &str| file(dir.path(), "f", content, &owner).checked_by(check);
        let before = rehearsal.look(&wanted("")).unwrap();
        let failed = rehearsal.run(&wanted("bad"), &wanted("bad").apply(Act::Update, &before)).unwrap_err();
        assert!(failed.stderr.contains("why"), "{failed:?}");
        assert_eq!(rehearsal.look(&wanted("")).unwrap(), before);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "a temporary file stayed");
        rehearsal.live(&wanted("new good"));
    }
}

#[test]
fn what_is_no_regular_file_is_an_error_never_absent() {
    let (dir, rehearsal, owner) = place();
    fs::create_dir(dir.path().join("d")).unwrap();
    symlink("nowhere", dir.path().join("l")).unwrap();
    write(&dir.path().join("f"), "", 0o644);
    for name in ["d", "l", "f/below"] {
        let wanted = file(dir.path(), name, "x", &owner);
        assert!(rehearsal.look(&wanted).is_err(), "{name}");
        assert!(rehearsal.run(&wanted, &wanted.apply(Act::Create, &Observation::Absent)).is_err(), "{name}");
    }
    assert!(fs::read_link(dir.path().join("l")).is_ok());
}

#[test]
fn differences_are_told_apart() {
    let wanted = File::new("/f", "b\n").mode("644");
    let seen = wanted.simulate();
    let fields = |seen: &FileSeen, wanted: &File| {
        wanted.diff(seen).into_iter().map(|change| (change.field, change.shown)).collect::<Vec<_>>()
    };
    let content = |shown| vec![("content".to_owned(), shown)];
    assert_eq!(fields(&seen, &wanted), []);
    assert_eq!(fields(&FileSeen { content: Some("a\n".into()), ..seen.clone() }, &wanted), content(Shown::Text));
    let unread = FileSeen { content: None, sha256: "0".repeat(64), ..seen.clone() };
    assert_eq!(fields(&unread, &wanted), content(Shown::Value));
    let other = FileSeen { mode: "0600".into(), owner: "a:b".into(), ..seen };
    assert_eq!(fields(&other, &wanted).into_iter().map(|(field, _)| field).collect::<Vec<_>>(), ["mode", "owner"]);
    let hidden = File::new("/f", secret("x"));
    assert_eq!(fields(&FileSeen { sha256: "0".repeat(64), ..hidden.simulate() }, &hidden), content(Shown::Sensitive));
    assert_eq!(fields(&hidden.simulate(), &hidden), []);
    let drifted = FileSeen { content: Some("set by the simulation".into()), ..hidden.simulate() };
    let changes = hidden.diff(&drifted);
    let theirs = FileSeen::of(Some("a\nauth_pass Zq7m\n".into()), "0".repeat(64), "0644".into(), "root:root".into());
    let shown = wanted.diff(&theirs).remove(0);
    assert_eq!((shown.shown, shown.before), (Shown::Text, format!("a\nauth_pass {}\n", Secret::MASK)));
    assert!(!serde_json::to_string(&theirs).unwrap().contains("Zq7m"), "nor does the state hold it");
    // One that an earlier version looked at.
    let earlier = FileSeen { content: Some("a\nauth_pass Zq7m\n".into()), masked: None, ..theirs.clone() };
    let prior = Prior { before: Observation::Present(earlier), kept: std::collections::BTreeMap::default() };
    assert!(wanted.restored(&Observation::Present(theirs.clone()), &prior));
    assert!(!wanted.restored(&Observation::Present(FileSeen { mode: "0600".into(), ..theirs.clone() }), &prior));
    let only_the_password = File::new("/f", "a\nauth_pass other\n");
    assert_eq!(fields(&theirs, &only_the_password), content(Shown::Sensitive));
    assert_eq!((changes.len(), changes[0].shown, changes[0].after.as_str()), (1, Shown::Sensitive, Secret::MASK));
}

#[test]
fn garbage_is_an_error() {
    let good = "644|0|0|2|regular file|root:root\nbase64 YQo=\n";
    assert!(parse(good).is_ok());
    assert_eq!(parse("absent\n"), Ok(Observation::Absent));
    for text in [
        "",
        "absent",
        "absent\nmore",
        "644|0|0|2|regular file|root:root\n",
        "999|0|0|2|regular file|root:root\nbase64 YQo=\n",
        "644|x|0|2|regular file|root:root\nbase64 YQo=\n",
        "644|0|0|2|regular file|root\nbase64 YQo=\n",
        "644|0|0|2|regular file|root:root\nbase64 YQ\n",
        "644|0|0|2|regular file|root:root\nsha256 12  -\n",
        "644|0|0|2|symbolic link|root:root\n",
        "644|0|0|2|directory|root:root\n",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(File::new("/f", "").parse(&Output { status: 1, stdout: good.into(), stderr: String::new() }).is_err());
}

#[test]
fn owners_without_a_name_are_numbers() {
    let seen = parse("644|1234|0|2|regular file|UNKNOWN:root\nbase64 YQo=\n").unwrap();
    assert_eq!(seen.present().unwrap().owner, "1234:root");
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("$(id >&2)".to_owned()),
        Just("`id`".to_owned()),
        Just("\n".to_owned()),
        Just("\\".to_owned()),
        Just("-".to_owned()),
        Just("%s%n".to_owned()),
        Just("\r\n".to_owned()),
        "[^\0/]{1,6}".prop_map(|text| text),
    ];
    proptest::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn hostile_contents_and_names_arrive_byte_for_byte(
        content in hostile(), name in hostile(), below in any::<bool>(), times in prop_oneof![Just(1), Just(9000)],
    ) {
        prop_assume!(name.len() < 200 && name != "." && name != "..");
        let (dir, rehearsal, owner) = place();
        let content = content.repeat(times);
        let name = if below { format!("-d'ir\n/{name}") } else { name };
        let wanted = file(dir.path(), &name, content.clone(), &owner);
        rehearsal.run(&wanted, &wanted.apply(Act::Create, &Observation::Absent)).unwrap();
        prop_assert_eq!(fs::read(dir.path().join(&name)).unwrap(), content.as_bytes());
        let seen = rehearsal.look(&wanted).unwrap();
        prop_assert_eq!(wanted.diff(seen.present().unwrap()), vec![]);
        if content.len() <= READ_LIMIT {
            prop_assert_eq!(seen.present().unwrap().content.as_deref(), Some(content.as_str()));
        }
        let prior = Prior { before: Observation::Absent, kept: std::collections::BTreeMap::default() };
        rehearsal.run(&wanted, &wanted.destroy(&prior)).unwrap();
        prop_assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_password_that_stands_in_a_file_without_declared_secrets_never_shows() {
    let bare = File::new("/k.conf", "vrrp {\n}\n").checked_by(FileCheck::Keepalived);
    let text = "vrrp {\n\tauth_pass hunter2\n}\n";
    let seen = FileSeen { content: Some(text.into()), sha256: sha256_hex(text.as_bytes()), ..bare.simulate() };
    let fields = bare.diff(&seen);
    assert_eq!(fields[0].before, "vrrp {\n\tauth_pass (sensitive)\n}\n");
    let shown = bare.shown(seen.clone());
    assert_eq!((shown.content.as_deref(), shown.sha256.as_str()), (Some(fields[0].before.as_str()), "(sensitive)"));
    // A change of nothing but the password is told, and no more.
    let other = File::new("/k.conf", text.replace('2', "3")).checked_by(FileCheck::Keepalived);
    assert_eq!(other.diff(&seen), [FieldChange::sensitive("content")]);
    // What is no password is shown as it is.
    assert_eq!(bare.shown(bare.simulate()), bare.simulate());
}

#[test]
fn a_changed_file_tells_its_owner_and_a_lost_one_its_directory() {
    let (dir, rehearsal, owner) = place();
    let wanted = file(dir.path(), "it's", "one\n", &owner);
    write(Path::new(&wanted.path), "two\n", 0o644);
    let trace = rehearsal.trace(&wanted).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(trace.at.is_some_and(|at| at <= now && now - at < 3600), "{trace:?}");
    assert_eq!((trace.what.as_str(), trace.by), ("changed", Some(format!("owner {owner}"))));
    fs::remove_file(&wanted.path).unwrap();
    assert_eq!(rehearsal.trace(&wanted).unwrap().what, "last change of its directory");
    fs::remove_dir(dir.path()).unwrap();
    assert_eq!(rehearsal.trace(&wanted), None);
}

#[test]
fn what_containerd_reads_is_checked_and_what_it_replaces_is_kept_until_it_does_well() {
    use crate::kinds::rehearsal::stand_in;
    let (dir, rehearsal, owner) = place();
    let bin = dir.whole.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let dump = "#!/bin/sh\nif grep -q wrong \"$2\"; then echo 'containerd: failed to load TOML' >&2; exit 1; fi\necho \"$3 $4\"\n";
    stand_in(bin.join("containerd"), dump);
    let rehearsal = rehearsal.path(bin.to_str().unwrap());
    let path = dir.path().join("config.toml");
    let previous = dir.path().join("config.toml.mainstay-previous");
    let put = |content: &str| {
        let wanted = file(dir.path(), "config.toml", content, &owner).checked_by(FileCheck::Containerd);
        let before = rehearsal.look(&wanted).unwrap();
        rehearsal.run(&wanted, &wanted.apply(Act::Update, &before))
    };
    put("first").unwrap();
    assert!(!previous.exists(), "nothing was there");
    assert!(put("wrong").unwrap_err().stderr.contains("failed to load TOML"));
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), previous.exists()), ("first", false));
    put("second").unwrap();
    put("third").unwrap();
    // The last that its reader did well with, not the one in between.
    assert_eq!(fs::read_to_string(&previous).unwrap(), "first");
    let wanted = file(dir.path(), "config.toml", "third", &owner).checked_by(FileCheck::Containerd);
    let prior = Prior { before: Observation::Absent, kept: std::collections::BTreeMap::new() };
    rehearsal.run(&wanted, &wanted.destroy(&prior)).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}
