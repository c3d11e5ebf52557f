//! Paths of cluster.yaml: relative to the file, or to the home directory with `~/`.

use std::path::{Path, PathBuf};

/// The base directory of paths in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The directory of cluster.yaml.
    pub base: PathBuf,
    /// The operator's home directory, if there is one.
    pub home: Option<PathBuf>,
}

impl Paths {
    /// The path that the file means; `None` when it begins with `~/` and there is no home.
    pub fn resolve(&self, written: &str) -> Option<PathBuf> {
        match written.strip_prefix("~/") {
            Some(rest) => self.home.as_ref().map(|home| home.join(rest)),
            None => Some(self.base.join(Path::new(written))),
        }
    }
}
