//! Files that are replaced whole, though a link leads to them.

use std::path::{Path, PathBuf};

/// The file that links lead to, though it may not be there yet: a link is not to be replaced by a file.
pub(super) fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many as the system follows; more are a circle.
    for _ in 0..40 {
        let Ok(link) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or_else(|| Path::new("")).join(link);
    }
    path
}
