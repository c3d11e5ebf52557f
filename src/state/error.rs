//! Errors of state, journal and lock.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::holder::Holder;
use super::model::Version;
use crate::hint::Hint;

/// An error of the state. `Display` shows the problem and the file; [`StateError::hint`] shows what to do next.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StateError {
    /// An I/O error.
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
    /// The state file is truncated, edited by hand or damaged.
    #[error("{} {what}", path.display())]
    Damaged {
        /// The state file.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// The latest saved version, if it was determined.
        newest: Option<u64>,
    },
    /// The state file is missing, but saved versions exist.
    #[error("{} is missing (serial {serial} had {resources} resources)", path.display())]
    Gone {
        /// The state file.
        path: PathBuf,
        /// The newest generation.
        serial: u64,
        /// Number of its resources.
        resources: usize,
    },
    /// A newer mainstay wrote the file.
    #[error("{} has format {found}; this version of mainstay supports formats up to {known}", path.display())]
    Newer {
        /// The state file or the journal.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// The state is of another cluster.
    #[error("{} is the state of cluster `{found}`, not of cluster `{wanted}`", path.display())]
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
    #[error("{} belongs to {journal}, but the state file is {state}", path.display())]
    ForeignJournal {
        /// The journal.
        path: PathBuf,
        /// Lineage and serial that it continues.
        journal: String,
        /// Lineage and serial of the state file.
        state: String,
    },
    /// Another process wrote the state after it was read.
    #[error("{} was changed by another process: expected {expected}, found {found}", path.display())]
    Moved {
        /// The state file.
        path: PathBuf,
        /// Lineage and serial that were read.
        expected: String,
        /// Lineage and serial that are there now.
        found: String,
    },
    /// There is no saved version with this serial.
    #[error("{} has no state version with serial {serial}", path.display())]
    NoGeneration {
        /// The folder of generations.
        path: PathBuf,
        /// The serial that was asked for.
        serial: u64,
    },
    /// A state of another lineage was to be pushed.
    #[error("{} is {found}; the pushed state has lineage {pushed}", path.display())]
    OtherLineage {
        /// The state file.
        path: PathBuf,
        /// What is there.
        found: Version,
        /// The lineage of the other one.
        pushed: String,
    },
    /// An older state was to be pushed.
    #[error("{} has serial {found}; the pushed state is older (serial {pushed})", path.display())]
    OlderSerial {
        /// The state file.
        path: PathBuf,
        /// The serial that is there.
        found: u64,
        /// The serial of the other one.
        pushed: u64,
    },
    /// A state with the same serial and other content was to be pushed.
    #[error("{} also has serial {serial}, but different content", path.display())]
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
    /// The lock is held, and the lock file does not show by whom.
    #[error("{}: the state is locked, but the lock file is unreadable (empty or damaged): {reason}", path.display())]
    LockUnreadable {
        /// The lock file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The lock of this run was broken, or taken over after missing renewals.
    #[error("{}: lock {id} was lost: it was broken or taken over by another run", path.display())]
    LockLost {
        /// The lock file.
        path: PathBuf,
        /// Our lock's id.
        id: String,
    },
    /// There is no such lock to break.
    #[error("{} is not held with id {wanted}: {}", path.display(), holding(found.as_deref()))]
    NotThatLock {
        /// The lock file.
        path: PathBuf,
        /// The id that was asked for.
        wanted: String,
        /// The id that is there, if any.
        found: Option<String>,
    },
    /// A bug in mainstay: the store was written outside begin and finish.
    #[error("{} was written outside begin and finish", path.display())]
    NotBegun {
        /// The state file.
        path: PathBuf,
    },
}

fn holding(id: Option<&str>) -> String {
    id.map_or_else(|| "no lock exists".to_owned(), |id| format!("its id is {id}"))
}

impl StateError {
    pub(super) fn io(act: &'static str, path: &Path, error: &std::io::Error) -> Self {
        Self::Io { act, path: path.to_owned(), kind: error.kind(), reason: error.to_string() }
    }

    /// Whether state or journal are damaged, so that only a rollback or push helps.
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

    /// What to do next.
    pub fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::Io { kind, path, .. } => io_hint(*kind, path).into(),
            Self::Damaged { newest: Some(serial), .. } => {
                Hint::from("nothing is lost: to restore the latest saved version, run ")
                    .run("state rollback", serial)
                    .text("; to list all versions, run ")
                    .run("state history", "")
            }
            Self::Damaged { path, .. } => format!(
                "no earlier version is kept in {}: restore the directory from your own backup",
                super::paths::Paths::new(path).backups.display()
            )
            .into(),
            Self::Gone { path, serial, .. } => {
                let backups = super::paths::Paths::new(path).backups;
                Hint::from("to restore it, run ")
                    .run("state rollback", serial)
                    .text(format!("; to start over without it, move {} away", backups.display()))
            }
            Self::Newer { .. } => {
                "use the mainstay version that wrote it, or a newer one (see `mainstay --version`)".into()
            }
            Self::OtherCluster { .. } => {
                "check `name` in cluster.yaml: a cluster cannot be renamed, and each cluster has its own state".into()
            }
            Self::DamagedJournal { path, .. } | Self::ForeignJournal { path, .. } => format!(
                "to continue without it, run `mv {0} {0}.damaged`; the next plan reads every host again",
                path.display()
            )
            .into(),
            Self::Moved { .. } => "run the same command again; it starts from the current state".into(),
            Self::NoGeneration { .. } => Hint::from("to list the versions, run ").run("state history", ""),
            Self::OtherLineage { .. } => {
                "different lineages belong to different clusters; to replace this state anyway, add --force".into()
            }
            Self::OlderSerial { pushed, .. } => {
                Hint::from("to roll back, run ").run("state rollback", pushed).text(", or add --force")
            }
            Self::SameSerial { .. } => {
                Hint::from("to see the current state, run ").run("state pull", "").text("; to replace it, add --force")
            }
            Self::Locked { holder, .. } => Hint::from("wait with `--lock-timeout 10m`, see the holder with ")
                .run("lock show", "")
                .text(", or, if you are sure no other run is active, run ")
                .run("lock break", &holder.id),
            Self::LockUnreadable { path, .. } => {
                format!("if you are sure no other run is active, remove {}", path.display()).into()
            }
            Self::LockLost { .. } => {
                Hint::from("to see who took it, run ").run("lock show", "").text("; then run the same command again")
            }
            Self::NotThatLock { .. } => Hint::from("run ").run("lock show", ""),
            Self::NotBegun { .. } => return None,
        })
    }
}

/// The hint for an I/O error.
fn io_hint(kind: ErrorKind, path: &Path) -> String {
    let folder = super::paths::folder_of(path).display();
    let fix = match kind {
        ErrorKind::IsADirectory => {
            let path = path.display();
            return format!("{path} is a directory: move it away, or set `state.local.path` to a file");
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            format!("move what is in the way (see `ls -ld {folder}`)")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            format!("free some space (see `df -h {folder}`)")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("give yourself access (see `ls -la {folder}`)")
        }
        _ => "fix the cause".to_owned(),
    };
    format!(
        "nothing is lost: the state file and the journal next to it have everything that was done. First {fix}; then \
         run the same command again"
    )
}
