//! Where a state is kept.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::StateError;
use super::model::Version;

/// One earlier writing of the state that is still kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its serial.
    pub serial: u64,
    /// When it was written.
    pub written: SystemTime,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is.
    pub path: PathBuf,
    /// The surgery before which it was set aside; such a one is kept until somebody removes it.
    pub before: Option<String>,
}

/// Fails when the lock is not ours any more.
pub type Ours<'a> = dyn Fn() -> Result<(), StateError> + 'a;

/// The operations of a state backend: reading, and writing with compare-and-swap. The journal is always on the
/// operator's machine, and no part of this.
pub trait Backend: Send + Sync + Debug {
    /// The place, for messages.
    fn path(&self) -> &Path;

    /// The bytes of the state; none when there is no state yet.
    fn read(&self) -> Result<Option<Vec<u8>>, StateError>;

    /// Replaces the state with `bytes`, which hold `version`, if it is still the `expected` one
    /// (none: if there is none), wholly or not at all, and keeps a copy as a generation. `ours` says
    /// whether the lock still is ours; a place that cannot compare and swap in one act asks it as late
    /// as it can.
    fn write_if(
        &self,
        expected: Option<&Version>,
        version: &Version,
        bytes: &[u8],
        ours: &Ours<'_>,
    ) -> Result<(), StateError>;

    /// Replaces a state that cannot be read, if it still holds these bytes (none: if there is no file).
    fn write_over(
        &self,
        found: Option<&[u8]>,
        version: &Version,
        bytes: &[u8],
        ours: &Ours<'_>,
    ) -> Result<(), StateError>;

    /// Keeps `bytes` under this name beside the generations, until somebody removes it.
    fn set_aside(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, StateError>;

    /// The kept generations, oldest first; the last one is a copy of the state itself.
    fn history(&self) -> Result<Vec<Generation>, StateError>;

    /// The bytes of one of them.
    fn generation(&self, serial: u64) -> Result<Vec<u8>, StateError>;
}
