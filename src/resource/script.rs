//! Remote scripts: a constant body, and values that enter only as quoted assignments.
//!
//! Together with [`super::frame`] this is the only place that puts shell text together. A body is
//! a constant (often a `.sh` file beside its kind); no value is ever spliced into it. The whole is
//! sent on the remote shell's standard input, so nothing of it stands in an argument list.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::secret::Secret;
use super::step::Slots;

/// What every script begins with, so that nothing in the host's environment changes what tools accept or print. Where
/// sshd's variables are, each bash that a script starts reads .bashrc, too.
pub(super) const ENVIRONMENT: &str = "export LC_ALL=C KUBERC=off\n\
    unset SSH_CLIENT SSH2_CLIENT POSIXLY_CORRECT CDPATH QUOTING_STYLE TIME_STYLE BLOCKSIZE BLOCK_SIZE DF_BLOCK_SIZE \
    GREP_OPTIONS TAR_OPTIONS SYSTEMD_COLORS KUBECONFIG KUBECTL_EXTERNAL_DIFF\n";

/// A value of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A plain text.
    Text(String),
    /// A plain text that many scripts have in common.
    Shared(Arc<str>),
    /// A secret, known when the step is made.
    Secret(Secret),
    /// A text that holds placeholders ([`Slots::placeholder`]) for what only the run will know.
    Slotted(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

impl From<Secret> for Value {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

/// Why a script cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// No shell variable can hold a NUL byte.
    #[error("the value of {name} contains a NUL byte, which a shell cannot pass")]
    Nul {
        /// The variable's name.
        name: &'static str,
    },
    /// A step reads a slot that no earlier step filled.
    #[error("slot `{slot}` of {name} was not filled by an earlier step")]
    EmptySlot {
        /// The variable's name.
        name: &'static str,
        /// The slot's name.
        slot: String,
    },
}

/// A constant body and its values. `PartialEq` compares text and values, so steps can be tested.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    body: &'static str,
    values: Vec<(&'static str, Value)>,
    together: Option<Together>,
}

/// What looks of one sort learn with a single program for all of them, where each would start its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Together {
    /// Reads items, one a line, from `$ITEMS`, and leaves what it finds in variables of its own.
    pub(super) body: &'static str,
    /// Its item.
    pub(super) item: String,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Script");
        shown.field("values", &self.values).field("body", &self.body);
        if let Some(together) = &self.together {
            shown.field("together", together);
        }
        shown.finish()
    }
}

impl Script {
    /// A script without values. The body runs under `set -eu`, with standard input empty.
    pub const fn new(body: &'static str) -> Self {
        Self { body, values: Vec::new(), together: None }
    }

    /// Adds a value; the body reads it as `$NAME`. Names are upper-case constants of ours.
    #[must_use]
    pub fn set(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        debug_assert!(name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        self.values.push((name, value.into()));
        self
    }

    /// Where several looks travel in one frame, `body` runs once before them and finds the items of all that name
    /// it, one a line, in `$ITEMS`; words are split at line ends, and nothing is a pattern. It leaves variables. A
    /// look uses them when its item is there, and must answer the same, byte for byte, when it is not.
    #[must_use]
    pub fn together(mut self, body: &'static str, item: impl Into<String>) -> Self {
        self.together = Some(Together { body, item: item.into() });
        self
    }

    /// What it learns together with others.
    pub(super) fn shared(&self) -> Option<&Together> {
        self.together.as_ref()
    }

    /// The constant body.
    pub fn body(&self) -> &'static str {
        self.body
    }

    /// The values, in the order they were set.
    pub fn values(&self) -> &[(&'static str, Value)] {
        &self.values
    }

    /// `NAME='value'` lines, every value quoted, slots filled.
    pub(super) fn assignments(&self, slots: &Slots) -> Result<Zeroizing<String>, ScriptError> {
        let mut text = Zeroizing::new(String::new());
        for (name, value) in &self.values {
            let plain = match value {
                Value::Text(value) => Zeroizing::new(value.clone()),
                Value::Shared(value) => Zeroizing::new(value.to_string()),
                Value::Secret(secret) => Zeroizing::new(secret.expose().to_owned()),
                Value::Slotted(value) => slots.fill(name, value)?,
            };
            if plain.contains('\0') {
                return Err(ScriptError::Nul { name });
            }
            text.push_str(name);
            text.push('=');
            push_quoted(&mut text, &plain);
            text.push('\n');
        }
        Ok(text)
    }

    /// The whole script as it is sent: assignments, then the body as one group that is read in
    /// full before any of it runs and that finds nothing on its standard input.
    pub fn render(&self, slots: &Slots) -> Result<Zeroizing<String>, ScriptError> {
        let mut text = Zeroizing::new(String::from("set -eu\n"));
        text.push_str(ENVIRONMENT);
        text.push_str(&self.assignments(slots)?);
        text.push_str("{\n");
        text.push_str(self.body);
        text.push_str("\n} </dev/null\n");
        Ok(text)
    }
}

/// Appends `text` in single quotes; a quote inside becomes `'\''`.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('\'');
    for (i, piece) in text.split('\'').enumerate() {
        if i > 0 {
            out.push_str("'\\''");
        }
        out.push_str(piece);
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn run(script: &str) -> String {
        let mut shell = Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = shell.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_body_that_reads_standard_input_loses_no_line() {
        let script = Script::new("cat\nprintf '%s' after").render(&Slots::default()).unwrap();
        assert_eq!(run(&script), "after");
    }

    #[test]
    fn nul_is_refused() {
        let script = Script::new(":").set("X", "a\0b");
        assert_eq!(script.render(&Slots::default()), Err(ScriptError::Nul { name: "X" }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn hostile_values_arrive_byte_for_byte(value in "([^\0]|'|\"|`|\\$\\(id\\)|\n|\\\\|-){0,40}") {
            let script = Script::new(r#"printf '%s' "$V""#).set("V", value.clone()).render(&Slots::default()).unwrap();
            prop_assert_eq!(run(&script), value);
        }
    }
}
