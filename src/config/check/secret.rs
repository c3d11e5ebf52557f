//! References to secrets.

use super::values::{local_path, one_line};
use crate::config::SecretRef;
use crate::config::faults::{Fault, Faults};
use crate::config::file;
use crate::config::paths::Paths;
use crate::config::quote::quoted;

pub(super) fn check(written: &file::SecretRef, paths: &Paths, at: &str, faults: &mut Faults<'_>) -> Option<SecretRef> {
    if let Some(name) = &written.env {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(allowed) || name.starts_with(|c: char| c.is_ascii_digit()) {
            let message = format!("{} is not the name of an environment variable", quoted(name));
            faults.broken(
                Fault::at(format!("{at}/env"), message)
                    .help("write the name of the variable that holds the secret, without `$`"),
            );
            return None;
        }
        return Some(SecretRef::Env(name.clone()));
    }
    if let Some(path) = &written.file {
        return local_path(path, paths, &format!("{at}/file"), faults).map(SecretRef::File);
    }
    let argv = written.command.as_ref()?;
    let good = argv.iter().enumerate().all(|(number, argument)| {
        number > 0 || one_line("program", argument, &format!("{at}/command/{number}"), faults)
    });
    good.then(|| SecretRef::Command(argv.clone()))
}
