//! Errors of state, journal and lock.

use super::holder::Holder;
use super::model::Version;
use super::place::Named;
use crate::hint::Hint;

/// An error of the state. `Display` shows the problem and the file; [`StateError::hint`] shows what to do next.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StateError {
    /// An I/O error.
    #[error("{at}: cannot {act}: {reason}")]
    Io {
        /// What was tried, for example `write`.
        act: &'static str,
        /// The file.
        at: Named,
        /// Why.
        reason: String,
        /// What to do next.
        hint: String,
    },
    /// The state file is truncated, edited by hand or damaged.
    #[error("{at} {what}")]
    Damaged {
        /// The state file.
        at: Named,
        /// What is wrong.
        what: String,
        /// The latest saved version, or where none is kept; none if nobody looked.
        rescue: Option<Result<u64, Named>>,
    },
    /// The state file is missing, but saved versions exist.
    #[error("{at} is missing (serial {serial} had {resources} resources)")]
    Gone {
        /// The state file.
        at: Named,
        /// The generations.
        generations: Named,
        /// The newest generation.
        serial: u64,
        /// Number of its resources.
        resources: usize,
    },
    /// A newer mainstay wrote the file.
    #[error("{at} has format {found}; this version of mainstay supports formats up to {known}")]
    Newer {
        /// The state file or the journal.
        at: Named,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// The state is of another cluster.
    #[error("{at} is the state of cluster `{found}`, not of cluster `{wanted}`")]
    OtherCluster {
        /// The state file.
        at: Named,
        /// The cluster in the file.
        found: String,
        /// The cluster that was asked for.
        wanted: String,
    },
    /// A line of the journal that had been safely written is damaged.
    #[error("{at}: line {line}: {what}")]
    DamagedJournal {
        /// The journal.
        at: Named,
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The journal belongs to another state, or to a later one than the state file holds.
    #[error("{at} belongs to {journal}, but the state file is {state}")]
    ForeignJournal {
        /// The journal.
        at: Named,
        /// Lineage and serial that it continues.
        journal: String,
        /// Lineage and serial of the state file.
        state: String,
    },
    /// Another process wrote the state after it was read.
    #[error("{at} was changed by another process: expected {expected}, found {found}")]
    Moved {
        /// The state file.
        at: Named,
        /// Lineage and serial that were read.
        expected: String,
        /// Lineage and serial that are there now.
        found: String,
    },
    /// There is no saved version with this serial.
    #[error("{at} has no state version with serial {serial}")]
    NoGeneration {
        /// The folder of generations.
        at: Named,
        /// The serial that was asked for.
        serial: u64,
    },
    /// A state of another lineage was to be pushed.
    #[error("{at} is {found}; the pushed state has lineage {pushed}")]
    OtherLineage {
        /// The state file.
        at: Named,
        /// What is there.
        found: Version,
        /// The lineage of the other one.
        pushed: String,
    },
    /// An older state was to be pushed.
    #[error("{at} has serial {found}; the pushed state is older (serial {pushed})")]
    OlderSerial {
        /// The state file.
        at: Named,
        /// The serial that is there.
        found: u64,
        /// The serial of the other one.
        pushed: u64,
    },
    /// A state with the same serial and other content was to be pushed.
    #[error("{at} also has serial {serial}, but different content")]
    SameSerial {
        /// The state file.
        at: Named,
        /// The serial of both.
        serial: u64,
    },
    /// Someone else holds the lock.
    #[error("{at}: the state is locked: {holder}")]
    Locked {
        /// The lock file.
        at: Named,
        /// Who holds it.
        holder: Box<Holder>,
    },
    /// The lock is held, and the lock file does not show by whom.
    #[error("{at}: the state is locked, but the lock file is unreadable (empty or damaged): {reason}")]
    LockUnreadable {
        /// The lock file.
        at: Named,
        /// Why.
        reason: String,
    },
    /// The lock of this run was broken, or taken over after missing renewals.
    #[error("{at}: this run no longer holds lock {id}: it was broken or taken over")]
    LockLost {
        /// The lock file.
        at: Named,
        /// Our lock's id.
        id: String,
    },
    /// There is no such lock to break.
    #[error("{at} is not held with id {wanted}: {}", holding(found.as_deref()))]
    NotThatLock {
        /// The lock file.
        at: Named,
        /// The id that was asked for.
        wanted: String,
        /// The id that is there, if any.
        found: Option<String>,
    },
    /// A bug in mainstay: the store was written outside begin and finish.
    #[error("{at} was written outside begin and finish")]
    NotBegun {
        /// The state file.
        at: Named,
    },
}

fn holding(id: Option<&str>) -> String {
    id.map_or_else(|| "no lock exists".to_owned(), |id| format!("its id is {id}"))
}

impl StateError {
    /// The state with this name is damaged.
    pub(super) fn damaged(at: &Named, what: String) -> Self {
        Self::Damaged { at: at.clone(), what, rescue: None }
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
            Self::Io { hint, .. } => hint.clone().into(),
            Self::Damaged { rescue: Some(Ok(serial)), .. } => {
                Hint::from("nothing is lost: to restore the latest saved version, run ")
                    .run("state rollback", serial)
                    .text("; to list all versions, run ")
                    .run("state history", "")
            }
            Self::Damaged { rescue: Some(Err(generations)), .. } => {
                format!("no earlier version is kept in {generations}: restore the directory from your own backup")
                    .into()
            }
            Self::Gone { generations, serial, .. } => Hint::from("to restore it, run ")
                .run("state rollback", serial)
                .text(format!("; to start over without it, {}", generations.away())),
            Self::Newer { .. } => {
                "use the mainstay version that wrote it, or a newer one (see `mainstay --version`)".into()
            }
            Self::OtherCluster { .. } => {
                "check `name` in cluster.yaml: a cluster cannot be renamed, and each cluster has its own state".into()
            }
            Self::DamagedJournal { at, .. } | Self::ForeignJournal { at, .. } => {
                format!("to continue without it, {}; the next plan reads every host again", at.away()).into()
            }
            Self::Moved { .. } => "run the same command again; it starts from the current state".into(),
            Self::Damaged { rescue: None, .. } | Self::NoGeneration { .. } => {
                Hint::from("to list the versions, run ").run("state history", "")
            }
            Self::OtherLineage { .. } => {
                "different lineages belong to different clusters; to replace this state anyway, add --force".into()
            }
            Self::OlderSerial { pushed, .. } => {
                Hint::from("to roll back, run ").run("state rollback", pushed).text(", or add --force")
            }
            Self::SameSerial { .. } => {
                Hint::from("to see the current state, run ").run("state pull", "").text("; to replace it, add --force")
            }
            Self::Locked { holder, .. } => {
                Hint::from("to wait for it, add `--lock-timeout 10m`; to see the holder, run ")
                    .run("lock show", "")
                    .text("; only if that process is gone, run ")
                    .run("lock break", &holder.id)
            }
            Self::LockUnreadable { at, .. } => format!("if you are sure no other run is active, {}", at.away()).into(),
            Self::LockLost { .. } => Hint::from("another user broke the lock; to see whether it is held again, run ")
                .run("lock show", "")
                .text("; to see what remains, run ")
                .run("plan", ""),
            Self::NotThatLock { .. } => Hint::from("run ").run("lock show", ""),
            Self::NotBegun { .. } => return None,
        })
    }
}

/// The hint for an I/O error; `fix` is an imperative.
pub(super) fn nothing_is_lost(fix: &str) -> String {
    format!(
        "nothing is lost: the state file and the journal next to it have everything that was done. First {fix}; then \
         run the same command again"
    )
}
