//! Test support: carries out a kind's looks and steps on this machine, through a real `sh` and the
//! frames that real hosts get.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::resource::{
    Act, Frame, Kind, LookScript, Observation, Output, Prior, ProbeError, Script, Slots, Step, StepAct, Trace,
    parse_frames,
};

/// Writes a program that stands in for one of the host's. A child process writes it: were the file open for writing
/// in this process when another test starts a shell, that shell would have it open, too, and the program would be
/// "busy" for a moment.
pub(super) fn stand_in(path: impl AsRef<Path>, text: &str) {
    let mut child = Command::new("sh");
    child.args(["-c", "cat >\"$0\" && chmod 755 \"$0\""]).arg(path.as_ref()).stdin(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A place to rehearse in: values of scripts that are replaced, for example the root of /proc/sys.
#[derive(Default)]
pub(super) struct Rehearsal {
    replaced: Vec<(&'static str, String)>,
    path: Option<String>,
}

impl Rehearsal {
    /// Replaces the value of every script that sets `name`.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.replaced.push((name, value.into()));
        self
    }

    /// Puts a directory of stand-ins in front of PATH.
    pub(super) fn path(self, directory: &str) -> Self {
        let path = std::env::var("PATH").unwrap();
        self.only(&format!("{directory}:{path}"))
    }

    /// Replaces PATH.
    pub(super) fn only(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    fn here(&self, script: &Script) -> Script {
        let set = |script: Script, (name, value): &(&'static str, String)| {
            let known = script.values().iter().any(|(known, _)| known == name);
            if known { script.set(name, value) } else { script }
        };
        self.replaced.iter().fold(script.clone(), set)
    }

    fn sh(&self, text: &str) -> Output {
        let mut shell = Command::new("sh");
        if let Some(path) = &self.path {
            shell.env("PATH", path);
        }
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let mut stdin = shell.stdin.take().unwrap();
        let text = text.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let output = shell.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        Output {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Looks, as planning does.
    pub(super) fn look<K: Kind>(&self, kind: &K) -> Result<Observation<K::Observed>, ProbeError> {
        let look = LookScript { label: "look".into(), script: self.here(&kind.probe()) };
        let output = self.sh(&Frame::new("rehearsal0mark").looks(&[look]).unwrap());
        kind.parse(&parse_frames("rehearsal0mark", &output, Some(1)).unwrap()[0].output)
    }

    /// Asks how what is there came to be as it is, as `drift` does.
    pub(super) fn trace<K: Kind>(&self, kind: &K) -> Option<Trace> {
        let seen = self.look(kind).unwrap();
        self.trace_of(kind, &seen)
    }

    /// The same for what a look is said to have found.
    pub(super) fn trace_of<K: Kind>(&self, kind: &K, seen: &Observation<K::Observed>) -> Option<Trace> {
        let look = LookScript { label: "trace".into(), script: self.here(&kind.trace(seen)?) };
        let output = self.sh(&Frame::new("rehearsal0mark").looks(&[look]).unwrap());
        Trace::parse(&parse_frames("rehearsal0mark", &output, Some(1)).unwrap()[0].output)
    }

    /// Carries steps out, each one looking before (the answer must be as digested) and after.
    /// Yields what they keep, or what the failed one said.
    pub(super) fn run<K: Kind>(&self, kind: &K, steps: &[Step]) -> Result<BTreeMap<String, String>, Output> {
        let (mut kept, mark) = (BTreeMap::new(), "rehearsal0mark");
        for step in steps {
            let script = match &step.act {
                StepAct::Run(run) => self.here(&run.script),
                StepAct::Wait(wait) => self.here(&wait.script),
                StepAct::Mint { .. } => panic!("no primitive kind mints secrets"),
            };
            let look = self.here(&kind.probe());
            let seen = LookScript { label: "look".into(), script: look.clone() };
            let seen = parse_frames(mark, &self.sh(&Frame::new(mark).looks(&[seen]).unwrap()), Some(1)).unwrap();
            let digest = seen[0].output.digest();
            let act = Frame::new(mark).act(Some(&digest), Some((&script, &Slots::default())), Some(&look)).unwrap();
            let parts = parse_frames(mark, &self.sh(&act), None).unwrap();
            assert_eq!(parts[0].label, Frame::ACT, "the digest is not what the host computes: {parts:?}");
            let output = parts[0].output.clone();
            if !output.success() {
                return Err(output);
            }
            let lines = output.stdout.lines().filter_map(|line| line.strip_prefix("@@keep ")?.split_once('='));
            kept.extend(lines.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Ok(kept)
    }

    /// The whole life: look, apply until all is right, look, destroy, look. Yields what was there
    /// before and what was there in between.
    pub(super) fn live<K: Kind>(&self, kind: &K) -> (Prior<K::Observed>, K::Observed) {
        let before = self.look(kind).unwrap();
        let act = if before.present().is_some() { Act::Update } else { Act::Create };
        let kept = self.run(kind, &kind.apply(act, &before)).unwrap();
        let Observation::Present(after) = self.look(kind).unwrap() else { panic!("nothing there after apply") };
        assert_eq!(kind.diff(&after), []);
        let prior = Prior { before, kept };
        self.run(kind, &kind.destroy(&prior)).unwrap();
        let last = self.look(kind).unwrap();
        assert!(kind.restored(&last, &prior), "{last:?}");
        (prior, after)
    }
}
