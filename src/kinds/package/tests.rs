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
        (seen("1.31.4-1.1", true, false), "wholly installed", "resolve kubelet,install kubelet"),
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
