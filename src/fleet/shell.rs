//! The seam between what is asked of a host and how it is reached: one script in, one answer out.

use std::time::Duration;

use super::FleetError;

/// Bytes of one stream that are read from a host at most; more is not an answer.
pub(crate) const ANSWER_LIMIT: usize = 64 << 20;

/// What a script answered, byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Exit status; 128 + number when a signal ended it.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) stdout: Vec<u8>,
    /// Standard error.
    pub(crate) stderr: Vec<u8>,
}

/// A shell on one host, as root where that was asked for.
pub(crate) trait Shell: Send + Sync {
    /// Runs a whole script, which travels on the shell's standard input. A script is never sent
    /// twice: once its sending began, a broken connection is an error.
    fn run(&self, script: &str, timeout: Duration) -> impl Future<Output = Result<Answer, FleetError>> + Send;

    /// Ends the connection, if there is one.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// What sudo said, when it refused to start the shell at all. A script that was begun says so on its standard output
/// before it does anything.
pub(crate) fn sudo_refusal(answer: &Answer) -> Option<String> {
    if answer.status == 0 || !answer.stdout.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(&answer.stderr);
    let said = text.lines().map(str::trim).rfind(|line| line.contains("sudo"))?;
    Some(said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shell_that_never_started_is_a_refusal_of_sudo() {
        let answer = |status, stdout: &str, stderr: &str| Answer {
            status,
            stdout: stdout.as_bytes().to_vec(),
            stderr: stderr.as_bytes().to_vec(),
        };
        for text in [
            "sudo: a password is required",
            "We trust you ...\n\nsudo: a terminal is required to read the password",
            "ops is not in the sudoers file.",
            "/bin/sh: 1: sudo: not found",
        ] {
            assert_eq!(sudo_refusal(&answer(1, "", text)).as_deref(), text.lines().last(), "{text}");
        }
        assert_eq!(sudo_refusal(&answer(1, "x", "sudo: a password is required")), None);
        assert_eq!(sudo_refusal(&answer(0, "", "sudo: unable to resolve host")), None);
        assert_eq!(sudo_refusal(&answer(2, "", "sh: syntax error")), None);
    }
}
