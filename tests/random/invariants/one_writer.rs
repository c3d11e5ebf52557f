//! At most one holder of the lock writes.

use std::path::Path;

use mainstay::state::Deed;

/// Follows who holds the lock of one state, by what processes do to the disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct OneWriter {
    holder: Option<usize>,
}

impl OneWriter {
    /// State, journal and backups are written by the process whose lock file is in place, and by nobody else.
    pub(crate) fn saw(&mut self, deed: &Deed) -> Result<(), String> {
        let Deed { process, act, path, .. } = deed;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".lock") {
            match *act {
                "rename" => self.holder = Some(*process),
                "remove" => self.holder = None,
                _ => {}
            }
            return Ok(());
        }
        let folder = path.extension().is_none() || *act == "sync folder" || *act == "make folder";
        if folder || name.starts_with(".lock.") || self.holder == Some(*process) || path == Path::new("") {
            return Ok(());
        }
        let holder = self.holder.map_or("nobody".to_owned(), |it| format!("process {it}"));
        Err(format!("one writer: process {process} did `{act}` to {} while {holder} held the lock", path.display()))
    }

    /// All files are gone.
    pub(crate) fn forget(&mut self, holder: Option<usize>) {
        self.holder = holder;
    }
}
