//! Options and interrupts of a run.

use tokio::sync::watch;

/// How urgently the user wants the run to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interrupt {
    /// Not at all.
    #[default]
    None,
    /// Start nothing new, let running steps end.
    Graceful,
    /// Stop now; what is running stays recorded as interrupted.
    Now,
}

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Control {
    /// How many hosts may be worked on at once.
    pub parallelism: usize,
    /// Whether the first failure stops the run.
    pub fail_fast: bool,
    /// The interrupt of the user.
    pub interrupt: watch::Receiver<Interrupt>,
}

impl Control {
    /// Hosts worked on at once unless the user says otherwise. One connection each; an operator's
    /// machine carries 64 of them without trouble, and few clusters are larger.
    pub const PARALLELISM: usize = 64;
}
