//! The files beside a state file.

use std::path::{Path, PathBuf};

/// `lab.json` has `lab.journal`, `lab.lock` and `lab.json.backups/` beside it.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    /// The state file.
    pub(super) state: PathBuf,
    /// The journal.
    pub(super) journal: PathBuf,
    /// The lock file.
    pub(super) lock: PathBuf,
    /// The folder of kept generations.
    pub(super) backups: PathBuf,
}

impl Paths {
    pub(super) fn new(state: &Path) -> Self {
        let name = state.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".json").unwrap_or(&name);
        let beside = |suffix: &str| state.with_file_name(format!("{stem}.{suffix}"));
        Self {
            journal: beside("journal"),
            lock: beside("lock"),
            backups: state.with_file_name(format!("{name}.backups")),
            state: state.to_owned(),
        }
    }

    /// The folder that all of them are in.
    pub(super) fn folder(&self) -> &Path {
        folder_of(&self.state)
    }
}

/// The folder of a file; `.` for a bare name.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_in_the_name_is_not_an_extension() {
        let paths = Paths::new(Path::new("state/lab.eu.json"));
        assert_eq!(paths.journal, Path::new("state/lab.eu.journal"));
        assert_eq!(paths.backups, Path::new("state/lab.eu.json.backups"));
        assert_eq!(Paths::new(Path::new("lab.eu")).lock, Path::new("lab.eu.lock"));
        assert_eq!(Paths::new(Path::new("lab.json")).folder(), Path::new("."));
    }
}
