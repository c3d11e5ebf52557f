//! What can go wrong with state, journal and lock.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::holder::Holder;
use super::model::Version;

/// A failure of the state. `Display` says what is wrong with which file; [`StateError::hint`] says
/// what to run next.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StateError {
    /// The operating system refused.
    #[error("{}: cannot {act}: {reason}", path.display())]
    Io {
        /// What was tried, for example `write`.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why, for machines.
        kind: ErrorKind,
        /// Why, for people.
        reason: String,
    },
    /// The state file is cut short, edited by hand or damaged.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// The state file.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// The newest generation that is kept of it, as far as one looked.
        newest: Option<u64>,
    },
    /// There is no state file any more, but generations of it are kept.
    #[error("{}: is gone, and it had {resources} resources when serial {serial} was written", path.display())]
    Gone {
        /// The state file.
        path: PathBuf,
        /// The newest generation.
        serial: u64,
        /// What it has on record.
        resources: usize,
    },
    /// A newer mainstay wrote the file.
    #[error("{}: has format {found}, and this mainstay knows formats up to {known}", path.display())]
    Newer {
        /// The state file or the journal.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// The state is of another cluster.
    #[error("{}: is the state of cluster `{found}`, not of `{wanted}`", path.display())]
    OtherCluster {
        /// The state file.
        path: PathBuf,
        /// The cluster in the file.
        found: String,
        /// The cluster that was asked for.
        wanted: String,
    },
    /// A line of the journal that had been safely written is damaged.
    #[error("{}: line {line}: {what}", path.display())]
    DamagedJournal {
        /// The journal.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The journal belongs to another state, or to a later one than the state file holds.
    #[error("{}: belongs to {journal}, but the state file is {state}", path.display())]
    ForeignJournal {
        /// The journal.
        path: PathBuf,
        /// Lineage and serial that it continues.
        journal: String,
        /// Lineage and serial of the state file.
        state: String,
    },
    /// Somebody else wrote the state since it was read.
    #[error("{}: was changed by someone else: expected {expected}, found {found}", path.display())]
    Moved {
        /// The state file.
        path: PathBuf,
        /// Lineage and serial that were read.
        expected: String,
        /// Lineage and serial that are there now.
        found: String,
    },
    /// There is no kept generation with this serial.
    #[error("{}: no generation {serial} is kept", path.display())]
    NoGeneration {
        /// The folder of generations.
        path: PathBuf,
        /// The serial that was asked for.
        serial: u64,
    },
    /// A state of another lineage was to be pushed.
    #[error("{}: is {found}; the other one is of lineage {pushed}", path.display())]
    OtherLineage {
        /// The state file.
        path: PathBuf,
        /// What is there.
        found: Version,
        /// The lineage of the other one.
        pushed: String,
    },
    /// An older state was to be pushed.
    #[error("{}: has serial {found}; the other one is older, serial {pushed}", path.display())]
    OlderSerial {
        /// The state file.
        path: PathBuf,
        /// The serial that is there.
        found: u64,
        /// The serial of the other one.
        pushed: u64,
    },
    /// A state with the same serial and other content was to be pushed.
    #[error("{}: has serial {serial}, too, and other content", path.display())]
    SameSerial {
        /// The state file.
        path: PathBuf,
        /// The serial of both.
        serial: u64,
    },
    /// Someone else holds the lock.
    #[error("{}: the state is locked: {holder}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        holder: Box<Holder>,
    },
    /// Someone holds the lock, and the lock file does not tell who.
    #[error("{}: the state is locked, and the lock file cannot be read: {reason}", path.display())]
    LockUnreadable {
        /// The lock file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Our lock was broken, or taken over after we had been silent for too long.
    #[error("{}: the lock {id} is no longer ours: it was broken or taken over", path.display())]
    LockLost {
        /// The lock file.
        path: PathBuf,
        /// Our lock's id.
        id: String,
    },
    /// There is no such lock to break.
    #[error("{}: is not held with id {wanted}: {}", path.display(), holding(found.as_deref()))]
    NotThatLock {
        /// The lock file.
        path: PathBuf,
        /// The id that was asked for.
        wanted: String,
        /// The id that is there, if any.
        found: Option<String>,
    },
    /// A bug of ours: the store was written to outside of begin and finish.
    #[error("{}: written to outside of begin and finish", path.display())]
    NotBegun {
        /// The state file.
        path: PathBuf,
    },
}

fn holding(id: Option<&str>) -> String {
    id.map_or_else(|| "nobody holds it".to_owned(), |id| format!("its id is {id}"))
}

impl StateError {
    pub(super) fn io(act: &'static str, path: &Path, error: &std::io::Error) -> Self {
        Self::Io { act, path: path.to_owned(), kind: error.kind(), reason: error.to_string() }
    }

    /// Whether state or journal are there but cannot be believed, so that only surgery helps.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. } | Self::DamagedJournal { .. } | Self::ForeignJournal { .. } | Self::Gone { .. }
        )
    }

    /// Whether the lock is held by someone else (exit code 6).
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::LockUnreadable { .. })
    }

    /// What to do next; several sentences at most, readable after `hint: `.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { kind, path, .. } => io_hint(*kind, path),
            Self::Damaged { newest: Some(serial), .. } => format!(
                "nothing is lost: `mainstay state rollback {serial}` takes the newest generation, a copy of the file as \
                 it was last written; `mainstay state history` lists all"
            ),
            Self::Damaged { path, .. } => format!(
                "no generation of it is kept in {}: put it back from your own backup of the folder",
                super::paths::Paths::new(path).backups.display()
            ),
            Self::Gone { path, serial, .. } => format!(
                "bring it back with `mainstay state rollback {serial}`; to begin anew without it, move {} away",
                super::paths::Paths::new(path).backups.display()
            ),
            Self::Newer { .. } => "run the mainstay that wrote it, or a newer one (`mainstay --version`)".to_owned(),
            Self::OtherCluster { .. } => {
                "check `name` in cluster.yaml: a cluster keeps its name for life, and each name has a state of its own"
                    .to_owned()
            }
            Self::DamagedJournal { path, .. } | Self::ForeignJournal { path, .. } => format!(
                "to go on without what it says, run `mv {0} {0}.damaged`; the next plan looks at every host anyway",
                path.display()
            ),
            Self::Moved { .. } => "run the same command again: it begins with what is there now".to_owned(),
            Self::NoGeneration { .. } => "run `mainstay state history`".to_owned(),
            Self::OtherLineage { .. } => {
                "two lineages are two clusters; if this one is to be replaced all the same, add --force".to_owned()
            }
            Self::OlderSerial { pushed, .. } => {
                format!("to go back on purpose: `mainstay state rollback {pushed}`, or add --force")
            }
            Self::SameSerial { .. } => "see what is there with `mainstay state pull`; --force replaces it".to_owned(),
            Self::Locked { holder, .. } => format!(
                "wait with `--lock-timeout 10m`, look with `mainstay lock show`, or, if it is certain that nobody \
                 works, run `mainstay lock break {}`",
                holder.id
            ),
            Self::LockUnreadable { path, .. } => {
                format!("if it is certain that nobody works, remove {}", path.display())
            }
            Self::LockLost { .. } => {
                "see who took it with `mainstay lock show`; then run the same command again".to_owned()
            }
            Self::NotThatLock { .. } => "run `mainstay lock show`".to_owned(),
            Self::NotBegun { .. } => return None,
        })
    }
}

/// What to do when the operating system refused.
fn io_hint(kind: ErrorKind, path: &Path) -> String {
    let folder = super::paths::folder_of(path).display();
    let mend = match kind {
        ErrorKind::IsADirectory => {
            let path = path.display();
            return format!(
                "nothing is lost: move the folder {path} away, or name another file with `state.local.path`"
            );
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            format!("`ls -ld {folder}` shows what stands in its way; move it")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            format!("make room (`df -h {folder}`)")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("make it accessible to you (`ls -la {folder}` shows whose it is)")
        }
        _ => "mend the cause".to_owned(),
    };
    format!(
        "nothing is lost: what was done is in the state file and the journal beside it. First {mend}; then run the same \
         command again"
    )
}
