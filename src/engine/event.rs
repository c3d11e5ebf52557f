//! Events of a run, for renderers.

use std::time::Duration;

use crate::resource::{Action, Address, HostName};

/// How a resource ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As planned.
    Done,
    /// Its step failed.
    Failed(Failure),
    /// Not tried, because something it needs failed or was unknown.
    Skipped {
        /// The resource that failed.
        because: Address,
    },
    /// Not started: the run was interrupted, or `--fail-fast` stopped it.
    NotStarted,
}

/// Why a resource failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The host on which it failed.
    pub host: HostName,
    /// The failed act: a step's title.
    pub step: String,
    /// What went wrong; may hold several lines.
    pub text: String,
    /// How long the resource had been running.
    pub after: Duration,
}

impl Failure {
    /// The step of a resource that was running when the run had to stop at once.
    /// The step that is named then.
    pub const STOPPED: &'static str = "interrupted";

    /// Whether it did not fail by itself, but was stopped by the user.
    pub fn is_stop(&self) -> bool {
        self.step == Self::STOPPED
    }
}

/// One thing that happened. Renderers may rely on the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The run began.
    RunStarted {
        /// Resources that will be acted on (create, update, replace, destroy).
        total: usize,
    },
    /// A resource was started.
    Started {
        /// Its name.
        address: Address,
        /// What is done with it.
        action: Action,
    },
    /// A step of a resource was started.
    StepStarted {
        /// The resource.
        address: Address,
        /// The step's title.
        step: String,
        /// Where it runs.
        host: HostName,
    },
    /// A condition does not hold yet.
    Waiting {
        /// The resource.
        address: Address,
        /// The condition.
        until: String,
        /// The missing part, from the last check.
        missing: String,
        /// Time left before the run gives up on it.
        left: Duration,
    },
    /// A step failed in a way that is known to pass, and will be tried again.
    Retried {
        /// The resource.
        address: Address,
        /// The step's title.
        step: String,
        /// What went wrong.
        text: String,
        /// Tries so far.
        tries: u32,
    },
    /// A resource ended. Terminal: comes exactly once for each resource that was to be acted on.
    Ended {
        /// Its name.
        address: Address,
        /// What was done with it.
        action: Action,
        /// How it ended.
        ending: Ending,
        /// How long it took; zero when it never started.
        took: Duration,
    },
    /// The user interrupted: nothing new is started, running steps end.
    Interrupted,
    /// The run ended. Terminal.
    RunEnded {
        /// How long it took.
        took: Duration,
    },
}
