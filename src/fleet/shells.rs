//! Probes and changes through a [`Shell`]: one framed script and one round trip each.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::distr::{Alphanumeric, SampleString};

use super::full_disk::name_full_disks;
use super::shell::{Answer, Shell};
use super::{ActOutcome, ActRequest, FleetError, HostReport, Look, LookResult, Trail};
use crate::resource::{
    Address, AnyKind, FACTS, Frame, FrameError, HostFacts, HostName, LookScript, Output, ProbeError, Script,
    ScriptError, Secret, Seen, Slots, Trace, excerpt, parse_frames, sha256_hex,
};

/// How long all looks of a host may take.
const LOOK_TIMEOUT: Duration = Duration::from_mins(2);

/// Characters of a host's answer that an error quotes.
const QUOTED: usize = 1_000;

/// Shorter lines of a secret are too common to be masked on their own.
const TELLING_LINE: usize = 16;

/// One host and the shell by which it is reached.
#[derive(Debug)]
pub(super) struct HostShell<S> {
    host: HostName,
    shell: S,
}

/// One part of an answer; the digest is over the bytes that the host sent, as the host computes it.
struct Part {
    label: String,
    output: Output,
    digest: String,
}

impl<S: Shell> HostShell<S> {
    pub(super) fn new(host: HostName, shell: S) -> Self {
        Self { host, shell }
    }

    /// Base facts and all looks, in one script.
    pub(super) async fn look(&self, looks: &[Look]) -> Result<HostReport, FleetError> {
        let frame = Frame::new(random_mark());
        let mut scripts = vec![LookScript { label: "facts".to_owned(), script: Script::new(FACTS) }];
        for (index, look) in looks.iter().enumerate() {
            scripts.push(LookScript { label: index.to_string(), script: look.resource.probe() });
        }
        let text = frame.looks(&scripts).map_err(|source| self.script_error(source))?;
        let answer = self.shell.run(&text, LOOK_TIMEOUT).await?;
        let mut parts =
            take_apart(&frame, answer, Some(scripts.len())).map_err(|source| self.frame_error(source))?.into_iter();
        let facts = parts.next().map_or_else(Output::default, |part| part.output);
        let facts = HostFacts::parse(&facts).map_err(|source| {
            let source = Redaction::default().probe_error(source);
            FleetError::Facts { host: self.host.clone(), source }
        })?;
        let seen = looks.iter().zip(parts).map(|(look, part)| {
            let resource = look.resource.as_ref();
            (look.address.clone(), understand(resource, part, &Redaction::new(resource, None)))
        });
        Ok(HostReport { facts, seen: seen.collect() })
    }

    /// What the host can tell of how these came to be as they are, in one script. Kinds that can tell nothing are not
    /// asked for, nor is the host when none can.
    pub(super) async fn trace(&self, trails: &[Trail]) -> Result<BTreeMap<Address, Trace>, FleetError> {
        let frame = Frame::new(random_mark());
        let asked: Vec<(&Trail, Script)> =
            trails.iter().filter_map(|trail| Some((trail, trail.resource.trace(&trail.seen)?))).collect();
        if asked.is_empty() {
            return Ok(BTreeMap::new());
        }
        let label = |(index, (_, script)): (usize, &(&Trail, Script))| LookScript {
            label: index.to_string(),
            script: script.clone(),
        };
        let scripts: Vec<LookScript> = asked.iter().enumerate().map(label).collect();
        let text = frame.looks(&scripts).map_err(|source| self.script_error(source))?;
        let answer = self.shell.run(&text, LOOK_TIMEOUT).await?;
        let parts = take_apart(&frame, answer, Some(scripts.len())).map_err(|source| self.frame_error(source))?;
        let told = asked.iter().zip(parts).filter_map(|((trail, _), part)| {
            let redaction = Redaction::new(trail.resource.as_ref(), None);
            Some((trail.address.clone(), Trace::parse(&redaction.output(&part.output))?))
        });
        Ok(told.collect())
    }

    /// One act, between two looks where that is asked for, in one script.
    pub(super) async fn act(&self, request: &ActRequest<'_>) -> Result<ActOutcome, FleetError> {
        let frame = Frame::new(random_mark());
        let probe = (request.expect.is_some() || request.look_after).then(|| request.resource.probe());
        let text =
            frame.act(request.expect, request.act, probe.as_ref()).map_err(|source| self.script_error(source))?;
        let answer = self.shell.run(&text, request.timeout).await?;
        drop(text);
        let redaction = Redaction::new(request.resource, request.act.map(|(_, slots)| slots));
        let cut = |error| {
            let FrameError::Cut { parts, tail } = error;
            self.frame_error(FrameError::Cut { parts, tail: redaction.redact(&tail) })
        };
        let mut outcome = None;
        let (mut output, mut kept) = (Output::default(), BTreeMap::new());
        for part in take_apart(&frame, answer, None).map_err(cut)? {
            match part.label.as_str() {
                Frame::STALE => {
                    let now = understand(request.resource, part, &redaction).map(|seen| seen.observation.clone());
                    return Ok(ActOutcome::Stale { now });
                }
                Frame::ACT => {
                    (output, kept) = take_kept(redaction.output(&part.output));
                    if !output.success() {
                        return Ok(ActOutcome::Ran { output: name_full_disks(output), kept, after: None });
                    }
                }
                _ => outcome = Some(understand(request.resource, part, &redaction)),
            }
        }
        if probe.is_some() && outcome.is_none() {
            return Err(self.frame_error(FrameError::Cut { parts: 1, tail: output.tail(3) }));
        }
        Ok(ActOutcome::Ran { output, kept, after: outcome.filter(|_| request.look_after) })
    }

    /// Ends the connection.
    pub(super) async fn close(&self) {
        self.shell.close().await;
    }

    fn script_error(&self, source: ScriptError) -> FleetError {
        FleetError::Script { host: self.host.clone(), source }
    }

    fn frame_error(&self, FrameError::Cut { parts, tail }: FrameError) -> FleetError {
        let source = FrameError::Cut { parts, tail: excerpt(&tail, QUOTED) };
        FleetError::Frame { host: self.host.clone(), source }
    }
}

/// 24 letters and digits: nothing that a host prints can be taken for it.
fn random_mark() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), 24)
}

fn understand(resource: &dyn AnyKind, part: Part, redaction: &Redaction) -> LookResult {
    let observation = resource.parse(&part.output).map_err(|error| redaction.probe_error(error))?;
    Ok(Seen { observation, digest: part.digest }.into())
}

/// Takes an answer apart. What is not UTF-8 goes through the parser with one character a byte, so
/// that digests are still over what the host sent.
fn take_apart(frame: &Frame, answer: Answer, wanted: Option<usize>) -> Result<Vec<Part>, FrameError> {
    let Answer { status, stdout, stderr } = answer;
    let utf8 = std::str::from_utf8(&stdout).is_ok() && std::str::from_utf8(&stderr).is_ok();
    let text = |bytes: Vec<u8>| match String::from_utf8(bytes) {
        Ok(text) if utf8 => text,
        Ok(text) => text.bytes().map(char::from).collect(),
        Err(error) => error.as_bytes().iter().copied().map(char::from).collect(),
    };
    let output = Output { status, stdout: text(stdout), stderr: text(stderr) };
    let parts = parse_frames(frame.mark(), &output, wanted).map_err(|error| {
        let FrameError::Cut { parts, tail } = error;
        let tail = if utf8 { tail } else { String::from_utf8_lossy(&bytes(&tail)).into_owned() };
        FrameError::Cut { parts, tail }
    })?;
    let part = |label, output: Output| {
        if utf8 {
            return Part { label, digest: output.digest(), output };
        }
        let (mut raw, errors) = (bytes(&output.stdout), bytes(&output.stderr));
        let stdout = String::from_utf8_lossy(&raw).into_owned();
        let stderr = String::from_utf8_lossy(&errors).into_owned();
        raw.extend_from_slice(format!("rc={}\n", output.status).as_bytes());
        Part { label, digest: sha256_hex(&raw), output: Output { status: output.status, stdout, stderr } }
    };
    Ok(parts.into_iter().map(|framed| part(framed.label, framed.output)).collect())
}

/// The bytes behind a text of one character a byte.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().filter_map(|c| u8::try_from(c).ok()).collect()
}

/// Takes `@@keep NAME=VALUE` lines out of the standard output.
fn take_kept(mut output: Output) -> (Output, BTreeMap<String, String>) {
    let mut kept = BTreeMap::new();
    let mut rest = String::with_capacity(output.stdout.len());
    for line in output.stdout.split_inclusive('\n') {
        match line.strip_prefix("@@keep ").and_then(|pair| pair.split_once('=')) {
            Some((name, value)) => {
                kept.insert(name.to_owned(), value.trim_end_matches('\n').to_owned());
            }
            None => rest.push_str(line),
        }
    }
    output.stdout = rest;
    (output, kept)
}

/// The secrets of one script, which are masked in everything that comes back for people.
#[derive(Default)]
struct Redaction {
    /// Longest first, so that no secret is half masked by a part of it.
    texts: Vec<Secret>,
}

impl Redaction {
    fn new(resource: &dyn AnyKind, slots: Option<&Slots>) -> Self {
        let mut texts = resource.secrets();
        texts.extend(slots.into_iter().flat_map(Slots::secrets).cloned());
        let lines: Vec<Secret> = texts
            .iter()
            .filter(|secret| secret.expose().contains('\n'))
            .flat_map(|secret| secret.expose().lines().filter(|line| line.len() >= TELLING_LINE).map(Secret::new))
            .collect();
        texts.extend(lines);
        texts.retain(|secret| !secret.expose().is_empty());
        texts.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self { texts }
    }

    fn redact(&self, text: &str) -> String {
        let hit = |secret: &&Secret| text.contains(secret.expose());
        if !self.texts.iter().any(|secret| hit(&secret)) {
            return text.to_owned();
        }
        self.texts.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), Secret::MASK))
    }

    fn output(&self, output: &Output) -> Output {
        Output { status: output.status, stdout: self.redact(&output.stdout), stderr: self.redact(&output.stderr) }
    }

    /// A text of a host as it may be quoted: without secrets, and bounded.
    fn quoted(&self, text: &str) -> String {
        excerpt(&self.redact(text), QUOTED)
    }

    fn probe_error(&self, error: ProbeError) -> ProbeError {
        match error {
            ProbeError::Failed { status, text } => ProbeError::Failed { status, text: self.quoted(&text) },
            ProbeError::NotHere => ProbeError::NotHere,
            ProbeError::Unexpected { text } => ProbeError::Unexpected { text: self.quoted(&text) },
            ProbeError::Unreachable { text } => ProbeError::Unreachable { text: self.quoted(&text) },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::fleet::local::LocalShell;
    use crate::fleet::{Purpose, Sudo};
    use crate::resource::{Act, FieldChange, Kind, Observation, Prior, Step};

    /// A file as a kind: small, but it looks and acts as the real ones do.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Note {
        path: String,
        text: String,
        #[serde(skip)]
        secret: Option<Secret>,
    }

    impl Kind for Note {
        const NAME: &'static str = "note";
        const PRINCIPAL: &'static str = "text";
        type Observed = String;

        fn key(&self) -> Option<String> {
            Some(self.path.clone())
        }
        fn secrets(&self) -> Vec<Secret> {
            self.secret.clone().into_iter().collect()
        }
        fn probe(&self) -> Script {
            Script::new("[ -e \"$P\" ] || exit 9\ncat -- \"$P\"").set("P", &self.path)
        }
        fn parse(&self, output: &Output) -> Result<Observation<String>, ProbeError> {
            match output.status {
                0 => Ok(Observation::Present(output.stdout.clone())),
                9 => Ok(Observation::Absent),
                _ => Err(ProbeError::failed(output)),
            }
        }
        fn diff(&self, seen: &String) -> Vec<FieldChange> {
            FieldChange::compare("text", seen, &self.text).into_iter().collect()
        }
        fn simulate(&self) -> String {
            self.text.clone()
        }
        fn apply(&self, _: Act, _: &Observation<String>) -> Vec<Step> {
            Vec::new()
        }
        fn destroy(&self, _: &Prior<String>) -> Vec<Step> {
            Vec::new()
        }
    }

    fn note(path: impl Into<String>, text: impl Into<String>) -> Note {
        Note { path: path.into(), text: text.into(), secret: None }
    }

    fn here() -> HostShell<LocalShell> {
        let host = HostName::new("here");
        HostShell::new(host.clone(), LocalShell::new(host, Sudo::Never))
    }

    fn address(key: &str) -> Address {
        Address::new(HostName::new("here"), "test", Note::NAME, Some(key))
    }

    async fn look(note: &Note) -> LookResult {
        let look = Look { address: address("x"), resource: Arc::new(note.clone()) };
        here().look(&[look]).await.unwrap().seen.remove(&address("x")).unwrap()
    }

    async fn act(note: &Note, script: &Script, slots: &Slots, expect: Option<&str>) -> Result<ActOutcome, FleetError> {
        let request = ActRequest {
            address: &address("x"),
            resource: note,
            purpose: Purpose::Apply,
            expect,
            act: Some((script, slots)),
            effect: None,
            completes: true,
            look_after: true,
            timeout: Duration::from_secs(30),
        };
        here().act(&request).await
    }

    fn write(note: &Note) -> Script {
        Script::new("printf '%s' \"$T\" > \"$P\"").set("P", &note.path).set("T", &note.text)
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn hostile_values_of_100_kb_arrive_byte_for_byte(
            seed in "([^\0]|'|\"|`|\\$\\(id\\)|\n|\\\\|-|@@keep A=b\n|\u{e9}){1,60}",
            name in "[^\0/]{1,30}",
            size in 90_000_usize..110_000,
        ) {
            let folder = tempfile::TempDir::new().unwrap();
            let path = folder.path().join(format!("-{name}")).display().to_string();
            let note = note(path, seed.repeat(size / seed.len() + 1));
            let outcome = run(act(&note, &write(&note), &Slots::default(), None)).unwrap();
            let ActOutcome::Ran { output, after: Some(Ok(after)), .. } = outcome else { panic!("{outcome:?}") };
            prop_assert!(output.success());
            prop_assert!(after.observation == Observation::Present(note.text.clone().into()));
            prop_assert!(std::fs::read_to_string(&note.path).unwrap() == note.text);
            prop_assert!(run(look(&note)).unwrap() == after);
        }
    }

    #[tokio::test]
    async fn one_look_of_a_host_tells_facts_present_absent_and_odd() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("there"), "text").unwrap();
        let look = |name: &str| Look { address: address(name), resource: Arc::new(note(path(name), "")) };
        let report = here().look(&[look("there"), look("gone"), look("")]).await.unwrap();
        assert!(report.facts.cpus > 0 && !report.facts.hostname.is_empty());
        let seen = |name: &str| report.seen[&address(name)].as_ref().map(|seen| seen.observation.clone());
        assert_eq!(seen("there").unwrap(), Observation::Present("text".into()));
        assert_eq!(seen("gone").unwrap(), Observation::Absent);
        assert!(matches!(seen(""), Err(ProbeError::Failed { .. })), "a folder is no file");
    }

    #[tokio::test]
    async fn an_act_stops_on_a_host_that_changed_since_the_plan_even_when_it_is_not_utf8() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("f");
        let wanted = note(path.display().to_string(), "new");
        std::fs::write(&path, b"caf\xe9\xff\n").unwrap();
        let seen = look(&wanted).await.unwrap();
        assert_eq!(seen.observation, Observation::Present("caf\u{fffd}\u{fffd}\n".into()));
        std::fs::write(&path, b"caf\xe8\xff\n").unwrap();
        let outcome = act(&wanted, &write(&wanted), &Slots::default(), Some(&seen.digest)).await.unwrap();
        assert!(matches!(outcome, ActOutcome::Stale { now: Ok(_) }), "{outcome:?}");
        assert_eq!(std::fs::read(&path).unwrap(), b"caf\xe8\xff\n");
        let seen = look(&wanted).await.unwrap();
        let outcome = act(&wanted, &write(&wanted), &Slots::default(), Some(&seen.digest)).await.unwrap();
        assert!(matches!(outcome, ActOutcome::Ran { after: Some(Ok(_)), .. }), "{outcome:?}");
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }

    #[tokio::test]
    async fn a_failed_act_tells_its_status_and_is_not_looked_at() {
        let script = Script::new("echo said; echo why >&2; exit 4");
        let outcome = act(&note("/nonexistent", ""), &script, &Slots::default(), None).await.unwrap();
        let output = Output { status: 4, stdout: "said\n".into(), stderr: "why\n".into() };
        assert_eq!(outcome, ActOutcome::Ran { output, kept: BTreeMap::new(), after: None });
    }

    #[tokio::test]
    async fn kept_lines_are_taken_out() {
        let script = Script::new("echo one; echo '@@keep packages=a b=c'; printf 'two @@keep x=y\\n@@keep last=1'");
        let outcome = act(&note("/nonexistent", ""), &script, &Slots::default(), None).await.unwrap();
        let ActOutcome::Ran { output, kept, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(output.stdout, "one\ntwo @@keep x=y\n");
        let kept: Vec<_> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(kept, [("last", "1"), ("packages", "a b=c")]);
    }

    #[tokio::test]
    async fn no_secret_comes_back() {
        let mut slots = Slots::default();
        slots.put("token", Secret::new("abcdef.0123456789"));
        slots.put("part", Secret::new("abcdef"));
        let pem = "-----BEGIN-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END-----";
        let note = Note { secret: Some(Secret::new(pem)), ..note("/nonexistent", "") };
        let script = Script::new(
            "printf '%s\\n' \"$T\" \"$P\" \"@@keep t=$T\"; printf '%s\\n' \"$P\" | sed -n 2p >&2\necho \"$T\" >&2",
        )
        .set("T", crate::resource::Value::Slotted(Slots::placeholder("token")))
        .set("P", Secret::new(pem));
        let outcome = act(&note, &script, &slots, None).await.unwrap();
        let shown = format!("{outcome:?}");
        for secret in ["abcdef", "0123456789", "MIIEvQ", "BEGIN"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert!(shown.contains(Secret::MASK), "{shown}");
        let failing = Script::new("echo \"$T\"; kill -s KILL $$").set("T", Secret::new(pem));
        let error = act(&note, &failing, &slots, None).await.unwrap_err();
        assert!(matches!(error, FleetError::Frame { .. }) && !error.to_string().contains("MIIE"), "{error}");
    }
}
