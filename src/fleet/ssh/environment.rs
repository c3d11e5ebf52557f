//! What the operator's environment contributes to SSH.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::resource::Secret;

/// The environment, read once.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    /// Home directory.
    pub(super) home: Option<PathBuf>,
    /// Name of the operator's user, who logs in when nobody else is named.
    pub(super) user: Option<String>,
    /// Passphrase of encrypted key files.
    pub(super) passphrase: Option<Secret>,
    /// Socket of the agent.
    pub(super) agent: Option<PathBuf>,
}

impl Environment {
    /// The variable that holds the passphrase.
    pub(super) const PASSPHRASE: &'static str = "MAINSTAY_SSH_PASSPHRASE";

    pub(super) fn of_process() -> Self {
        let text = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            home: std::env::home_dir(),
            user: text("USER").or_else(|| text("LOGNAME")).or_else(passwd),
            passphrase: text(Self::PASSPHRASE).map(Secret::new),
            agent: std::env::var_os("SSH_AUTH_SOCK").filter(|value| !value.is_empty()).map(PathBuf::from),
        }
    }

    /// A path with `~` replaced by the home directory.
    pub(super) fn expand(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        }
    }

    /// A file in `~/.ssh`.
    pub(super) fn dot_ssh(&self, name: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(".ssh").join(name))
    }
}

/// The name that the passwd database has for this process, as ssh uses it: CI runners set no `$USER`.
fn passwd() -> Option<String> {
    let output = Command::new("id").arg("-un").stdin(Stdio::null()).output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_without_environment_has_a_user() {
        assert!(super::passwd().is_some_and(|name| !name.contains(char::is_whitespace)));
    }
}
