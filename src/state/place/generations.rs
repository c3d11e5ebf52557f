//! Earlier versions of a state: their names, their order, and how many are kept.

use std::fmt::{self, Display};
use std::time::SystemTime;

use super::Named;

/// Kept versions, the current one included: enough to recover from a bad day, few enough to need no care.
pub(in crate::state) const KEPT: usize = 10;

/// Between serial and command in the name of a version that was set aside.
const BEFORE: &str = "-before-";

/// An earlier version of the state that is still kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its serial.
    pub serial: u64,
    /// When it was written.
    pub written: SystemTime,
    /// Its size in bytes.
    pub size: u64,
    /// Its name, for messages.
    pub name: Named,
    /// The `mainstay state` command before which it was set aside. Such a version is kept until somebody removes it.
    pub before: Option<String>,
}

impl Generation {
    /// Serial and command of the version with this file name; none for any other file.
    pub(super) fn parse(file: &str) -> Option<(u64, Option<String>)> {
        let stem = file.strip_suffix(".json")?;
        let (serial, before) = match stem.split_once(BEFORE) {
            Some((serial, command)) => (serial, Some(command.to_owned())),
            None => (stem, None),
        };
        Some((serial.parse().ok()?, before))
    }

    /// Its file name.
    pub(super) fn file(&self) -> String {
        match &self.before {
            Some(command) => Aside::Before { serial: self.serial, command }.to_string(),
            None => current(self.serial),
        }
    }

    /// Oldest first; of one serial, the version that was set aside last.
    pub(super) fn order(&self) -> (u64, Option<&str>) {
        (self.serial, self.before.as_deref())
    }
}

/// The file name of the version that is written with a state of this serial.
pub(super) fn current(serial: u64) -> String {
    format!("{serial}.json")
}

/// The versions that a state of this serial pushes out. A version with a later serial, which a kill between the copy
/// and the state leaves behind, is replaced when that serial is written.
pub(super) fn outdated(all: Vec<Generation>, serial: u64) -> Vec<Generation> {
    let mut kept = all;
    kept.retain(|one| one.serial <= serial && one.before.is_none());
    kept.truncate(kept.len().saturating_sub(KEPT));
    kept
}

/// Something that is kept next to the generations until somebody removes it. `Display` is its file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside<'a> {
    /// The state before a `mainstay state` command.
    Before {
        /// Its serial.
        serial: u64,
        /// The command, for example `rm`.
        command: &'a str,
    },
    /// A damaged state that the state with this serial replaced.
    Damaged {
        /// The serial.
        by: u64,
    },
    /// A journal that the state with this serial replaced.
    Journal {
        /// The serial.
        by: u64,
    },
}

impl Display for Aside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before { serial, command } => write!(f, "{serial}{BEFORE}{command}.json"),
            Self::Damaged { by } => write!(f, "damaged-replaced-by-{by}"),
            Self::Journal { by } => write!(f, "journal-replaced-by-{by}"),
        }
    }
}
