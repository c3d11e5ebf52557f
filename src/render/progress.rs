//! Renderers of a run's events: one for terminals, one for logs, one for machines.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::style::plain;
use crate::engine::event::{Ending, Event, Failure};
use crate::resource::{Action, Address};

/// How often a resource that takes long says that it is still running.
pub(super) const STILL: Duration = Duration::from_secs(10);

/// Shows the progress of a run.
pub trait Progress: Send {
    /// Something happened.
    fn event(&mut self, event: &Event);
    /// A second went by; long steps say that they are still running.
    fn tick(&mut self);
    /// Nothing more will come.
    fn end(&mut self);
}

/// A resource that is being worked on.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) action: Action,
    pub(super) began: Instant,
    pub(super) says: String,
    pub(super) told: Duration,
}

/// The running resources, updated from events; shared by the renderers.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub(super) began: Instant,
    pub(super) total: usize,
    pub(super) done: usize,
    pub(super) failed: usize,
    /// How often the user interrupted.
    pub(super) interrupts: usize,
    pub(super) running: BTreeMap<Address, Running>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), total: 0, done: 0, failed: 0, interrupts: 0, running: BTreeMap::new() }
    }

    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::RunStarted { total } => self.total = *total,
            Event::Started { address, action } => {
                let now = Instant::now();
                let running = Running { action: *action, began: now, says: String::new(), told: Duration::ZERO };
                self.running.insert(address.clone(), running);
            }
            Event::StepStarted { address, step, host } => {
                let elsewhere = address.host() != host;
                self.say(address, &if elsewhere { format!("{step} (on {host})") } else { step.clone() });
            }
            Event::Waiting { address, until, missing, left } => {
                let missing = missing.lines().last().unwrap_or_default();
                self.say(address, &format!("waiting until {until} ({left} left): {missing}", left = clock(*left)));
            }
            Event::Retried { address, step, text, tries } => {
                self.say(address, &format!("{step}: try {} after: {text}", tries + 1));
            }
            Event::Ended { address, ending, .. } => {
                self.running.remove(address);
                match ending {
                    Ending::Done => self.done += 1,
                    Ending::Failed(_) => self.failed += 1,
                    Ending::Skipped { .. } | Ending::NotStarted => {}
                }
            }
            Event::Interrupted => self.interrupts += 1,
            Event::RunEnded { .. } => {}
        }
    }

    /// The message for an interrupt.
    pub(super) fn interruption(&self) -> String {
        match (self.interrupts, self.running.len()) {
            (0 | 1, _) => {
                "interrupted: nothing new is started; running steps finish (interrupt again to stop now)".to_owned()
            }
            (_, 1) => "interrupted again: 1 running resource is stopped; the next run resumes it".to_owned(),
            (_, many) => format!("interrupted again: {many} running resources are stopped; the next run resumes them"),
        }
    }

    fn say(&mut self, address: &Address, says: &str) {
        if let Some(running) = self.running.get_mut(address) {
            running.says = plain(says);
        }
    }
}

/// The failed step and the first line of its error.
pub(super) fn first_line(failure: &Failure) -> String {
    plain(&format!("{}: {}", failure.step, failure.text.lines().next().unwrap_or_default()))
}

/// `creating`, `updating`, ...
pub(super) fn doing(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::Update => "updating",
        Action::Replace => "replacing",
        Action::Destroy => "destroying",
        Action::Adopt => "adopting",
        Action::Forget => "forgetting",
        Action::NoOp => "checking",
    }
}

/// `created`, `updated`, ...
pub(super) fn did(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Destroy => "destroyed",
        Action::Adopt => "adopted",
        Action::Forget => "forgotten",
        Action::NoOp => "checked",
    }
}

/// `0:41`, `12:05`.
pub(super) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// `0.4 s`, `41 s`.
pub(super) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} s", duration.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::HostName;

    #[test]
    fn what_a_host_says_cannot_drive_the_terminal() {
        let address: Address = "w1/host/swap".parse().unwrap();
        let mut board = Board::new();
        board.take(&Event::Started { address: address.clone(), action: Action::Create });
        let text = "\u{1b}[2J\u{7}\u{9b}1A".to_owned();
        board.take(&Event::Retried { address: address.clone(), step: "look".into(), text: text.clone(), tries: 1 });
        assert_eq!(board.running[&address].says, r"look: try 2 after: \u{1b}[2J\u{7}\u{9b}1A");
        let failure = Failure { host: HostName::new("w1"), step: "look".into(), text, after: Duration::ZERO };
        assert_eq!(first_line(&failure), r"look: \u{1b}[2J\u{7}\u{9b}1A");
    }
}
