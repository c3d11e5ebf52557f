use std::fs;

use super::*;
use crate::kinds::rehearsal::{Rehearsal, stand_in};
use crate::resource::StepAct;

fn service(name: &str) -> Service {
    Service {
        name: name.into(),
        enabled: true,
        active: true,
        on_change: OnChange::Reload,
        releases: Vec::new(),
        group: None,
        listens: Vec::new(),
        reads: Vec::new(),
        node: None,
    }
}

fn seen(state: &str, boot: &str) -> ServiceSeen {
    ServiceSeen { state: state.into(), boot: boot.into(), loaded: Loaded::Current }
}

fn parse(text: &str) -> Result<Observation<ServiceSeen>, ProbeError> {
    service("x").parse(&Output { status: 0, stdout: text.into(), stderr: String::new() })
}

/// A host with a stand-in for systemctl that keeps each property in a file and logs its verbs.
struct Host {
    dir: tempfile::TempDir,
    rehearsal: Rehearsal,
}

impl Host {
    fn new(load: &str, state: &str, boot: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let systemctl = "#!/bin/sh\nD=${0%/*}\nget() { cat $D/$1; }\ncase $1 in\nshow) case $* in *LoadState,*) for p \
                         in LoadState ActiveState SubState UnitFileState; do echo $p=$(get $p); done ;;\n*) get $3 ;; \
                         esac; exit ;;\nesac\necho \"$1\" >>$D/log\ncase $1 in\nstart) if [ -e $D/broken ]; then echo \
                         failed >$D/ActiveState; exit 1; fi; echo active >$D/ActiveState ;;\nstop) echo inactive \
                         >$D/ActiveState ;;\nenable) echo enabled >$D/UnitFileState ;;\ndisable) echo disabled \
                         >$D/UnitFileState ;;\nesac\n";
        let ip = "#!/bin/sh\nD=${0%/*}\necho \"$*\" >>$D/ip.log\n[ \"$4\" != show ] || cat $D/addresses\n";
        let journalctl = "#!/bin/sh\necho 'cannot bind socket'\n";
        for (name, body) in [("systemctl", systemctl), ("ip", ip), ("journalctl", journalctl)] {
            stand_in(dir.path().join(name), body);
        }
        for (name, value) in [
            ("LoadState", load),
            ("ActiveState", state),
            ("SubState", "some"),
            ("UnitFileState", boot),
            ("NeedDaemonReload", "no"),
            ("MainPID", "0"),
            ("addresses", ""),
        ] {
            fs::write(dir.path().join(name), format!("{value}\n")).unwrap();
        }
        let notes = dir.path().join("notes").to_str().unwrap().to_owned();
        let rehearsal = Rehearsal::default().path(dir.path().to_str().unwrap()).with("NOTES", notes);
        Self { dir, rehearsal }
    }

    fn verbs(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default().lines().collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn acts_by_what_is_there() {
    let (reload, restart) = (service("x"), Service { on_change: OnChange::Restart, ..service("x") });
    let off = Service { enabled: false, active: false, ..service("x") };
    let nothing = Service { on_change: OnChange::Nothing, ..service("x") };
    for (wanted, state, boot, verbs) in [
        (&nothing, "active", "disabled", "enable"),
        (&nothing, "inactive", "enabled", "reset-failed start"),
        (&reload, "inactive", "disabled", "enable reset-failed start"),
        (&reload, "failed", "enabled", "reset-failed start"),
        (&reload, "active", "disabled", "enable reload-or-restart"),
        (&reload, "active", "static", "reload-or-restart"),
        (&restart, "active", "enabled", "restart"),
        (&restart, "inactive", "enabled", "reset-failed start"),
        (&off, "active", "enabled", "disable stop"),
        (&off, "failed", "static", ""),
    ] {
        let host = Host::new("loaded", state, boot);
        let before = host.rehearsal.look(wanted).unwrap();
        host.rehearsal.run(wanted, &wanted.apply(Act::React, &before)).unwrap();
        assert_eq!(host.verbs(), verbs, "{state} {boot}");
        let after = host.rehearsal.look(wanted).unwrap();
        assert_eq!(wanted.diff(after.present().unwrap()), [], "{state} {boot}");
    }
}

#[test]
fn destroy_restores_what_was_there() {
    let releases = vec!["10.0.0.100/24".to_owned()];
    let wanted = Service { releases, ..service("x") };
    for (state, boot, verbs) in [
        ("inactive", "disabled", "enable reset-failed start stop reset-failed disable"),
        ("inactive", "enabled", "reset-failed start stop reset-failed"),
        ("active", "disabled", "enable reload-or-restart reload-or-restart disable"),
        ("active", "enabled", "reload-or-restart reload-or-restart"),
    ] {
        let host = Host::new("loaded", state, boot);
        host.rehearsal.live(&wanted);
        assert_eq!(host.verbs(), verbs, "{state} {boot}");
    }
}

#[test]
fn only_the_exact_address_is_released() {
    let wanted = Service { releases: vec!["10.0.0.100/24".to_owned()], ..service("x") };
    let host = Host::new("loaded", "active", "enabled");
    let there = "2: eth0    inet 10.0.0.100/32 scope global eth0\n3: eth1    inet 10.0.0.100/24 scope global eth1\n";
    fs::write(host.dir.path().join("addresses"), there).unwrap();
    let prior = Prior { before: Observation::Absent, kept: std::collections::BTreeMap::default() };
    host.rehearsal.run(&wanted, &wanted.destroy(&prior)).unwrap();
    let log = fs::read_to_string(host.dir.path().join("ip.log")).unwrap();
    assert_eq!(log, "-4 -o addr show to 10.0.0.100/32\naddr del 10.0.0.100/24 dev eth1\n");
    assert!(wanted.restored(&host.rehearsal.look(&wanted).unwrap(), &prior));
    assert!(!wanted.restored(&Observation::Present(wanted.simulate()), &prior));
}

#[test]
fn failures_say_why() {
    for (load, state, text) in [("not-found", "active", "no unit x.service"), ("masked", "inactive", "is masked")] {
        let host = Host::new(load, state, "");
        let failed = host.rehearsal.run(&service("x"), &service("x").apply(Act::Create, &Observation::Absent));
        assert!(failed.unwrap_err().stderr.contains(text), "{text}");
    }
    let host = Host::new("loaded", "inactive", "enabled");
    fs::write(host.dir.path().join("broken"), "").unwrap();
    let steps = service("x").apply(Act::Create, &Observation::Absent);
    for steps in [&steps[..1], &steps[1..]] {
        let failed = host.rehearsal.run(&service("x"), steps).unwrap_err();
        assert!(failed.stderr.contains("x.service is failed") && failed.stderr.contains("cannot bind"), "{failed:?}");
    }
}

#[test]
fn what_counts_as_right() {
    let on = service("x");
    let off = Service { enabled: false, active: false, ..service("x") };
    for (state, boot, on_differs, off_differs) in [
        ("active", "enabled", "", "state,at boot"),
        ("reloading", "static", "", "state"),
        ("inactive", "disabled", "state,at boot", ""),
        ("failed", "masked", "state,at boot", ""),
        ("activating (auto-restart)", "enabled", "state", "state,at boot"),
        ("deactivating", "indirect", "state", "state"),
        ("active", "enabled-runtime", "at boot", "state,at boot"),
    ] {
        let fields = |service: &Service| {
            let changes = service.diff(&seen(state, boot));
            changes.into_iter().map(|change| change.field).collect::<Vec<_>>().join(",")
        };
        assert_eq!((fields(&on).as_str(), fields(&off).as_str()), (on_differs, off_differs), "{state} {boot}");
    }
}

#[test]
fn reads_what_systemctl_prints() {
    let loaded = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n";
    assert_eq!(parse(loaded), Ok(Observation::Present(seen("active", "enabled"))));
    let looping = loaded.replace("=active", "=activating").replace("running", "auto-restart");
    assert_eq!(parse(&looping), Ok(Observation::Present(seen("activating (auto-restart)", "enabled"))));
    let absent = "LoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n";
    assert_eq!(parse(absent), Ok(Observation::Absent));
    let gone = absent.replace("inactive", "active");
    assert_eq!(parse(&gone), Ok(Observation::Present(seen("active", ""))));
}

#[test]
fn garbage_is_an_error() {
    let good = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n";
    for text in ["", "active\n", "LoadState=loaded\n", &good.replace("=active", "="), &format!("{good}{good}")] {
        assert!(parse(text).is_err(), "{text}");
    }
    let down = Output { status: 1, stdout: String::new(), stderr: "Failed to connect to bus: Host is down".into() };
    assert!(service("x").parse(&down).unwrap_err().to_string().contains("Host is down"));
}

#[test]
fn systemd_tells_when_a_service_stopped_and_why() {
    use crate::kinds::rehearsal::{Rehearsal, stand_in};
    let bin = tempfile::tempdir().unwrap();
    let told = |state: &str, at: &str, result: &str| {
        let times = "ActiveEnterTimestamp=Thu 2026-11-19 22:10:05 UTC";
        let said = format!("Result={result}\nActiveState={state}\nInactiveEnterTimestamp={at}\n{times}\n");
        stand_in(bin.path().join("systemctl"), &format!("#!/bin/sh\ncat <<'X'\n{said}X\n"));
        let rehearsal = Rehearsal::default().path(bin.path().to_str().unwrap());
        let seen = Observation::Present(seen(state, "enabled"));
        rehearsal.trace_of(&service("haproxy"), &seen).map(|trace| trace.to_string())
    };
    let then = "Thu 2026-11-19 23:11:00 UTC";
    assert_eq!(told("inactive", then, "success").unwrap(), "stopped 2026-11-19 23:11 UTC");
    assert_eq!(told("failed", then, "signal").unwrap(), "stopped 2026-11-19 23:11 UTC, result signal");
    assert_eq!(told("active", then, "success").unwrap(), "started 2026-11-19 22:10 UTC");
    assert_eq!(told("inactive", "", "success"), None, "it never ran since boot");
}

/// A service with a real process that reads a file when it starts, or with each reload in a new child.
struct Running {
    dir: tempfile::TempDir,
    rehearsal: Rehearsal,
    service: Service,
}

impl Running {
    fn start(name: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let systemctl = r#"#!/bin/sh
D=${0%/*}
get() { cat $D/$1; }
main() {
    setsid $D/program -c 'trap "sleep 100 & " USR2; sleep 100 & while :; do wait; done' >/dev/null 2>&1 </dev/null &
    echo $! >$D/MainPID
    until grep -q . /proc/$!/task/$!/children; do sleep 0.05; done
}
case $1 in
show) case $* in *LoadState,*) for p in LoadState ActiveState SubState UnitFileState MainPID; do echo $p=$(get $p); done ;;
    *) get $3 ;; esac ;;
first) main ;;
reset-failed) ;;
reload-or-restart) [ -e $D/refuses ] || kill -USR2 $(get MainPID) ;;
restart | start)
    kill $(get MainPID) 2>/dev/null
    if [ -e $D/refuses ] && grep -q new $D/file; then echo failed >$D/ActiveState; exit 1; fi
    main
    echo active >$D/ActiveState ;;
kill) kill -- -$(get MainPID) 2>/dev/null ;;
esac
:
"#;
        let journalctl = "#!/bin/sh\ncase $* in *show-cursor*) echo '-- cursor: c' ;;\n*after-cursor=c*)\n\
            if [ -e ${0%/*}/refuses ]; then echo '[ALERT] cannot bind'; echo 'Loading failure!'; fi ;;\nesac\n";
        stand_in(dir.path().join("systemctl"), systemctl);
        stand_in(dir.path().join("journalctl"), journalctl);
        fs::copy("/bin/sh", dir.path().join("program")).unwrap();
        for (name, value) in [
            ("LoadState", "loaded"),
            ("ActiveState", "active"),
            ("SubState", "running"),
            ("UnitFileState", "enabled"),
            ("NeedDaemonReload", "no"),
            ("file", "old"),
        ] {
            fs::write(dir.path().join(name), format!("{value}\n")).unwrap();
        }
        assert!(std::process::Command::new(dir.path().join("systemctl")).arg("first").status().unwrap().success());
        let on_change = match name {
            "containerd" => OnChange::Restart,
            "kubelet" => OnChange::Nothing,
            _ => OnChange::Reload,
        };
        let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let rehearsal = Rehearsal::default().path(&at("")).with("NOTES", at("notes/loaded")).with("FILES", at("file"));
        Self { service: Service { on_change, ..service(name) }, rehearsal, dir }
    }

    fn write(&self, content: &str) {
        // A file that is written within a tenth of a second of the process's start counts as read.
        std::thread::sleep(Duration::from_millis(300));
        fs::write(self.dir.path().join("file"), content).unwrap();
    }

    fn loaded(&self) -> Loaded {
        self.rehearsal.look(&self.service).unwrap().present().unwrap().loaded
    }

    fn main(&self) -> String {
        fs::read_to_string(self.dir.path().join("MainPID")).unwrap()
    }

    fn take_up(&self) -> Result<(), String> {
        self.act(Act::React)
    }

    fn act(&self, act: Act) -> Result<(), String> {
        let seen = self.rehearsal.look(&self.service).unwrap();
        let steps = self.service.apply(act, &seen);
        self.rehearsal.run(&self.service, &steps[..1]).map(drop).map_err(|output| output.stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = std::process::Command::new(self.dir.path().join("systemctl")).arg("kill").status();
    }
}

#[test]
fn a_file_that_is_newer_than_its_process_was_not_read() {
    for name in ["haproxy", "containerd"] {
        let it = Running::start(name);
        assert_eq!(it.loaded(), Loaded::Current, "{name}");
        it.write("new");
        assert_eq!(it.loaded(), Loaded::Stale, "{name}");
        let seen = it.rehearsal.look(&it.service).unwrap();
        let change = &it.service.diff(seen.present().unwrap())[0];
        assert_eq!((change.field.as_str(), change.before.as_str()), ("loaded files", "older than on disk"));
        fs::write(it.dir.path().join("file.mainstay-previous"), "old").unwrap();
        it.take_up().unwrap();
        assert_eq!(it.loaded(), Loaded::Current, "{name}");
        let kept = it.dir.path().join("file.mainstay-previous").exists();
        assert_eq!(kept, name == "containerd", "whether it does well shows only later");
        // The same content again is no other file.
        it.write("new");
        assert_eq!(it.loaded(), Loaded::Current, "{name}");
        it.write("newer");
        assert_eq!(it.loaded(), Loaded::Stale, "{name}");
    }
}

#[test]
fn a_file_that_was_moved_back_was_not_read_however_old_it_is() {
    for name in ["haproxy", "containerd", "keepalived"] {
        let it = Running::start(name);
        let file = it.dir.path().join("file");
        let old = it.dir.path().join("old");
        fs::rename(&file, &old).unwrap();
        it.write("new");
        it.take_up().unwrap();
        fs::rename(&old, &file).unwrap();
        assert_eq!(it.loaded(), Loaded::Stale, "{name}");
    }
}

#[test]
fn a_file_that_cannot_be_loaded_is_put_back_and_the_reason_shown() {
    let it = Running::start("haproxy");
    fs::write(it.dir.path().join("file.mainstay-previous"), "old").unwrap();
    fs::write(it.dir.path().join("refuses"), "").unwrap();
    it.write("new");
    let said = it.take_up().unwrap_err();
    assert!(said.contains("cannot bind") && said.contains("the previous content of"), "{said}");
    assert_eq!(fs::read_to_string(it.dir.path().join("file")).unwrap(), "old");
    let seen = it.rehearsal.look(&it.service).unwrap();
    assert_eq!(seen.present().unwrap().state, "active", "it runs with what was there before");
}

#[test]
fn a_reload_in_the_same_process_needs_a_note() {
    let it = Running::start("keepalived");
    assert_eq!(it.loaded(), Loaded::Current);
    it.write("new");
    assert_eq!(it.loaded(), Loaded::Unknown, "somebody may have reloaded it");
    it.take_up().unwrap();
    assert_eq!(it.loaded(), Loaded::Current);
    it.write("newer");
    assert_eq!(it.loaded(), Loaded::Stale);
}

#[test]
fn a_process_of_a_replaced_program_restarts() {
    for name in ["containerd", "kubelet"] {
        let it = Running::start(name);
        let main = it.main();
        if name == "kubelet" {
            it.take_up().unwrap();
            assert_eq!(it.main(), main, "it runs with what is on disk");
        }
        let at = |name: &str| it.dir.path().join(name);
        fs::copy(at("program"), at("program.new")).unwrap();
        fs::rename(at("program.new"), at("program")).unwrap();
        assert_eq!(it.loaded(), Loaded::Stale, "{name}");
        it.take_up().unwrap();
        assert_eq!(it.loaded(), Loaded::Current, "{name}");
        assert_ne!(it.main(), main, "{name}");
    }
}

#[test]
fn a_service_that_only_has_to_start_at_boot_goes_on() {
    let it = Running::start("containerd");
    let main = it.main();
    fs::write(it.dir.path().join("UnitFileState"), "disabled\n").unwrap();
    it.act(Act::Update).unwrap();
    assert_eq!(it.main(), main);
    it.write("new");
    it.act(Act::Update).unwrap();
    assert_ne!(it.main(), main, "its file has changed, too");
}

#[test]
fn a_file_that_is_again_what_runs_needs_no_reload_and_leaves_nothing_to_put_back() {
    let it = Running::start("haproxy");
    it.write("declared");
    it.take_up().unwrap();
    let main = it.main();
    let previous = it.dir.path().join("file.mainstay-previous");
    fs::write(&previous, "by hand").unwrap();
    it.write("declared");
    it.act(Act::Update).unwrap();
    assert_eq!((it.main(), it.loaded(), previous.exists()), (main, Loaded::Current, false));
}

/// containerd on a node, as `stack` has it, with its file in a place of the test's.
fn containerd(file: &str, role: crate::resource::MemberRole) -> Service {
    let node = Some(Served { name: "n".into(), role });
    Service { on_change: OnChange::Restart, reads: vec![file.to_owned()], node, ..service("containerd") }
}

fn titles(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.title.as_str()).collect()
}

#[test]
fn a_node_that_runs_is_asked_before_and_awaited_after() {
    let wanted = containerd("/f", crate::resource::MemberRole::Worker);
    let steps = |seen: ServiceSeen| wanted.apply(Act::React, &Observation::Present(seen));
    assert_eq!(
        titles(&steps(seen("active", "enabled"))),
        [
            "check that node n is healthy",
            "restart containerd",
            "wait until containerd runs",
            "check that new pods can start",
            "wait until n is Ready again",
            "keep the new configuration",
            "put back the previous configuration",
        ]
    );
    // What does not run is started, and nothing becomes worse.
    let started = ["restart containerd", "wait until containerd runs", "keep the new configuration"];
    let back = "put back the previous configuration";
    assert_eq!(titles(&steps(seen("failed", "enabled"))), [&started[..], &[back]].concat());
    assert_eq!(titles(&service("x").apply(Act::React, &Observation::Absent)), ["reload x", "wait until x runs"]);
}

#[test]
fn the_previous_file_comes_back_and_goes_once_the_new_one_does_well() {
    let host = Host::new("loaded", "active", "enabled");
    let file = host.dir.path().join("config.toml");
    let previous = host.dir.path().join("config.toml.mainstay-previous");
    let wanted = containerd(file.to_str().unwrap(), crate::resource::MemberRole::Worker);
    let steps = wanted.apply(Act::React, &Observation::Present(seen("active", "enabled")));
    let (keep, back) = (&steps[5..6], &steps[6..]);
    let said = |steps: &[Step]| {
        let script = match &steps[0].act {
            StepAct::Run(run) => run.script.render(&Slots::default()).unwrap().to_string(),
            _ => unreachable!(),
        };
        let path = format!("{}:{}", host.dir.path().display(), std::env::var("PATH").unwrap());
        let output = std::process::Command::new("sh").args(["-c", &script]).env("PATH", path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    fs::write(&file, "new").unwrap();
    assert_eq!(said(back), "", "there is none");
    assert_eq!(host.verbs(), "");
    fs::write(&previous, "old").unwrap();
    let text = said(back);
    assert!(text.ends_with("was put back, and containerd.service runs with it again\n"), "{text}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    assert_eq!(host.verbs(), "reset-failed restart is-active");
    fs::write(&previous, "old").unwrap();
    said(keep);
    assert!(!previous.exists());
}

#[test]
fn haproxy_is_not_started_where_selinux_confines_it() {
    let service = |name: &str| {
        let attributes = serde_json::json!({"name": name, "enabled": true, "active": true, "onChange": "reload"});
        crate::kinds::decode("service", &attributes).unwrap()
    };
    let on = |haproxy_confined| crate::resource::HostFacts { haproxy_confined, ..Default::default() };
    assert!(service("haproxy").unfit(&on(true)).unwrap().contains("setsebool -P haproxy_connect_any 1"));
    assert_eq!((service("haproxy").unfit(&on(false)), service("keepalived").unfit(&on(true))), (None, None));
}
