//! What a remote script answered, and why an answer could not be understood.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Status and text of one script, or of one part of a framed script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status.
    pub status: i32,
    /// Standard output, as sent; not always UTF-8 on the host, replaced characters here.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Whether the script ended with status 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// What a look answered, as a digest that the host can compute too: SHA-256 of the standard
    /// output followed by `rc=STATUS` and a newline.
    pub fn digest(&self) -> String {
        sha256_hex(format!("{}rc={}\n", self.stdout, self.status).as_bytes())
    }

    /// The last lines of what it said, errors first, for people. A line that comes again counts once, where it is last.
    pub fn tail(&self, lines: usize) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let mut last: Vec<(&str, usize)> = Vec::new();
        for line in text.lines().rev().filter(|line| !line.trim().is_empty()) {
            if let Some((_, times)) = last.iter_mut().find(|(kept, _)| *kept == line) {
                *times += 1;
            } else if last.len() < lines {
                last.push((line, 1));
            }
        }
        let shown = |(line, times): &(&str, usize)| match times {
            1 => (*line).to_owned(),
            times => format!("{line} ({times} times)"),
        };
        last.iter().rev().map(shown).collect::<Vec<_>>().join("\n")
    }
}

/// The first scalar of this name in a YAML document. kubeadm's documents may contain placeholders that YAML does not
/// allow, so they are not parsed.
pub fn yaml_scalar<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.trim_start_matches([' ', '-']).strip_prefix(name)?.strip_prefix(':');
    let value = document.lines().find_map(value)?.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then_some(value)
}

/// At most about `most` characters of a text for people: its begin, how much is left out, and its end. Only for texts
/// whose secrets are masked already: half a secret cannot be found.
pub fn excerpt(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let (head, tail) = (most * 2 / 3, most / 3);
    let at = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    format!(
        "{} [... {} characters left out ...] {}",
        &text[..at(head)],
        length - head - tail,
        &text[at(length - tail)..]
    )
}

/// SHA-256 as lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]).collect()
}

/// Status of a cluster look on a control plane whose API server does not answer.
const SILENT: i32 = 76;

/// A probe failed or its output is unexpected: the resource is neither "absent" nor "present".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ProbeError {
    /// The script ended with a status that its kind does not expect.
    #[error("the probe failed with exit status {status}: {text}")]
    Failed {
        /// Exit status of the probe.
        status: i32,
        /// What it printed last.
        text: String,
    },
    /// The script succeeded, but its output is unexpected.
    #[error("unexpected probe output: {text}")]
    Unexpected {
        /// What was expected and what came.
        text: String,
    },
    /// This host is no control plane: what belongs to the cluster cannot be seen from here.
    #[error("no control plane runs on this host")]
    NotHere,
    /// The host did not answer at all.
    #[error("{text}")]
    Unreachable {
        /// Why, with the address that was tried.
        text: String,
    },
}

impl ProbeError {
    /// Unexpected output.
    pub fn unexpected(text: impl Into<String>) -> Self {
        Self::Unexpected { text: text.into() }
    }

    /// A status that the kind does not expect.
    pub fn failed(output: &Output) -> Self {
        Self::Failed { status: output.status, text: output.tail(3) }
    }

    /// Whether no API server answered, as opposed to unexpected output.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Failed { status: SILENT, .. } | Self::Unreachable { .. })
    }

    /// A status with which the look of a cluster resource ends on a host that cannot tell: 75 where no control
    /// plane runs, 76 where its apiserver does not answer; any other one is a failure.
    pub fn of_cluster(output: &Output) -> Self {
        match output.status {
            75 => Self::NotHere,
            SILENT => Self::Failed { status: SILENT, text: "the API server of this host does not answer".to_owned() },
            _ => Self::failed(output),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_of_cluster_looks_are_told_apart() {
        let of = |status| ProbeError::of_cluster(&Output { status, stderr: "boom".into(), ..Output::default() });
        assert_eq!(of(75), ProbeError::NotHere);
        assert!(of(76).to_string().contains("does not answer"));
        assert!(of(1).to_string().contains("boom"));
    }

    #[test]
    fn an_excerpt_has_both_ends_and_says_what_it_leaves_out() {
        assert_eq!(excerpt("short", 5), "short");
        let text = format!("`begin {}\u{e9} end`", "x".repeat(125_000));
        assert_eq!(excerpt(&text, 30), "`begin xxxxxxxxxxxxx [... 124983 characters left out ...] xxxx\u{e9} end`");
    }

    #[test]
    fn the_tail_prefers_errors_and_skips_blank_lines() {
        let output = Output { status: 1, stdout: "a\nb\n".into(), stderr: "x\n\ny\nz\n".into() };
        assert_eq!(output.tail(2), "y\nz");
        assert_eq!(Output { stderr: " ".into(), ..output }.tail(1), "b");
    }

    #[test]
    fn the_tail_says_once_what_came_often() {
        let stderr = "cause\n".to_owned() + &"waiting\nstill waiting\n".repeat(10) + "gave up\n";
        let output = Output { status: 1, stdout: String::new(), stderr };
        assert_eq!(output.tail(4), "cause\nwaiting (10 times)\nstill waiting (10 times)\ngave up");
        assert_eq!(output.tail(1), "gave up");
    }
}
