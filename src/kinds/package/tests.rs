use super::*;

fn package(version: Option<&str>, hold: bool) -> Package {
    Package { name: "kubelet".into(), version: version.map(Into::into), hold }
}

fn parse(text: &str) -> Result<Observation<PackageSeen>, ProbeError> {
    package(None, false).parse(&Output { status: 0, stdout: text.into(), stderr: String::new() })
}

fn seen(version: &str, held: bool, complete: bool) -> PackageSeen {
    PackageSeen { version: version.into(), held, complete }
}

#[test]
fn reads_what_dpkg_and_rpm_print() {
    for (text, expected) in [
        ("absent\n", None),
        ("dpkg un |\n", None),
        ("dpkg rc |1.0-1\n", None),
        ("dpkg ii |1.31.4-1.1\n", Some(seen("1.31.4-1.1", false, true))),
        ("dpkg hi |1.31.4-1.1\n", Some(seen("1.31.4-1.1", true, true))),
        ("dpkg it |1.0\n", Some(seen("1.0", false, true))),
        ("dpkg iU |1.0\n", Some(seen("1.0", false, false))),
        ("dpkg iF |1.0\n", Some(seen("1.0", false, false))),
        ("dpkg iHR|\n", Some(seen("", false, false))),
        ("dpkg ii |1.0\nii |1.0\n", Some(seen("1.0", false, true))),
        ("rpm 1.31.4-150500.1.1\n", Some(seen("1.31.4-150500.1.1", false, true))),
        ("rpm 1.31.4-150500.1.1\nhold\n", Some(seen("1.31.4-150500.1.1", true, true))),
    ] {
        assert_eq!(parse(text).unwrap().present(), expected.as_ref(), "{text}");
    }
}

#[test]
fn garbage_is_an_error() {
    for text in [
        "",
        "absent\nmore\n",
        "dpkg\n",
        "dpkg ii 1.0\n",
        "dpkg ii |\n",
        "dpkg xx |1\n",
        "dpkg xn |\n",
        "dpkg i|1\n",
        "rpm\n",
        "rpm \n",
        "yes 1\n",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    assert!(package(None, false).parse(&Output { status: 1, ..Output::default() }).is_err());
}

#[test]
fn versions_are_told_by_their_beginning() {
    for (installed, wanted) in [
        ("1.31.4-1.1", "1.31.4"),
        ("1.31.4", "1.31.4"),
        ("5:1.31.4~rc1", "1.31.4"),
        ("2.6.12-1+deb12u4", "2.6.12-1+deb12u4"),
        ("5:24.0", "5:24.0"),
        ("1.31.4-1.1", "1.31"),
    ] {
        assert!(is_version(installed, wanted), "{installed} {wanted}");
    }
    for (installed, wanted) in [("1.31.40-1.1", "1.31.4"), ("1.3.4", "1.31.4"), ("11.31.4", "1.31.4")] {
        assert!(!is_version(installed, wanted), "{installed} {wanted}");
    }
}

#[test]
fn what_differs_and_what_is_done_about_it() {
    let wanted = package(Some("1.31.4"), true);
    for (found, fields, titles) in [
        (seen("1.31.4-1.1", true, true), "", "hold kubelet"),
        (seen("1.31.4-1.1", false, true), "held", "hold kubelet"),
        (seen("1.31.5-1.1", true, true), "version", "resolve kubelet,install kubelet"),
        (seen("1.31.4-1.1", true, false), "fully installed", "resolve kubelet,install kubelet"),
    ] {
        let changes = wanted.diff(&found).into_iter().map(|change| change.field).collect::<Vec<_>>();
        assert_eq!(changes.join(","), fields);
        let steps = wanted.apply(Act::Update, &Observation::Present(found));
        assert_eq!(steps.into_iter().map(|step| step.title).collect::<Vec<_>>().join(","), titles);
    }
    assert_eq!(wanted.diff(&wanted.simulate()), []);
    assert_eq!(package(None, false).diff(&package(None, false).simulate()), []);
    assert_eq!(wanted.apply(Act::Resume, &Observation::Present(wanted.simulate())).len(), 2);
}

#[test]
fn what_was_there_stays_and_what_came_goes() {
    let wanted = package(Some("1.31.4"), true);
    let kept = [("installed.kubelet", "1.31.4"), ("installed.socat", "1.7"), ("other", "x")];
    let kept: std::collections::BTreeMap<_, _> = kept.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let prior = |before| Prior { before, kept: kept.clone() };
    let free = Observation::Present(seen("1.30.0", false, true));
    let steps = wanted.destroy(&prior(free.clone()));
    assert_eq!(steps.iter().map(|step| step.title.as_str()).collect::<Vec<_>>(), ["unhold kubelet"]);
    assert_eq!(wanted.destroy(&prior(Observation::Present(wanted.simulate()))), []);
    let steps = wanted.destroy(&prior(Observation::Absent));
    let crate::resource::StepAct::Run(run) = &steps[0].act else { panic!() };
    assert_eq!(run.script.values()[0].1, "kubelet socat".into());
    assert!(wanted.restored(&Observation::Absent, &prior(Observation::Absent)));
    assert!(wanted.restored(&free, &prior(Observation::Absent)), "another package may need it");
    assert!(!wanted.restored(&Observation::Present(wanted.simulate()), &prior(free)));
}

/// A dnf host made of stand-ins: `db` lists what is installed, the plugin for locks is missing. Its repository has
/// several versions of kubelet, of which dnf takes the newest that fits, and the first install imports a key.
fn dnf_host() -> (tempfile::TempDir, crate::kinds::rehearsal::Rehearsal) {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for tool in [
        "sh",
        "cat",
        "comm",
        "cut",
        "grep",
        "mkdir",
        "mktemp",
        "mv",
        "rm",
        "rmdir",
        "sed",
        "sha256sum",
        "sort",
        "tail",
        "tr",
    ] {
        let real = std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|path| path.exists());
        symlink(real.unwrap(), bin.join(tool)).unwrap();
    }
    let rpm = "D=${0%/*}/../db\ncase $1 in\n-qa) cat $D ;;\n-qf) [ \"$3\" = \"${D%/bin/../db}/etc\" ] ;;\n\
        -q) for n; do :; done; grep -q -x \"$n\" $D && cat $D.kubelet || {\n\
        echo \"package $n is not installed\"; exit 1; } ;;\n\
        -e) shift 2; for n; do case $n in needed) echo 'needed is needed by (installed) other' >&2; exit 1 ;;\n\
        gpg-pubkey) echo 'error: \"gpg-pubkey\" specifies multiple packages' >&2; exit 1 ;; esac; done\n\
        for n; do grep -v -x \"$n\" $D >$D.new; mv $D.new $D; done ;;\nesac\n";
    let dnf = "D=${0%/*}/../db\necho \"$*\" >>$D.log\ncase $* in\n*versionlock*) ;;\n*' install kubelet-'*)\n\
        for spec; do :; done\nfor version in 1.31.14 1.31.4 1.31.1; do\ncase kubelet-$version-150500.1.1 in $spec)\n\
        echo $version-150500.1.1 >$D.kubelet\nprintf 'kubelet\\nneeded\\nsocat\\ngpg-pubkey\\n' >>$D\nexit ;;\n\
        esac\ndone\nexit 1 ;;\n*) exit 1 ;;\nesac\n";
    for (name, body) in [("rpm", rpm), ("dnf", dnf)] {
        crate::kinds::rehearsal::stand_in(bin.join(name), &format!("#!/bin/sh\n{body}"));
    }
    std::fs::write(dir.path().join("db"), "bash\n").unwrap();
    let notes = dir.path().join("notes");
    let rehearsal = crate::kinds::rehearsal::Rehearsal::default().with("NOTES", notes.to_str().unwrap());
    let rehearsal = rehearsal.only(bin.to_str().unwrap());
    (dir, rehearsal)
}

#[test]
fn on_a_dnf_host_what_came_goes_but_for_what_others_need() {
    let (dir, rehearsal) = dnf_host();
    let db = || std::fs::read_to_string(dir.path().join("db")).unwrap();
    let wanted = package(Some("1.31.4"), false);
    let (prior, _) = rehearsal.live(&wanted);
    assert_eq!(prior.kept.keys().collect::<Vec<_>>(), ["installed.kubelet", "installed.needed", "installed.socat"]);
    assert_eq!(db(), "bash\nneeded\ngpg-pubkey\n", "the key is nobody's package");
    assert_eq!(std::fs::read_to_string(dir.path().join("notes/packages.left")).unwrap(), "needed\n");
}

#[test]
fn a_key_that_an_earlier_version_took_for_a_package_stays() {
    let (dir, rehearsal) = dnf_host();
    std::fs::write(dir.path().join("db"), "bash\nkubelet\ngpg-pubkey\n").unwrap();
    let kept = ["installed.kubelet", "installed.gpg-pubkey"].map(|name| (name.to_owned(), "yes".to_owned())).into();
    let wanted = package(Some("1.31.4"), false);
    std::fs::write(dir.path().join("db.kubelet"), "1.31.4-150500.1.1\n").unwrap();
    rehearsal.run(&wanted, &wanted.destroy(&Prior { before: Observation::Absent, kept })).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("db")).unwrap(), "bash\ngpg-pubkey\n");
}

#[test]
fn what_the_program_writes_itself_goes_with_its_package() {
    let (dir, rehearsal) = dnf_host();
    let written = dir.path().join("etc/iproute2/keepalived.conf");
    std::fs::create_dir_all(written.parent().unwrap()).unwrap();
    std::fs::write(&written, "").unwrap();
    std::fs::write(dir.path().join("db"), "bash\nkeepalived\n").unwrap();
    let wanted = Package { name: "keepalived".into(), version: None, hold: false };
    let steps = wanted.destroy(&Prior { before: Observation::Absent, kept: std::collections::BTreeMap::new() });
    rehearsal.with("WRITES", written.to_str().unwrap()).run(&wanted, &steps).unwrap();
    let left = ["etc/iproute2", "etc"].map(|it| dir.path().join(it).exists());
    assert_eq!(left, [false, true], "a directory of another package stays");
}

#[test]
fn dnf_is_asked_for_the_version_and_not_for_what_begins_alike() {
    for (wanted, comes) in [
        ("1.31.1", "1.31.1-150500.1.1"),
        ("1.31.14", "1.31.14-150500.1.1"),
        ("1.31.1-150500.1.1", "1.31.1-150500.1.1"),
        ("1.31.1-150500", "1.31.1-150500.1.1"),
    ] {
        let (_dir, rehearsal) = dnf_host();
        let (_, seen) = rehearsal.live(&package(Some(wanted), false));
        assert_eq!(seen.version, comes, "{wanted}");
    }
}

#[test]
fn a_failed_install_says_why_and_keeps_the_first_account() {
    let (dir, rehearsal) = dnf_host();
    let wanted = package(Some("9"), false);
    rehearsal.run(&wanted, &wanted.apply(Act::Create, &Observation::Absent)).unwrap_err();
    assert_eq!(std::fs::read_to_string(dir.path().join("notes/packages.before.kubelet")).unwrap(), "bash\n");
}

#[test]
fn the_log_tells_what_removed_a_package_and_who_asked_for_it() {
    use crate::kinds::rehearsal::Rehearsal;
    let logs = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(logs.path().join("apt")).unwrap();
        std::fs::write(logs.path().join(name), text).unwrap();
    };
    let told = |seen: &Observation<PackageSeen>| {
        let rehearsal = Rehearsal::default().with("LOGS", logs.path().to_str().unwrap());
        rehearsal.trace_of(&package(Some("1.31.4"), true), seen).map(|trace| (trace.what, trace.by))
    };
    write("dpkg.log.1", "2026-11-18 09:00:00 install kubelet:amd64 <none> 1.31.4-1.1\n");
    write("dpkg.log", "2026-11-19 08:00:00 startup packages configure\n");
    let gone = Observation::Absent;
    assert_eq!(told(&gone), Some(("installed".into(), None)), "the older log counts, too");
    let removed = "2026-11-19 22:10:05 remove kubelet:amd64 1.31.4-1.1 <none>\n\
                   2026-11-19 22:10:06 status config-files kubelet:amd64 1.31.4-1.1\n\
                   2026-11-19 22:10:06 remove kubelet-extra:amd64 1 <none>\n";
    write("dpkg.log", removed);
    assert_eq!(told(&gone), Some(("removed".into(), None)), "by dpkg itself, apt knows nothing");
    let history = "\nStart-Date: 2026-11-19  22:09:00\nCommandline: apt-get install vim\nEnd-Date: 2026-11-19  \
                   22:09:30\n\nStart-Date: 2026-11-19  22:10:04\nCommandline: apt remove kubelet\nRequested-By: ops \
                   (1000)\nRemove: kubelet:amd64 (1.31.4-1.1)\nEnd-Date: 2026-11-19  22:10:07\n";
    write("apt/history.log", history);
    assert_eq!(told(&gone), Some(("removed".into(), Some("apt remove kubelet, asked for by ops (1000)".into()))));
    let upgraded = removed.replace("remove kubelet:amd64 1.31.4-1.1 <none>", "upgrade kubelet:amd64 1.31.4 1.32.0");
    write("dpkg.log", &upgraded);
    let other = Observation::Present(seen("1.32.0", true, true));
    assert_eq!(told(&other).unwrap().0, "upgraded or downgraded");
    assert_eq!(told(&Observation::Present(seen("1.31.4", false, true))), None, "no log tells of a hold");
    write("dpkg.log", "");
    write("dpkg.log.1", "");
    assert_eq!(told(&gone), None);
}
