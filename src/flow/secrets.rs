//! Secrets, fetched from where cluster.yaml says that they are.

use std::process::Command;

use super::error::FlowError;
use crate::config::SecretRef;
use crate::resource::Secret;

/// Fetches a secret; `key` names the wish in errors.
pub(super) fn resolve(reference: &SecretRef, key: &str) -> Result<Secret, FlowError> {
    let fail = |reason: String| FlowError::Secret { key: key.to_owned(), reference: reference.to_string(), reason };
    let text = match reference {
        SecretRef::Env(name) => std::env::var(name).map_err(|error| fail(error.to_string()))?,
        SecretRef::File(path) => std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?,
        SecretRef::Command(argv) => {
            let (program, arguments) = argv.split_first().ok_or_else(|| fail("no program".into()))?;
            let output = Command::new(program).args(arguments).output().map_err(|error| fail(error.to_string()))?;
            if !output.status.success() {
                return Err(fail(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())));
            }
            String::from_utf8(output.stdout).map_err(|error| fail(error.to_string()))?
        }
    };
    match text.lines().next().map(str::trim_end) {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(fail("is empty".into())),
    }
}
