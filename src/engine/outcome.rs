//! How a run ended.

use std::time::Duration;

use super::event::Ending;
use crate::resource::{Action, Address};

/// How a run ended, resource by resource, in plan order.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Every change that touches a host, and every one that could not be planned.
    pub endings: Vec<(Address, Action, Ending)>,
    /// Resources that were only recorded.
    pub adopted: usize,
    /// Records that were dropped.
    pub forgotten: usize,
    /// Whether the user interrupted.
    pub interrupted: bool,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// Whether everything that was planned is done.
    pub fn complete(&self) -> bool {
        !self.interrupted && self.endings.iter().all(|(_, _, ending)| *ending == Ending::Done)
    }

    /// How many resources with this action are done. Replaced ones count as added and destroyed.
    pub fn done(&self, action: Action) -> usize {
        let is =
            |it: Action| it == action || (it == Action::Replace && matches!(action, Action::Create | Action::Destroy));
        self.endings.iter().filter(|(_, it, ending)| is(*it) && *ending == Ending::Done).count()
    }

    /// How many ended in a way that the predicate picks.
    pub fn count(&self, pick: impl Fn(&Ending) -> bool) -> usize {
        self.endings.iter().filter(|(_, _, ending)| pick(ending)).count()
    }
}
