//! Resolves references to secrets.

use std::env::VarError;
use std::process::Command;

use super::error::FlowError;
use crate::config::SecretRef;
use crate::input;
use crate::resource::Secret;

/// Resolves a secret; `key` names it in errors.
pub(super) fn resolve(reference: &SecretRef, key: &str) -> Result<Secret, FlowError> {
    let fail = |reason: String| FlowError::Secret { key: key.to_owned(), reference: reference.to_string(), reason };
    let text = match reference {
        SecretRef::Env(name) => std::env::var(name).map_err(|error| {
            fail(match error {
                VarError::NotPresent => "is not set".to_owned(),
                VarError::NotUnicode(_) => "is not UTF-8 text".to_owned(),
            })
        })?,
        SecretRef::File(path) => {
            input::read_text(path, input::SECRET).map_err(|error| fail(format!("cannot be read: {error}")))?
        }
        SecretRef::Command(argv) => {
            let (program, arguments) = argv.split_first().ok_or_else(|| fail("names no program".into()))?;
            let printed = input::run(Command::new(program).args(arguments), input::SECRET);
            let printed = printed.map_err(|error| fail(format!("cannot be run: {error}")))?;
            if !printed.status.success() {
                return Err(fail(format!("failed ({}): {}", printed.status, printed.stderr)));
            }
            String::from_utf8(printed.stdout).map_err(|_| fail("printed text that is not UTF-8".to_owned()))?
        }
    };
    match text.lines().next().map(str::trim_end) {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ if matches!(reference, SecretRef::Command(_)) => Err(fail("printed nothing".to_owned())),
        _ => Err(fail("is empty".to_owned())),
    }
}
