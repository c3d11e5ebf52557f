//! Frames: many looks, or look + act + look, in one script and so in one round trip.
//!
//! Each part runs in a subshell of its own under `set -eu` with an empty standard input, and is
//! followed on both streams by a marker line that names the part and its status. The marker is
//! random for each script, so nothing that a host prints can be taken for one. The first marker
//! says that the shell began; what comes before it is what a login prints by itself.

use std::collections::BTreeMap;
use std::fmt::Write;

use zeroize::Zeroizing;

use super::output::Output;
use super::script::{ENVIRONMENT, Script, ScriptError, push_quoted};
use super::step::Slots;

/// A look's script and the label under which its answer comes back.
#[derive(Clone, Debug)]
pub struct LookScript {
    /// A word without spaces, unique in the frame.
    pub label: String,
    /// The read-only script.
    pub script: Script,
}

/// Puts framed scripts together.
#[derive(Clone, Debug)]
pub struct Frame {
    mark: String,
}

/// The answer of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framed {
    /// The part's label.
    pub label: String,
    /// What it answered.
    pub output: Output,
}

/// Why an answer could not be taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The answer ends before the last part does.
    #[error("the answer was truncated after {parts} parts: {tail}")]
    Cut {
        /// Parts that arrived whole.
        parts: usize,
        /// What came last.
        tail: String,
    },
}

/// Names the file systems of this machine that have no room for another block or file, one `@@full MOUNTPOINT` a line.
const FULL: &str = "full() { for unit in -k -i; do df -P -l $unit 2>/dev/null | \
    awk 'NR > 1 && $2 > 0 && $4 == 0' | while read -r _ _ _ _ _ where; do \
    [ ! -w \"$where\" ] || printf '@@full %s\\n' \"$where\"; done; done; }\n";

impl Frame {
    /// The label of the first marker, before anything is looked at or done.
    pub const BEGUN: &'static str = "begun";
    /// The label of the look that an act begins with, present only when it stopped the act.
    pub const STALE: &'static str = "stale";
    /// The label of the act itself.
    pub const ACT: &'static str = "act";
    /// The label of the look that an act ends with.
    pub const AFTER: &'static str = "after";

    /// `mark` must be random: at least 16 letters and digits.
    pub fn new(mark: impl Into<String>) -> Self {
        Self { mark: mark.into() }
    }

    /// The marker word.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    fn head(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(ENVIRONMENT));
        text.push_str("MARK=");
        push_quoted(&mut text, &self.mark);
        text.push_str(
            "\n{\nmark() { printf '\\n%s %s %s\\n' \"$MARK\" \"$1\" \"$2\"; \
             printf '\\n%s %s %s\\n' \"$MARK\" \"$1\" \"$2\" >&2; }\n",
        );
        let _ = writeln!(text, "mark {} 0", Self::BEGUN);
        text
    }

    /// All looks of a host as one script. Equal bodies are sent once, as a function; what they learn together comes
    /// first.
    pub fn looks(&self, looks: &[LookScript]) -> Result<Zeroizing<String>, ScriptError> {
        let mut text = self.head();
        push_together(&mut text, looks);
        let mut functions: BTreeMap<&'static str, usize> = BTreeMap::new();
        for look in looks {
            let next = functions.len();
            let body = look.script.body();
            let number = *functions.entry(body).or_insert_with(|| {
                let _ = write!(text, "look{next}() {{\n{body}\n}}\n");
                next
            });
            text.push_str("(\nset -eu\n");
            text.push_str(&look.script.assignments(&Slots::default())?);
            let _ = write!(text, "look{number}\n) </dev/null\nmark {} $?\n", look.label);
        }
        text.push_str("} </dev/null\n");
        Ok(text)
    }

    /// One act on a resource: look again and stop when the answer's digest is not `expect`; act;
    /// look once more. Without `act` it only looks; without `look` it only acts.
    pub fn act(
        &self,
        expect: Option<&str>,
        act: Option<(&Script, &Slots)>,
        look: Option<&Script>,
    ) -> Result<Zeroizing<String>, ScriptError> {
        let mut text = self.head();
        if let Some(look) = look {
            let assignments = look.assignments(&Slots::default())?;
            let _ = write!(text, "look() {{\n(\nset -eu\n{}{}\n) </dev/null\n}}\n", *assignments, look.body());
        }
        if let (Some(expect), Some(_)) = (expect, look) {
            text.push_str("EXPECT=");
            push_quoted(&mut text, expect);
            text.push_str(
                "\nSEEN=$({ look 2>/dev/null; printf 'rc=%s\\n' \"$?\"; } | sha256sum | cut -d' ' -f1)\n\
                 if [ \"$SEEN\" != \"$EXPECT\" ]; then look; mark stale $?; exit 0; fi\n",
            );
        }
        if let Some((script, slots)) = act {
            let assignments = script.assignments(slots)?;
            text.push_str(FULL);
            let _ = write!(text, "(\nset -eu\n{}{}\n) </dev/null\nACTED=$?\n", *assignments, script.body());
            text.push_str("[ $ACTED -eq 0 ] || full >&2\nmark act $ACTED\nif [ $ACTED -ne 0 ]; then exit 0; fi\n");
        }
        if look.is_some() {
            text.push_str("look\nmark after $?\n");
        }
        text.push_str("} </dev/null\n");
        Ok(text)
    }
}

/// What looks learn together, each sort of it once. It fails in silence: a look that finds nothing of its own there
/// asks by itself, and tells what is wrong.
fn push_together(text: &mut String, looks: &[LookScript]) {
    let mut items: BTreeMap<&'static str, String> = BTreeMap::new();
    for together in looks.iter().filter_map(|look| look.script.shared()) {
        let items = items.entry(together.body).or_default();
        items.push_str(&together.item);
        items.push('\n');
    }
    if items.is_empty() {
        return;
    }
    text.push_str("set -f\nIFS='\n'\n");
    for (body, items) in items {
        text.push_str("ITEMS=");
        push_quoted(text, items.trim_end_matches('\n'));
        let _ = write!(text, "\n{{\n{body}\n}} 2>/dev/null\n");
    }
    text.push_str("unset IFS\nset +f\n");
}

/// Takes the answer of a framed script apart. `wanted` is the number of parts when it is known.
pub fn parse_frames(mark: &str, output: &Output, wanted: Option<usize>) -> Result<Vec<Framed>, FrameError> {
    let (parts, rest) = split(mark, &output.stdout);
    let (errors, error_rest) = split(mark, &output.stderr);
    let whole = rest.trim().is_empty() && wanted.is_none_or(|wanted| parts.len() == wanted);
    if !whole || parts.is_empty() || errors.len() != parts.len() {
        let last = Output { status: output.status, stdout: rest.to_owned(), stderr: error_rest.to_owned() };
        return Err(FrameError::Cut { parts: parts.len(), tail: last.tail(3) });
    }
    let framed = parts.into_iter().zip(errors).map(|((label, status, stdout), (_, _, stderr))| Framed {
        label: label.to_owned(),
        output: Output { status, stdout: stdout.to_owned(), stderr: stderr.to_owned() },
    });
    Ok(framed.collect())
}

/// Yields `(label, status, text before the marker)` for each part, and what follows the last one.
fn split<'a>(mark: &str, text: &'a str) -> (Vec<(&'a str, i32, &'a str)>, &'a str) {
    let mut parts = Vec::new();
    let Some((_, mut rest)) = text.split_once(&format!("\n{mark} {} 0\n", Frame::BEGUN)) else { return (parts, text) };
    let marker = format!("\n{mark} ");
    while let Some(at) = rest.find(&marker) {
        let after = &rest[at + marker.len()..];
        let Some((line, next)) = after.split_once('\n') else { break };
        let Some((label, Ok(status))) = line.split_once(' ').map(|(label, status)| (label, status.parse())) else {
            break;
        };
        parts.push((label, status, &rest[..at]));
        rest = next;
    }
    (parts, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    fn feed(shell: &mut Command, script: &str) -> std::process::Output {
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        shell.wait_with_output().unwrap()
    }

    fn run(script: &str) -> Output {
        let output = feed(&mut Command::new("sh"), script);
        Output {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn look(label: &str, body: &'static str) -> LookScript {
        LookScript { label: label.into(), script: Script::new(body).set("V", "it's") }
    }

    #[test]
    fn looks_come_back_apart_with_status_and_both_streams() {
        let frame = Frame::new("m4rk");
        let looks = [
            look("a", "printf '%s' \"$V\""),
            look("b", "echo out; echo err >&2; false; echo never"),
            look("c", "cat; exit 7"),
            look("d", "printf '%s' \"$V\""),
        ];
        let output = run(&frame.looks(&looks).unwrap());
        let parts = parse_frames("m4rk", &output, Some(4)).unwrap();
        let shown: Vec<_> = parts
            .iter()
            .map(|p| (p.label.as_str(), p.output.status, p.output.stdout.as_str(), p.output.stderr.as_str()))
            .collect();
        assert_eq!(shown, [("a", 0, "it's", ""), ("b", 1, "out\n", "err\n"), ("c", 7, "", ""), ("d", 0, "it's", "")]);
    }

    #[test]
    fn what_looks_learn_together_is_learnt_once_and_only_where_it_helps() {
        const ALL: &str = "calls=${calls-}x; seen=; for item in $ITEMS; do seen=\"$seen[$item]\"; done";
        const ONE: &str = "printf '%s %s %s\\n' \"$calls\" \"$seen\" \"$V\"";
        let script = |value: &str| Script::new(ONE).set("V", value).together(ALL, value);
        let looks: Vec<_> = ["a b", "*", "$(id) it's"]
            .iter()
            .zip(["1", "2", "3"])
            .map(|(value, label)| LookScript { label: label.into(), script: script(value) })
            .collect();
        let output = run(&Frame::new("m4rk").looks(&looks).unwrap());
        let parts = parse_frames("m4rk", &output, Some(3)).unwrap();
        let told: Vec<&str> = parts.iter().map(|part| part.output.stdout.as_str()).collect();
        let all = "x [a b][*][$(id) it's]";
        assert_eq!(told, [format!("{all} a b\n"), format!("{all} *\n"), format!("{all} $(id) it's\n")]);
    }

    #[test]
    fn an_act_stops_when_the_host_answers_otherwise_than_the_plan_saw() {
        let frame = Frame::new("m4rk");
        let (look, act) = (Script::new("echo now"), Script::new("echo acted"));
        let slots = Slots::default();
        let acts = |expect: &str| {
            let output = run(&frame.act(Some(expect), Some((&act, &slots)), Some(&look)).unwrap());
            parse_frames("m4rk", &output, None).unwrap()
        };
        let same = Output { status: 0, stdout: "now\n".into(), stderr: String::new() }.digest();
        let labels = |parts: Vec<Framed>| parts.into_iter().map(|part| part.label).collect::<Vec<_>>();
        assert_eq!(labels(acts(&same)), ["act", "after"]);
        assert_eq!(labels(acts("other")), ["stale"]);
    }

    #[test]
    fn a_failed_act_does_not_look_again() {
        let output = run(&Frame::new("m")
            .act(None, Some((&Script::new("exit 3"), &Slots::default())), Some(&Script::new(":")))
            .unwrap());
        let parts = parse_frames("m", &output, None).unwrap();
        assert_eq!((parts.len(), parts[0].output.status), (1, 3));
    }

    #[test]
    fn what_a_login_prints_by_itself_is_no_answer() {
        let mut output = run(&Frame::new("m4rk").looks(&[look("a", "echo x; echo y >&2")]).unwrap());
        output.stdout.insert_str(0, "Welcome to cp1!\n");
        output.stderr.insert_str(0, "stty: not a terminal\n");
        let parts = parse_frames("m4rk", &output, Some(1)).unwrap();
        assert_eq!((parts[0].output.stdout.as_str(), parts[0].output.stderr.as_str()), ("x\n", "y\n"));
    }

    #[test]
    fn no_bash_that_a_script_starts_takes_itself_for_a_login() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".bashrc"), "echo Welcome\n").unwrap();
        let text = Frame::new("m4rk").looks(&[look("a", "bash -c 'echo silent'")]).unwrap();
        let mut shell = Command::new("sh");
        shell.env("HOME", home.path()).env("SSH_CLIENT", "10.0.0.1 50000 22").env("SHLVL", "0");
        let stdout = String::from_utf8(feed(&mut shell, &text).stdout).unwrap();
        assert!(stdout.contains("silent") && !stdout.contains("Welcome"), "{stdout}");
    }

    #[test]
    fn what_the_host_sets_for_its_users_changes_no_tool() {
        let told = look("a", "ls / -d; sh -c 'echo ${POSIXLY_CORRECT-unset} ${KUBECONFIG-unset}'");
        let text = Frame::new("m4rk").looks(&[told]).unwrap();
        let mut shell = Command::new("sh");
        shell.env("POSIXLY_CORRECT", "1").env("KUBECONFIG", "/root/.kube/config");
        let stdout = String::from_utf8(feed(&mut shell, &text).stdout).unwrap();
        assert!(stdout.contains("\n/\nunset unset\n"), "{stdout}");
    }

    #[test]
    fn a_shell_that_began_has_said_so_before_it_acts() {
        let act = Script::new("kill -s KILL $$");
        let text = Frame::new("m4rk").act(None, Some((&act, &Slots::default())), None).unwrap();
        let output = feed(&mut Command::new("sh"), &text);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (None, b"\nm4rk begun 0\n".as_slice()));
    }

    #[test]
    fn a_cut_answer_is_an_error() {
        let frame = Frame::new("m4rk");
        let mut output = run(&frame.looks(&[look("a", "echo x"), look("b", "echo y")]).unwrap());
        output.stdout.truncate(output.stdout.len() - 3);
        assert!(parse_frames("m4rk", &output, Some(2)).is_err());
        assert!(parse_frames("m4rk", &Output::default(), None).is_err());
    }

    #[test]
    fn a_script_cut_anywhere_runs_nothing() {
        let frame = Frame::new("m4rk");
        let text = frame.act(None, Some((&Script::new("echo acted"), &Slots::default())), None).unwrap();
        for end in (0..text.len() - 14).step_by(3) {
            assert!(!run(&text[..end]).stdout.contains("acted"), "cut at {end}");
        }
    }
}
